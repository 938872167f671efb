"""Notices that meet: the same one several times, two for one session, hook and list, judges."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.payments.judge import judge_batch, pending_count
from checkout.sessions.expire import expire_due
from tests.factories.books import read, read_one
from tests.factories.till import memo_of
from tests.payments.test_twins import list_row, store
from tests.races.crowd import ROUNDS, own_till


@pytest.fixture
def tills(till, app):
    return [own_till(till, app) for _ in range(4)]


def results(account):
    rows = read("SELECT result FROM inbox WHERE rail_account_id = %(id)s", id=account)
    return Counter(row.result for row in rows)


def test_the_same_notice_four_times_at_once(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        answers = crowd.at_once(*(partial(one.tell, notice) for one in tills))

        assert {(answer.status_code, answer.data) for answer in answers} == {
            (200, b'{"success": true}')
        }
        assert till.session(attempt["session"])["status"] == "completed"

    assert results(till.account) == {"matched": ROUNDS}
    assert read_one("SELECT count(*) AS n FROM payment").n == ROUNDS


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ((500_000, 500_000), ["duplicate", "matched"]),
        ((300_000, 300_000), ["over", "partial"]),
        ((200_000, 300_000), ["matched", "partial"]),
        ((600_000, 500_000, 400_000), None),
    ],
)
def test_different_notices_for_one_session_at_once(till, tills, crowd, amounts, expected):
    for _ in range(ROUNDS // 2):
        attempt = till.make_attempt(500_000)
        notices = [till.notice(memo_of(attempt), amount) for amount in amounts]
        crowd.at_once(
            *(partial(one.tell, notice) for one, notice in zip(tills, notices, strict=False))
        )
        found = sorted(till.transfer(str(notice["id"]))["disposition"] for notice in notices)

        assert till.session(attempt["session"])["status"] == "completed"
        if expected is not None:
            assert found == expected


def test_hook_and_list_at_once(till, tills, crowd):
    for number in range(ROUNDS):
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        store(till, list_row(notice, f"u-{number}"))
        crowd.at_once(partial(tills[0].tell, notice), judge_batch, judge_batch)
        judge_batch()

    assert results(till.account) == {"matched": ROUNDS, "repeated": ROUNDS}


def test_several_judges_share_what_waits(till, tills, crowd):
    for _ in range(ROUNDS // 10):
        attempts = [till.make_attempt() for _ in range(6)]
        for attempt in attempts:
            store(till, *(till.notice(memo_of(attempt), 250_000) for _ in range(3)))
        crowd.at_once(*(judge_batch for _ in range(4)))
        while pending_count():
            judge_batch()

    rounds = ROUNDS // 10 * 6
    assert results(till.account) == {"partial": rounds, "matched": rounds, "duplicate": rounds}


def test_notices_that_cross_sessions_do_not_deadlock(till, tills, crowd):
    """Batches that lock the same sessions and accounts, named in opposite orders."""
    for _ in range(ROUNDS // 4):
        one, two = till.make_attempt(), till.make_attempt()
        memos = [f"{memo_of(one)} {memo_of(two)}", f"{memo_of(two)} {memo_of(one)}"]
        notices = [till.notice(memo, 500_000) for memo in memos for _ in range(2)]
        answers = crowd.at_once(
            *(partial(one.tell, notice) for one, notice in zip(tills, notices, strict=True))
        )
        assert {answer.status_code for answer in answers} == {200}

    assert pending_count() == 0
    assert set(results(till.account)) == {"unknown_code"}


def test_money_in_time_beats_every_sweep(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        with unit_of_work():
            execute(
                "UPDATE checkout_session SET expires_at = clock_timestamp() WHERE id = %(id)s",
                id=attempt["session"],
            )
        crowd.at_once(partial(tills[0].tell, notice), expire_due, expire_due)
        session = till.session(attempt["session"])

        assert (session["status"], session["payment_status"]) == ("completed", "paid")
        assert session["payment"]["late"] is False
        assert session["expired_reason"] is None
