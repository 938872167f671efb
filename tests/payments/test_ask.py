"""Asking the provider: what no notice told is found, and what was told is not found again."""

from __future__ import annotations

import pytest

from checkout.core.db import unit_of_work
from checkout.payments.backfill import ask_live_attempts, backfill_all
from checkout.payments.faults import plan_faults
from checkout.payments.simulate import simulate_payment
from tests.factories.books import balances, read, read_one
from tests.factories.till import make_till


def plan(till, **faults):
    """What the pretend bank is to do wrong."""
    with unit_of_work():
        plan_faults(till.account, **faults)


def pay_unheard(till, attempt, **fields):
    """Money moves, and its notice never comes."""
    plan(till, drop_hooks=1)
    assert simulate_payment(attempt["id"], **fields) == 0


def check(till, attempt):
    return till.call("POST", f"/checkout/attempts/{attempt['id']}/check")


def test_a_check_finds_what_no_notice_told(till, asked):
    attempt = till.make_attempt()
    pay_unheard(till, attempt)
    status, answer = check(till, attempt)

    assert (status, answer["object"], answer["found"]) == (200, "check", 1)
    assert answer["attempt"]["status"] == "succeeded"
    assert till.session(attempt["session"])["status"] == "completed"
    assert check(till, attempt)[1]["found"] == 0
    assert read_one("SELECT source FROM transfer").source == "list"


def test_what_the_hook_told_is_not_counted_again(till, asked):
    attempt = till.make_attempt()
    simulate_payment(attempt["id"])
    answer = check(till, attempt)[1]

    assert (answer["found"], backfill_all(hours=1)) == (0, 0)
    assert [row.result for row in read("SELECT result FROM inbox ORDER BY id")] == [
        "matched",
        "repeated",
    ]
    assert balances(till.shop.store.id) == {"clearing:vietqr": -500_000, "store_balance": 500_000}


def test_the_monitor_asks_about_attempts_that_wait_only(till, asked):
    waiting, paid = till.make_attempt(), till.make_attempt()
    simulate_payment(paid["id"])
    pay_unheard(till, waiting)
    found = ask_live_attempts()

    assert found >= 1
    assert till.session(waiting["session"])["status"] == "completed"
    asked.clear()
    assert ask_live_attempts() == 0
    assert asked == []


def test_accounts_without_a_token_are_left_alone(client, asked):
    till = make_till(client, rail={"api_token": ""})
    attempt = till.make_attempt()
    status, answer = check(till, attempt)

    assert (status, answer["error"]["code"]) == (409, "provider_not_configured")
    assert ask_live_attempts() == backfill_all(hours=1) == 0
    assert asked == []


@pytest.mark.parametrize("error", ["error_500", "error_502", "rate_limited", "html", "nothing"])
def test_a_provider_that_does_not_answer_is_said(till, asked, error):
    attempt = till.make_attempt()
    plan(till, next=[error] * 4)
    status, answer = check(till, attempt)

    assert (status, answer["error"]["code"]) == (502, "provider_unavailable")
    assert ask_live_attempts() == 0
    assert backfill_all(hours=1) == 0
    assert till.attempt(attempt["id"])["status"] == "pending"


def test_a_refused_token_is_a_conflict(till, asked):
    plan(till, next=["error_401"])
    status, answer = check(till, till.make_attempt())

    assert (status, answer["error"]["code"]) == (409, "provider_unauthorized")


def test_one_account_that_cannot_be_asked_stops_no_other(till, client, asked):
    other = make_till(client)
    mine, theirs = till.make_attempt(), other.make_attempt()
    for one, attempt in ((till, mine), (other, theirs)):
        plan(one, drop_hooks=1)
        simulate_payment(attempt["id"])
    plan(till, next=["error_500"] * 3)
    ask_live_attempts()
    backfill_all(hours=1)

    assert other.session(theirs["session"])["status"] == "completed"
    assert till.session(mine["session"])["status"] == "processing"
