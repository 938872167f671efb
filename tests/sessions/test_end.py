"""Sessions ended by somebody's word, and how often that may be said."""

from __future__ import annotations

import pytest

from checkout.core.db import unit_of_work
from checkout.core.errors import Problem
from checkout.sessions.end import abandon_session
from tests.factories.books import events_of
from tests.factories.till import memo_of


def post(till, session_id, action):
    status, answer = till.call("POST", f"/checkout/sessions/{session_id}/{action}")
    return (status, answer) if status == 200 else (status, answer["error"]["code"])


def abandon(session_id):
    with unit_of_work():
        abandon_session(session_id)


@pytest.mark.parametrize(
    ("action", "status", "reason", "event"),
    [
        ("cancel", "cancelled", None, "checkout.session.cancelled"),
        ("expire", "expired", "merchant", "checkout.session.expired"),
    ],
)
@pytest.mark.parametrize("paying", [False, True])
def test_the_merchant_ends_a_session(till, action, status, reason, event, paying):
    session = till.make_session()
    if paying:
        till.start(session["id"])
    answer_status, ended = post(till, session["id"], action)

    assert answer_status == 200
    assert (ended["status"], ended["expired_reason"]) == (status, reason)
    assert (ended["can_retry"], ended["remaining_seconds"]) == (False, 0)
    assert events_of(till.shop.store.id, session["id"])[-1] == event
    if paying:
        assert ended["current_attempt"]["status"] == "cancelled"
        assert ended["attempts"] == 0


@pytest.mark.parametrize("action", ["cancel", "expire"])
def test_a_second_time_is_a_harmless_repeat(till, action):
    session = till.make_session()
    first = post(till, session["id"], action)
    told = events_of(till.shop.store.id)

    assert post(till, session["id"], action) == first
    assert events_of(till.shop.store.id) == told


def test_the_shopper_leaves(till):
    attempt = till.make_attempt()
    abandon(attempt["session"])
    abandon(attempt["session"])

    session = till.session(attempt["session"])
    assert session["status"] == "abandoned"
    assert session["current_attempt"]["status"] == "cancelled"
    told = events_of(till.shop.store.id, session["id"])
    assert told.count("checkout.session.abandoned") == 1


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("cancel", "expire", "session_not_active"),
        ("expire", "cancel", "session_expired"),
        ("abandon", "cancel", "session_not_active"),
        ("abandon", "expire", "session_not_active"),
        ("pay", "cancel", "session_not_active"),
        ("pay", "expire", "session_not_active"),
    ],
)
def test_who_ended_otherwise_stays_so(till, first, second, code):
    attempt = till.make_attempt()
    session_id = attempt["session"]
    if first == "pay":
        till.pay(memo_of(attempt), 500_000)
    elif first == "abandon":
        abandon(session_id)
    else:
        post(till, session_id, first)
    before = till.session(session_id)

    assert post(till, session_id, second) == (409, code)
    with pytest.raises(Problem):
        abandon(session_id) if first != "abandon" else unheard(till, session_id)
    assert till.session(session_id) == before


def unheard(till, session_id):
    _, answer = till.call("POST", f"/checkout/sessions/{session_id}/attempts", {"rail": "vietqr"})
    raise Problem("conflict_error", 409, answer["error"]["code"], "")


def test_from_the_deadline_on_it_is_too_late_to_cancel_or_leave(till):
    attempt = till.make_attempt()
    till.advance(900)

    assert post(till, attempt["session"], "cancel") == (409, "session_expired")
    with pytest.raises(Problem, match="session_expired"):
        abandon(attempt["session"])
    assert post(till, attempt["session"], "expire")[1]["status"] == "expired"
