"""Judging what is stored: batches, what is left over, and what cannot be judged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.payments import judge, settle
from checkout.payments.judge import judge_batch, judge_now, pending_count
from checkout.payments.notices import store_notices
from checkout.rails.base import Match, Notice
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import lock_session
from tests.factories.books import balances, read, read_one
from tests.factories.till import make_till, memo_of


def store(till, *notices: Notice) -> list[str]:
    row = read_one("SELECT * FROM rail_account WHERE id = %(id)s", id=till.account)
    with unit_of_work():
        return [inbox_id for inbox_id, _ in store_notices(row, list(notices))]


def notice(till, reference: str, code: str, amount: int = 1000, **fields) -> Notice:
    given = {
        "source": "hook",
        "outcome": "succeeded",
        "currency": "VND",
        "matches": (Match("code", code),),
        "occurred_at": till.now() - timedelta(seconds=1),
    } | fields
    return Notice(provider_reference=reference, raw=b"{}", amount=amount, **given)


def test_a_batch_of_many_in_one_go(till, client):
    other = make_till(client)
    one, two, theirs = till.make_attempt(3000), till.make_attempt(1000), other.make_attempt(1000)
    ids = store(
        till,
        *(notice(till, f"a{n}", memo_of(one)) for n in range(4)),
        notice(till, "b", memo_of(two)),
        notice(till, "c", "HMAAAAAAA"),
        notice(till, "d", memo_of(theirs)),
    ) + store(other, notice(other, "e", memo_of(theirs), amount=1500))

    results = judge_batch()

    assert [results[id_] for id_ in ids] == [
        "partial",
        "partial",
        "matched",
        "duplicate",
        "matched",
        "unknown_code",
        "unknown_code",
        "over",
    ]
    assert pending_count() == 0
    assert [s["status"] for s in (till.session(one["session"]), till.session(two["session"]))] == [
        "completed",
        "completed",
    ]
    assert balances(till.shop.store.id) == {
        "clearing:vietqr": -7000,
        "store_balance": 4000,
        "suspense": 3000,
    }


def test_what_nobody_judged_is_found_by_the_sweep(till):
    attempt = till.make_attempt(1000)
    store(till, notice(till, "a", memo_of(attempt)))
    assert till.session(attempt["session"])["status"] == "processing"

    sweep_until_idle(judge.SWEEPER)
    assert till.session(attempt["session"])["status"] == "processing"  # still its storer's

    execute("UPDATE inbox SET next_try_at = next_try_at - interval '2 seconds'")
    sweep_until_idle(judge.SWEEPER)

    assert till.session(attempt["session"])["status"] == "completed"


def test_more_than_a_batch_is_judged_in_several(till, monkeypatch):
    monkeypatch.setattr(judge, "BATCH", 5)
    store(till, *(notice(till, f"n{n}", "HMAAAAAAA") for n in range(12)))

    assert [len(judge_batch()) for _ in range(4)] == [5, 5, 2, 0]


def poison(monkeypatch, reference: str) -> None:
    """Judging this notice crashes, as a fault of ours would make it."""
    decide = settle.decide

    def crash(money, session, rules):
        if money.amount == 666:
            raise ZeroDivisionError("odd notice")
        return decide(money, session, rules)

    monkeypatch.setattr(settle, "decide", crash)


def test_a_poisoned_notice_stops_nobody_elses_money(till, monkeypatch):
    attempt = till.make_attempt(1000)
    poison(monkeypatch, "p")
    bad, good = store(till, notice(till, "p", "x", amount=666), notice(till, "g", memo_of(attempt)))

    assert judge_batch() == {good: "matched"}
    row = read_one("SELECT * FROM inbox WHERE id = %(id)s", id=bad)
    assert (row.judged_at, row.tries) == (None, 1)
    assert row.last_error == "ZeroDivisionError: odd notice"
    assert row.next_try_at > row.received_at
    # It waits longer and longer, and is not looked at meanwhile.
    assert judge_batch() == {}


def test_a_poisoned_notice_is_judged_once_the_fault_is_mended(till, monkeypatch):
    with monkeypatch.context() as patch:
        poison(patch, "p")
        (bad,) = store(till, notice(till, "p", "x", amount=666))
        for tries in range(1, 9):
            assert judge_batch() == {}
            row = read_one("SELECT *, next_try_at - clock_timestamp() AS wait FROM inbox")
            assert row.tries == tries
            assert row.wait <= timedelta(seconds=300)
            with unit_of_work():
                execute("UPDATE inbox SET next_try_at = clock_timestamp()")

    assert judge_batch() == {bad: "unknown_code"}
    assert read_one("SELECT last_error, result FROM inbox") == (None, "unknown_code")


def test_the_hook_answers_success_though_judging_crashed(till, monkeypatch):
    poison(monkeypatch, "p")
    answer = till.tell(till.notice("x", 666))

    assert (answer.status_code, answer.get_json()) == (200, {"success": True})
    assert pending_count() == 1
    assert balances(till.shop.store.id) == {}


def test_two_judges_never_take_the_same_notice(till):
    (inbox_id,) = store(till, notice(till, "a", "x"))

    assert judge_now([inbox_id]) == {inbox_id: "unknown_code"}
    assert judge_now([inbox_id]) == judge_batch() == {}


@pytest.mark.parametrize("live", [True, False])
def test_a_providers_no_fails_the_attempt_it_names(till, live):
    attempt = till.make_attempt(1000)
    if not live:
        till.pay(memo_of(attempt), 1000)
    details = {"failure_code": "card_declined", "failure_message": "Declined."}
    (inbox_id,) = store(
        till, notice(till, "f", memo_of(attempt), outcome="failed", details=details)
    )

    assert judge_batch() == {inbox_id: "failed" if live else "ignored"}
    found = till.attempt(attempt["id"])
    session = till.session(attempt["session"])
    if live:
        assert (found["status"], found["failure"]) == (
            "failed",
            {"code": "card_declined", "message": "Declined."},
        )
        assert (session["status"], session["attempts"]) == ("open", 1)
    else:
        # A success is never undone by a later failure.
        assert (found["status"], session["status"]) == ("succeeded", "completed")


def test_a_no_that_names_two_attempts_is_believed_for_neither(till):
    one, two = till.make_attempt(1000), till.make_attempt(1000)
    both = (Match("code", memo_of(one)), Match("code", memo_of(two)))
    (inbox_id,) = store(till, notice(till, "f", "", outcome="failed", matches=both))

    assert judge_batch() == {inbox_id: "ignored"}
    assert till.attempt(one["id"])["status"] == till.attempt(two["id"])["status"] == "pending"


def test_a_no_that_names_nobody_is_known_as_that(till):
    (inbox_id,) = store(till, notice(till, "f", "HMNOBODYS", outcome="failed"))

    assert judge_batch() == {inbox_id: "unknown_attempt"}
    assert read("SELECT 1 FROM transfer") == []


@pytest.mark.parametrize("outcome", ["pending", "ignored"])
def test_what_is_neither_yes_nor_no_changes_nothing(till, outcome):
    attempt = till.make_attempt(1000)
    (inbox_id,) = store(till, notice(till, "x", memo_of(attempt), outcome=outcome))

    assert judge_batch() == {inbox_id: "ignored"}
    assert read("SELECT 1 FROM transfer") == []


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a" * 5000, "\u202e", "😀"])
def test_odd_text_never_stops_money(till, text):
    attempt = till.make_attempt(1000)
    store(
        till,
        notice(
            till,
            f"odd{text[:20]}",
            memo_of(attempt),
            memo=text,
            payer={"name": text},
            details={"note": text, text[:9]: 1},
        ),
    )

    assert list(judge_batch().values()) == ["matched"]
    assert till.session(attempt["session"])["status"] == "completed"


def test_money_on_its_way_ends_the_wait_for_the_shopper(till):
    attempt = till.make_attempt(1000)
    with unit_of_work():
        execute("UPDATE attempt SET status = 'requires_action'")
        locked = lock_session(attempt["session"])
        move = plan_move(locked.session, "action_required", actor="test", at=locked.now)
        move_sessions([move])
    (inbox_id,) = store(till, notice(till, "p", memo_of(attempt), outcome="pending"))

    assert judge_batch() == {inbox_id: "ignored"}
    assert till.session(attempt["session"])["status"] == "processing"
    assert till.attempt(attempt["id"])["status"] == "pending"

    (again,) = store(till, notice(till, "q", memo_of(attempt), outcome="pending"))
    seq = till.session(attempt["session"])["seq"]
    assert judge_batch() == {again: "ignored"}
    assert till.session(attempt["session"])["seq"] == seq
