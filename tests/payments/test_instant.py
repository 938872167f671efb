"""Paying from the wallet: at once, all or nothing, and in the books like every payment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories.books import balances, check_books, events_of, journals_of, read, read_one
from tests.factories.till import Till, make_till, memo_of
from tests.factories.wallets import (
    fill_wallet,
    make_customer,
    make_session,
    offer_wallet,
    pay_from_wallet,
    wallet_of,
)


@pytest.fixture
def till(client) -> Iterator[Till]:
    till = make_till(client)
    offer_wallet(till.shop)
    yield till
    check_books()


@pytest.fixture
def customer(till) -> str:
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 700_000)
    return customer


def refusal(answer):
    status, body = answer
    return status, body["error"]["code"]


def test_it_pays_at_once(till, customer):
    session_id = make_session(till, customer, reference="BK-7")

    status, attempt = pay_from_wallet(till, session_id)

    assert (status, attempt["status"], attempt["rail"]) == (201, "succeeded", "wallet")
    assert (attempt["qr"], attempt["redirect_url"], attempt["deeplinks"]) == (None, None, [])
    session = till.session(session_id)
    assert (session["status"], session["payment_status"]) == ("completed", "paid")
    assert (session["amount_received"], session["amount_due"]) == (500_000, 0)
    payment = session["payment"]
    assert (payment["rail"], payment["amount"], payment["customer"]) == (
        "wallet",
        500_000,
        customer,
    )
    assert payment["attempt"] == attempt["id"]
    assert wallet_of(till, customer) == {"VND": 200_000}
    (transfer,) = till.call("GET", f"/transfers?session={session_id}")[1]["data"]
    assert (transfer["disposition"], transfer["rail"], transfer["amount_held"]) == (
        "matched",
        "wallet",
        0,
    )
    assert journals_of(transfer["id"]) == [
        ("payment", {"wallet": -500_000, "store_balance": 500_000})
    ]
    assert events_of(till.shop.store.id, session_id) == [
        "checkout.session.created",
        "checkout.session.completed",
    ]


def test_the_fee_is_the_stores(client):
    till = make_till(client, fee_bps=250)
    offer_wallet(till.shop)
    customer = make_customer(till.shop)
    fill_wallet(till, customer, 500_000)
    session_id = make_session(till, customer, 100_001)

    pay_from_wallet(till, session_id)

    payment = till.session(session_id)["payment"]
    assert (payment["fee"], payment["net"]) == (2_500, 97_501)
    held = balances(till.shop.store.id)
    assert (held["wallet"], held["fees"], held["store_balance"]) == (399_999, 2_500, 97_501)
    check_books()


def test_too_little_leaves_no_trace(till, customer):
    session_id = make_session(till, customer, 700_001)
    before = till.session(session_id)

    for _ in range(5):
        assert refusal(pay_from_wallet(till, session_id)) == (422, "insufficient_wallet_balance")

    session = till.session(session_id)
    before.pop("remaining_seconds"), session.pop("remaining_seconds")
    assert session == before
    assert session["attempts"] == 0
    assert read("SELECT id FROM attempt WHERE session_id = %(id)s", id=session_id) == []
    assert wallet_of(till, customer) == {"VND": 700_000}


def test_too_little_leaves_the_code_on_the_page_alive(till, customer):
    session_id = make_session(till, customer, 700_001)
    shown = till.start(session_id)

    pay_from_wallet(till, session_id)

    assert till.attempt(shown["id"])["status"] == "pending"
    assert till.pay(memo_of(shown), 700_001)["disposition"] == "matched"


def test_another_currency_is_another_wallet(till, customer):
    session_id = make_session(till, customer, 500, currency="USD", rails=["wallet"])

    assert refusal(pay_from_wallet(till, session_id)) == (422, "insufficient_wallet_balance")


def test_the_whole_balance_may_go(till, customer):
    assert pay_from_wallet(till, make_session(till, customer, 700_000))[0] == 201
    assert wallet_of(till, customer) == {"VND": 0}


def test_a_code_that_was_shown_is_over(till, customer):
    session_id = make_session(till, customer)
    shown = till.start(session_id)

    assert pay_from_wallet(till, session_id)[0] == 201

    assert till.attempt(shown["id"])["status"] == "superseded"
    late = till.pay(memo_of(shown), 500_000)
    assert (late["disposition"], late["amount_held"]) == ("duplicate", 500_000)


def test_the_rest_of_a_part_is_paid_from_it(till, customer):
    session_id = make_session(till, customer, 800_000)
    till.pay(memo_of(till.start(session_id)), 300_000)

    status, attempt = pay_from_wallet(till, session_id)

    assert (status, attempt["amount"]) == (201, 500_000)
    session = till.session(session_id)
    assert (session["payment_status"], session["payment"]["amount"]) == ("paid", 800_000)
    assert wallet_of(till, customer) == {"VND": 200_000}
    transfer = read_one(
        "SELECT id FROM transfer WHERE session_id = %(id)s AND source = 'wallet'", id=session_id
    )
    assert journals_of(transfer.id) == [
        ("payment", {"wallet": -500_000, "suspense": -300_000, "store_balance": 800_000})
    ]


@pytest.mark.parametrize(
    ("end", "code"), [("cancel", "session_not_active"), ("expire", "session_expired")]
)
def test_an_ended_session_takes_nothing(till, customer, end, code):
    session_id = make_session(till, customer)
    till.call("POST", f"/checkout/sessions/{session_id}/{end}")

    assert refusal(pay_from_wallet(till, session_id)) == (409, code)
    assert wallet_of(till, customer) == {"VND": 700_000}


def test_the_deadline_holds_before_the_sweep(till, customer):
    session_id = make_session(till, customer)
    till.advance(16 * 60)

    assert refusal(pay_from_wallet(till, session_id)) == (409, "session_expired")
    till.advance_and_sweep(1)


def test_a_paid_session_is_paid_once(till, customer):
    session_id = make_session(till, customer, 100_000)

    assert pay_from_wallet(till, session_id)[0] == 201
    assert refusal(pay_from_wallet(till, session_id)) == (409, "session_not_active")
    assert wallet_of(till, customer) == {"VND": 600_000}


def test_a_repeated_request_pays_once(till, customer):
    session_id = make_session(till, customer, 100_000)
    key = {"Idempotency-Key": "from-the-wallet"}

    first = pay_from_wallet(till, session_id, **key)
    again = pay_from_wallet(till, session_id, **key)

    assert first == again
    assert first[0] == 201
    assert wallet_of(till, customer) == {"VND": 600_000}


def test_no_more_attempts_no_payment(till, customer):
    session_id = make_session(till, customer, max_attempts=1)
    till.start(session_id)
    till.advance_and_sweep(15 * 60 - 1)
    attempts = till.session(session_id)["attempts"]
    status = pay_from_wallet(till, session_id)[0]

    assert (attempts, status) in ((1, 409), (0, 201))


def test_the_page_pays_with_one_press(till, customer):
    session_id = make_session(till, customer)

    answer = till.client.post(f"/pay/{session_id}/attempts", data={"rail": "wallet"})

    assert answer.status_code in (200, 303)
    assert till.session(session_id)["status"] == "completed"


def test_looking_at_the_page_pays_nothing(till, customer):
    session_id = make_session(till, customer, rails=["wallet"])

    for path in ("", "/panel"):
        assert till.client.get(f"/pay/{session_id}{path}").status_code == 200

    assert till.session(session_id)["status"] == "open"


def test_the_page_says_that_it_is_too_little(till, customer):
    session_id = make_session(till, customer, 900_000)

    answer = till.client.post(f"/pay/{session_id}/attempts", data={"rail": "wallet"})

    assert answer.status_code < 500
    assert till.session(session_id)["status"] == "open"
