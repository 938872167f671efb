"""Attempts whose own deadline passes while their session goes on."""

from __future__ import annotations

from sqlalchemy import text

from checkout.core.db import db
from checkout.payments.lapse import lapse_due, lapse_in_store
from tests.factories.till import memo_of


def test_a_code_lapses_is_counted_and_may_be_retried(till):
    attempt = till.make_attempt(duration_minutes=60)
    till.advance(15 * 60 - 5)
    assert lapse_due() == 0
    till.advance(5)

    assert lapse_due() == 1
    assert lapse_due() == lapse_in_store(till.shop.store.id) == 0
    session = till.session(attempt["session"])
    assert (session["status"], session["attempts"], session["can_retry"]) == ("open", 1, True)
    assert session["current_attempt"]["status"] == "expired"
    history = till.call("GET", f"/checkout/sessions/{session['id']}/history")[1]["data"]
    assert (history[-1]["event"], history[-1]["reason"]) == ("attempt_failed", "attempt_expired")


def test_what_ends_with_its_session_is_not_lapsed_first(till):
    attempt = till.make_attempt(duration_minutes=15)
    till.advance(900)

    assert lapse_due() == 0
    assert till.attempt(attempt["id"])["status"] == "pending"


def test_what_was_paid_or_superseded_does_not_lapse(till):
    paid = till.make_attempt(duration_minutes=60)
    till.pay(memo_of(paid), 500_000)
    first = till.make_attempt(duration_minutes=60)
    till.advance(600)
    second = till.start(first["session"])
    till.advance(600)

    assert lapse_due() == 0
    assert till.attempt(second["id"])["status"] == "pending"
    assert till.session(first["session"])["attempts"] == 0


def test_parts_stay_when_their_code_lapses(till):
    attempt = till.make_attempt(500_000, duration_minutes=60)
    till.pay(memo_of(attempt), 200_000)
    till.advance(900)
    lapse_due()
    session = till.session(attempt["session"])

    assert (session["status"], session["payment_status"]) == ("open", "partially_paid")
    assert (session["amount_received"], session["amount_due"]) == (200_000, 300_000)
    till.pay(memo_of(attempt), 300_000)
    assert till.session(attempt["session"])["status"] == "completed"


def test_a_session_that_somebody_holds_is_not_waited_for(till):
    held, free = (till.make_attempt(duration_minutes=60) for _ in range(2))
    till.advance(900)

    with db.engine.connect() as judge:
        judge.execute(
            text("SELECT id FROM checkout_session WHERE id = :id FOR UPDATE"),
            {"id": held["session"]},
        )
        assert lapse_due() == 1
    assert till.attempt(free["id"])["status"] == "expired"
    assert lapse_due() == 1
    assert till.attempt(held["id"])["status"] == "expired"
