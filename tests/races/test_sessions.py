"""Merchants, shoppers, banks and sweeps that meet on one session."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.payments.fail import fail_attempt
from checkout.payments.lapse import lapse_due
from checkout.sessions.end import abandon_session
from checkout.sessions.expire import expire_due
from checkout.sessions.remind import remind_due
from tests.factories.books import read, read_one
from tests.factories.till import memo_of
from tests.races.crowd import ROUNDS, own_till

_keys = itertools.count()


@pytest.fixture
def tills(till, app):
    return [own_till(till, app) for _ in range(4)]


def poster(till, session_id, action, body=None, **headers):
    path = f"/checkout/sessions/{session_id}/{action}"
    return lambda: till.call("POST", path, body, **headers)


def codes(answers):
    """Statuses, with the code where something was refused."""
    return sorted(
        (status, "" if status < 300 else answer["error"]["code"]) for status, answer in answers
    )


def fail(attempt_id):
    with unit_of_work():
        return fail_attempt(attempt_id, code="x", message="x", actor="test", counts=True)


def test_pay_and_cancel(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        _, (status, _) = crowd.at_once(
            partial(tills[0].tell, notice), poster(tills[1], attempt["session"], "cancel")
        )
        session = till.session(attempt["session"])
        transfer = till.transfer(str(notice["id"]))
        found = (status, session["status"], transfer["disposition"], transfer["amount_held"])

        assert found in (
            (200, "cancelled", "late", 500_000),
            (409, "completed", "matched", 0),
        )


def test_pay_leave_and_retry(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        session_id = attempt["session"]

        def leave(session_id: str = session_id) -> str | None:
            from checkout.core.errors import Problem

            try:
                with unit_of_work():
                    abandon_session(session_id)
            except Problem as problem:
                return problem.code
            return None

        crowd.at_once(
            partial(tills[0].tell, notice),
            leave,
            poster(tills[1], session_id, "attempts", {"rail": "vietqr"}),
        )
        # In time is in time: whoever was first, the money completes it.
        assert till.session(session_id)["status"] == "completed"


def test_cancel_expire_and_the_sweep(till, tills, crowd):
    for _ in range(ROUNDS):
        session = till.make_session()
        answers = crowd.at_once(
            poster(tills[0], session["id"], "cancel"), poster(tills[1], session["id"], "expire")
        )
        found = codes(answers)
        ended = till.session(session["id"])["status"]

        assert (ended, found) in (
            ("cancelled", [(200, ""), (409, "session_not_active")]),
            ("expired", [(200, ""), (409, "session_expired")]),
        )


def test_retries_at_once_start_one_attempt(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt()
        fail(attempt["id"])
        answers = crowd.at_once(*(poster(one, attempt["session"], "retry", {}) for one in tills))

        assert codes(answers) == [(201, ""), *[(409, "attempt_in_progress")] * 3]


def test_the_last_attempt_is_used_once(till, tills, crowd):
    for _ in range(ROUNDS // 2):
        session = till.make_session(max_attempts=1)
        attempt = till.start(session["id"])
        answers = crowd.at_once(
            partial(fail, attempt["id"]),
            partial(fail, attempt["id"]),
            poster(tills[0], session["id"], "retry", {}),
        )
        assert sorted(answers[:2]) == [False, True]
        assert answers[2][0] == 409
        assert till.session(session["id"])["attempts"] == 1


def test_attempts_at_once_leave_one_live(till, tills, crowd):
    for _ in range(ROUNDS):
        session = till.make_session()
        answers = crowd.at_once(
            *(poster(one, session["id"], "attempts", {"rail": "vietqr"}) for one in tills)
        )

        assert [status for status, _ in answers] == [201] * 4
        rows = read(
            "SELECT number, status FROM attempt WHERE session_id = %(id)s ORDER BY number",
            id=session["id"],
        )
        assert [tuple(row) for row in rows] == [
            (1, "superseded"),
            (2, "superseded"),
            (3, "superseded"),
            (4, "pending"),
        ]


def test_one_key_at_once_makes_one_session(till, tills, crowd):
    for _ in range(ROUNDS):
        key = {"Idempotency-Key": f"k{next(_keys)}"}
        given = {"amount": 5000, "currency": "VND", "reference": key["Idempotency-Key"]}
        answers = crowd.at_once(
            *(partial(one.call, "POST", "/checkout/sessions", given, **key) for one in tills)
        )
        made = {answer["id"] for status, answer in answers if status == 201}

        assert len(made) == 1
        assert set(codes(answers)) <= {(201, ""), (409, "idempotency_key_in_use")}
    assert read_one("SELECT count(*) AS n FROM checkout_session").n == ROUNDS


def test_one_key_at_once_starts_one_attempt(till, tills, crowd):
    for _ in range(ROUNDS // 2):
        session = till.make_session()
        key = {"Idempotency-Key": f"k{next(_keys)}"}
        answers = crowd.at_once(
            *(
                poster(one, session["id"], "attempts", {"rail": "vietqr"}, **key)
                for one in tills[:3]
            )
        )
        assert set(codes(answers)) <= {(201, ""), (409, "idempotency_key_in_use")}
        rows = read("SELECT id FROM attempt WHERE session_id = %(id)s", id=session["id"])
        assert len(rows) == 1


def test_reuse_open_at_once_gives_one_session(till, tills, crowd):
    for number in range(ROUNDS):
        given = {"amount": 5000, "currency": "VND", "reference": f"r{number}", "reuse_open": True}
        answers = crowd.at_once(
            *(partial(one.call, "POST", "/checkout/sessions", given) for one in tills)
        )

        assert sorted(status for status, _ in answers) == [200, 200, 200, 201]
        assert len({answer["id"] for _, answer in answers}) == 1


def test_sweeps_at_once_do_everything_once(till, crowd):
    for _ in range(ROUNDS // 10):
        ids = [till.make_attempt(duration_minutes=60)["session"] for _ in range(5)]
        lapsing = [till.make_attempt(duration_minutes=60)["session"] for _ in range(5)]
        reminding = [till.make_session(duration_minutes=15)["id"] for _ in range(5)]
        with unit_of_work():
            execute(
                "UPDATE checkout_session SET expires_at = clock_timestamp() WHERE id = ANY(%(i)s)",
                i=ids,
            )
            execute(
                "UPDATE attempt SET expires_at = clock_timestamp() WHERE session_id = ANY(%(i)s)",
                i=lapsing,
            )
            execute(
                "UPDATE checkout_session SET expires_at = clock_timestamp() + interval '4 minutes'"
                " WHERE id = ANY(%(i)s)",
                i=reminding,
            )
        crowd.at_once(expire_due, expire_due, lapse_due, lapse_due, remind_due, remind_due)
        # Rows that one sweep held, another skipped: a sweep comes every second.
        for sweep in (expire_due, lapse_due, remind_due):
            sweep()

    expected = ROUNDS // 10 * 5
    steps = read("SELECT event, count(*) AS n FROM session_history GROUP BY event")
    counted = {row.event: row.n for row in steps}
    assert (counted["timed_out"], counted["attempt_failed"]) == (expected, expected)
    soon = read_one(
        "SELECT count(*) AS n FROM outbox WHERE type = 'checkout.session.expiring_soon'"
    )
    assert soon.n == expected
