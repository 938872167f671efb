"""Many who want the same wallet's money at the very same moment."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from tests.factories.books import read, read_one
from tests.factories.till import memo_of
from tests.factories.wallets import (
    fill_wallet,
    make_customer,
    make_session,
    offer_wallet,
    pay_from_wallet,
    wallet_of,
)
from tests.races.crowd import ROUNDS, Crowd, many_processes, own_till

SHOPPERS = 20
_keys = itertools.count()


@pytest.fixture
def crowd(app, db_clean):
    """A crowd in which twenty stand at the counter at once."""
    with many_processes():
        crowd = Crowd(app, SHOPPERS)
        yield crowd
        crowd.close()


@pytest.fixture
def till(till):
    offer_wallet(till.shop)
    return till


@pytest.fixture
def tills(till, app):
    return [own_till(till, app) for _ in range(SHOPPERS)]


def codes(answers):
    """Statuses, with the code where something was refused."""
    return sorted(
        (status, "" if status < 300 else answer["error"]["code"]) for status, answer in answers
    )


def test_twenty_sessions_on_a_wallet_that_covers_one(till, tills, crowd):
    customer = make_customer(till.shop)
    sessions = [
        make_session(till, customer, 500_000, duration_minutes=600) for _ in range(SHOPPERS)
    ]
    paid = 0
    for _ in range(ROUNDS):
        fill_wallet(till, customer, 500_000)
        answers = crowd.at_once(
            *(
                partial(pay_from_wallet, one, session)
                for one, session in zip(tills, sessions, strict=True)
            )
        )
        short = [(422, "insufficient_wallet_balance")] * (SHOPPERS - 1)
        assert codes(answers) == [(201, ""), *short]
        (winner,) = (n for n, (status, _) in enumerate(answers) if status == 201)
        assert till.session(sessions[winner])["status"] == "completed"
        sessions[winner] = make_session(till, customer, 500_000, duration_minutes=600)
        paid += 1
        assert wallet_of(till, customer) == {"VND": 0}
    assert read_one("SELECT count(*) AS n FROM payment").n == paid
    assert (
        read_one(
            "SELECT min(balance_after) AS least FROM entry JOIN account ON"
            " account.id = account_id WHERE kind = 'wallet'"
        ).least
        == 0
    )


def test_a_wallet_is_topped_up_while_it_is_spent(till, tills, crowd):
    customer = make_customer(till.shop)
    for _ in range(ROUNDS):
        before = wallet_of(till, customer).get("VND", 0)
        topup = till.make_session(200_000, mode="topup", customer_id=customer)
        notice = till.notice(memo_of(till.start(topup["id"])), 200_000)
        session_id = make_session(till, customer, 200_000 + before)
        _, (status, _) = crowd.at_once(
            partial(tills[0].tell, notice), partial(pay_from_wallet, tills[1], session_id)
        )

        assert till.session(topup["id"])["status"] == "completed"
        assert status in (201, 422)
        left = 0 if status == 201 else before + 200_000
        assert wallet_of(till, customer) == {"VND": left}


def test_two_presses_pay_once(till, tills, crowd):
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 1_000 * ROUNDS * 2)
    for number in range(1, ROUNDS + 1):
        session_id = make_session(till, customer, 1_000)
        answers = crowd.at_once(*(partial(pay_from_wallet, one, session_id) for one in tills[:4]))

        assert codes(answers) == [(201, ""), *[(409, "session_not_active")] * 3]
        assert wallet_of(till, customer) == {"VND": 1_000 * (ROUNDS * 2 - number)}


def test_one_key_at_once_pays_once(till, tills, crowd):
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 1_000 * ROUNDS)
    for number in range(1, ROUNDS // 2 + 1):
        session_id = make_session(till, customer, 1_000)
        key = {"Idempotency-Key": f"w{next(_keys)}"}
        answers = crowd.at_once(
            *(partial(pay_from_wallet, one, session_id, **key) for one in tills[:3])
        )

        assert set(codes(answers)) <= {(201, ""), (409, "idempotency_key_in_use")}
        assert (201, "") in codes(answers)
        assert wallet_of(till, customer) == {"VND": 1_000 * (ROUNDS - number)}


def test_the_wallet_and_the_bank_pay_at_once(till, tills, crowd):
    customer = make_customer(till.shop)
    for _ in range(ROUNDS):
        fill_wallet(till, customer, 500_000)
        before = wallet_of(till, customer)["VND"]
        session_id = make_session(till, customer, 500_000)
        notice = till.notice(memo_of(till.start(session_id)), 500_000)
        _, (status, _) = crowd.at_once(
            partial(tills[0].tell, notice), partial(pay_from_wallet, tills[1], session_id)
        )
        transfer = till.transfer(str(notice["id"]))
        found = (status, transfer["disposition"], before - wallet_of(till, customer)["VND"])

        assert till.session(session_id)["status"] == "completed"
        assert found in ((201, "duplicate", 500_000), (409, "matched", 0))


def test_the_wallet_and_the_merchant_who_cancels(till, tills, crowd):
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 1_000 * ROUNDS)
    for _ in range(ROUNDS // 2):
        before = wallet_of(till, customer)["VND"]
        session_id = make_session(till, customer, 1_000)
        answers = crowd.at_once(
            partial(pay_from_wallet, tills[0], session_id),
            partial(tills[1].call, "POST", f"/checkout/sessions/{session_id}/cancel"),
        )
        spent = before - wallet_of(till, customer)["VND"]
        found = (till.session(session_id)["status"], spent, codes(answers))

        refused = [(200, ""), (409, "session_not_active")]
        taken = [(201, ""), (409, "session_not_active")]
        assert found in (("cancelled", 0, refused), ("completed", 1_000, taken))


def test_held_money_credits_one_wallet_once(till, tills, crowd):
    first, second = make_customer(till.shop), make_customer(till.shop)
    for _ in range(ROUNDS // 2):
        transfer = till.pay("A GIFT", 1_000)
        answers = crowd.at_once(
            partial(tills[0].resolve, transfer["id"], "credit_wallet", customer=first),
            partial(tills[1].resolve, transfer["id"], "credit_wallet", customer=second),
            partial(tills[2].resolve, transfer["id"], "write_off"),
        )
        assert codes(answers) == [(200, ""), *[(409, "transfer_already_resolved")] * 2]
    moved = read(
        "SELECT count(*) AS n FROM entry JOIN account ON account.id = account_id"
        " WHERE kind = 'wallet'"
    )[0].n
    credited = read_one("SELECT count(*) AS n FROM outbox WHERE type = 'wallet.credited'").n
    assert moved == credited
