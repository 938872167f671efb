"""Expiry: at the deadline, once, in batches, whoever sweeps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.sessions import expire
from checkout.sessions.expire import expire_due, expire_in_store
from tests.factories.books import events_of, read, read_one
from tests.factories.till import deadline_of


def set_deadline(session_id, *, seconds_from_now):
    with unit_of_work():
        execute(
            "UPDATE checkout_session SET expires_at = clock_timestamp()"
            " + make_interval(secs => %(seconds)s) WHERE id = %(id)s",
            id=session_id,
            seconds=seconds_from_now,
        )


def test_what_is_due_ends_and_the_rest_goes_on(till):
    due, later = till.make_session(), till.make_session()
    set_deadline(due["id"], seconds_from_now=-0.001)
    set_deadline(later["id"], seconds_from_now=30)

    assert expire_due() == 1
    ended = till.session(due["id"])
    assert (ended["status"], ended["expired_reason"]) == ("expired", "timeout")
    assert till.session(later["id"])["status"] == "open"
    assert expire_due() == 0
    told = events_of(till.shop.store.id, due["id"])
    assert told == ["checkout.session.created", "checkout.session.expired"]


def test_a_session_has_ended_at_its_deadline_not_at_the_sweep(till):
    session = till.make_session()
    till.advance(5_000)
    expire_in_store(till.shop.store.id)

    row = read_one("SELECT * FROM checkout_session WHERE id = %(id)s", id=session["id"])
    assert row.ended_at == row.expires_at


def test_nobody_may_pay_from_the_deadline_on_though_no_sweep_came(till):
    session = till.make_session()
    till.advance(899)
    till.start(session["id"])
    till.advance(1)

    for call in ("attempts", "retry"):
        status, answer = till.call(
            "POST", f"/checkout/sessions/{session['id']}/{call}", {"rail": "vietqr"}
        )
        assert (status, answer["error"]["code"]) == (409, "session_expired")
    found = till.session(session["id"])
    assert (found["remaining_seconds"], found["can_retry"]) == (0, False)


def test_the_live_attempt_lapses_with_its_session(till):
    attempt = till.make_attempt()
    till.advance_and_sweep(900)

    session = till.session(attempt["session"])
    assert session["current_attempt"]["status"] == "expired"
    assert (session["attempts"], session["expired_reason"]) == (1, "timeout")


def test_all_attempts_used_up_is_the_reason(till):
    session = till.make_session(max_attempts=1, duration_minutes=60)
    till.start(session["id"])
    till.advance_and_sweep(15 * 60)
    used = till.session(session["id"])
    till.advance_and_sweep(45 * 60)

    assert (used["status"], used["attempts"], used["can_retry"]) == ("open", 1, False)
    assert till.session(session["id"])["expired_reason"] == "attempts_exhausted"


def test_ended_sessions_do_not_expire(till):
    attempt = till.make_attempt()
    till.pay(attempt["transfer_memo"], 500_000)
    cancelled = till.make_session()
    till.call("POST", f"/checkout/sessions/{cancelled['id']}/cancel")
    till.advance_and_sweep(1_000)

    assert till.session(attempt["session"])["status"] == "completed"
    assert till.session(cancelled["id"])["status"] == "cancelled"


def test_many_end_in_batches_each_once(till, monkeypatch):
    monkeypatch.setattr(expire, "BATCH", 7)
    ids = [till.make_session()["id"] for _ in range(20)]
    for session_id in ids:
        set_deadline(session_id, seconds_from_now=-1)

    assert [expire_due() for _ in range(4)] == [7, 7, 6, 0]
    rows = read(
        "SELECT session_id FROM session_history WHERE event = 'timed_out' AND actor = 'system'"
    )
    assert sorted(row.session_id for row in rows) == sorted(ids)


def test_a_moved_clock_ends_all_that_is_due(till, monkeypatch):
    monkeypatch.setattr(expire, "BATCH", 3)
    ids = [till.make_session()["id"] for _ in range(8)]
    till.advance_and_sweep(900)

    assert {till.session(session_id)["status"] for session_id in ids} == {"expired"}


def test_the_usual_sweep_knows_stores_whose_clock_is_ahead(till, client):
    from tests.factories.till import make_till

    other = make_till(client)
    ahead, usual = till.make_session(), other.make_session()
    till.advance(900)

    assert expire_due() == 1
    assert till.session(ahead["id"])["status"] == "expired"
    assert other.session(usual["id"])["status"] == "open"


def test_live_sessions_do_not_follow_the_test_clock(client):
    from tests.factories.till import Till, make_till

    live = make_till(client, livemode=True)
    session = live.make_session()
    live.advance(86_400)
    expire_due()

    assert isinstance(live, Till)
    assert live.session(session["id"])["status"] == "open"
    assert deadline_of(session["id"]) < live.now() - timedelta(hours=23)


@pytest.mark.parametrize("livemode", [False, True])
def test_the_test_clock_is_moved_in_test_mode_only_and_forward(client, livemode):
    from tests.factories.till import make_till

    till = make_till(client, livemode=livemode)
    status, answer = till.call("POST", "/test/clock/advance", {"seconds": 60})

    if livemode:
        assert (status, answer["error"]["code"]) == (403, "test_mode_only")
        return
    assert (status, answer["offset_seconds"]) == (200, 60)
    for seconds in (0, -1, 31_536_001, 1.5, "60", None):
        assert till.call("POST", "/test/clock/advance", {"seconds": seconds})[0] == 422
