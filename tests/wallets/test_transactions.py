"""The shop hears of every move of a wallet, in the words in which the API lists it."""

from __future__ import annotations

import json

from tests.factories.books import read
from tests.factories.till import memo_of
from tests.factories.wallets import fill_wallet, make_session, pay_from_wallet


def told(till):
    rows = read(
        "SELECT type, subject, body FROM outbox WHERE store_id = %(id)s AND type LIKE 'wallet.%%'"
        " ORDER BY id",
        id=till.shop.store.id,
    )
    return [(row.type, row.subject, json.loads(row.body)["data"]["object"]) for row in rows]


def test_each_move_is_told_once_as_it_is_listed(till, customer):
    _, session = till.call(
        "POST", f"/customers/{customer}/wallet/topups", {"amount": 200_000, "currency": "VND"}
    )
    till.pay(memo_of(till.start(session["id"])), 200_000)
    fill_wallet(till, customer, 30_000)
    pay_from_wallet(till, make_session(till, customer, 150_000))

    listed = till.call("GET", f"/customers/{customer}/wallet/transactions")[1]["data"]
    events = told(till)

    assert [type_ for type_, _, _ in events] == [
        "wallet.credited",
        "wallet.credited",
        "wallet.debited",
    ]
    assert [object_ for _, _, object_ in events] == listed[::-1]
    assert [subject for _, subject, _ in events] == [row["id"] for row in listed[::-1]]


def test_what_is_refused_is_not_told(till, customer):
    pay_from_wallet(till, make_session(till, customer, 150_000))

    assert told(till) == []


def test_a_payment_that_touches_no_wallet_is_not_told(till, customer):
    till.pay(memo_of(till.start(make_session(till, customer))), 500_000)

    assert told(till) == []
