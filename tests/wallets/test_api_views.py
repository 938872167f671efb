"""The wallet over the API: balances, top-ups, transactions, and whether it covers an amount."""

from __future__ import annotations

import pytest

from tests.factories.stores import make_shop
from tests.factories.till import memo_of
from tests.factories.wallets import (
    fill_wallet,
    make_customer,
    make_session,
    pay_from_wallet,
    wallet_of,
)


def top_up(till, customer, amount=200_000, **fields):
    return till.call(
        "POST",
        f"/customers/{customer}/wallet/topups",
        {"amount": amount, "currency": "VND", **fields},
    )


def transactions(till, customer, query=""):
    status, page = till.call("GET", f"/customers/{customer}/wallet/transactions{query}")
    assert status == 200, page
    return page


# Balance


def test_a_wallet_that_was_never_used_is_empty(till, customer):
    status, wallets = till.call("GET", f"/customers/{customer}/wallet")

    assert (status, wallets) == (
        200,
        {"object": "list", "data": [], "has_more": False, "next_cursor": None},
    )


def test_pending_topups_count_until_their_deadline(till, customer):
    _, first = top_up(till, customer, 200_000)
    top_up(till, customer, 300_000, duration_minutes=60)
    _, cancelled = top_up(till, customer, 400_000)
    till.call("POST", f"/checkout/sessions/{cancelled['id']}/cancel")

    def shown():
        return till.call("GET", f"/customers/{customer}/wallet")[1]["data"]

    assert shown() == [{"currency": "VND", "balance": 0, "pending_topups": 500_000}]
    till.pay(memo_of(till.start(first["id"])), 200_000)
    assert shown() == [{"currency": "VND", "balance": 200_000, "pending_topups": 300_000}]
    till.advance(61 * 60)
    assert shown() == [{"currency": "VND", "balance": 200_000, "pending_topups": 0}]
    till.advance_and_sweep(1)


def test_a_payment_by_transfer_leaves_the_wallet_alone(till, customer):
    fill_wallet(till, customer, 1_000_000)
    till.pay(memo_of(till.start(make_session(till, customer, 300_000))), 300_000)

    assert wallet_of(till, customer) == {"VND": 1_000_000}


# Top-ups


def test_a_topup_is_a_session_that_credits_the_wallet(till, customer):
    status, session = top_up(till, customer, 200_000, reference="T-1", metadata={"a": "b"})

    assert (status, session["mode"], session["customer"]) == (201, "topup", customer)
    assert (session["amount"], session["reference"], session["metadata"]) == (
        200_000,
        "T-1",
        {"a": "b"},
    )
    till.pay(memo_of(till.start(session["id"])), 200_000)
    assert till.session(session["id"])["status"] == "completed"
    assert wallet_of(till, customer) == {"VND": 200_000}


def test_a_surplus_is_held_and_not_credited(till, customer):
    _, session = top_up(till, customer, 200_000)
    transfer = till.pay(memo_of(till.start(session["id"])), 250_000)

    assert (transfer["disposition"], transfer["amount_held"]) == ("over", 50_000)
    assert wallet_of(till, customer) == {"VND": 200_000}
    assert till.resolve(transfer["id"], "credit_wallet", customer=customer)[0] == 200
    assert wallet_of(till, customer) == {"VND": 250_000}


def test_a_topup_in_two_parts_is_credited_when_it_is_whole(till, customer):
    _, session = top_up(till, customer, 200_000)
    memo = memo_of(till.start(session["id"]))

    till.pay(memo, 150_000)
    assert wallet_of(till, customer) == {"VND": 0}
    till.pay(memo, 50_000)
    assert wallet_of(till, customer) == {"VND": 200_000}


def test_no_fee_is_taken_of_a_topup(client):
    from tests.factories.till import make_till

    till = make_till(client, fee_bps=1000)
    customer = make_customer(till.shop)
    till.pay(memo_of(till.start(top_up(till, customer)[1]["id"])), 200_000)

    assert wallet_of(till, customer) == {"VND": 200_000}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"amount": 99_999, "currency": "VND"}, "amount_too_small", "amount"),
        ({"amount": 50_000_001, "currency": "VND"}, "amount_too_large", "amount"),
        ({"amount": 1e5 + 0.5, "currency": "VND"}, "invalid_type", "amount"),
        ({"amount": "100000", "currency": "VND"}, "invalid_type", "amount"),
        ({"amount": True, "currency": "VND"}, "invalid_type", "amount"),
        ({"currency": "VND"}, "missing_required_field", "amount"),
        ({"amount": 100_000}, "missing_required_field", "currency"),
        ({"amount": 100_000, "currency": "XXX"}, "invalid_currency", "currency"),
        ({"amount": 100_000, "currency": "VND", "mode": "payment"}, "invalid_value", "mode"),
        ({"amount": 100_000, "currency": "VND", "customer_id": "x"}, "unknown_field", None),
        ({"amount": 100_000, "currency": "VND", "rails": ["wallet"]}, None, "rails.0"),
    ],
)
def test_what_a_topup_refuses(till, customer, body, code, param):
    status, answer = till.call("POST", f"/customers/{customer}/wallet/topups", body)

    assert status == 422, answer
    assert code is None or answer["error"]["code"] == code
    assert param is None or answer["error"]["param"] == param


@pytest.mark.parametrize("amount", [100_000, 50_000_000])
def test_the_bounds_themselves_are_allowed(till, customer, amount):
    assert top_up(till, customer, amount)[0] == 201


def test_a_topup_may_be_reused_while_it_is_open(till, customer):
    given = {"reference": "T-1", "reuse_open": True}

    first, again = (top_up(till, customer, **given) for _ in range(2))
    other = top_up(till, make_customer(till.shop), **given)

    assert (first[0], again[0], other[0]) == (201, 200, 201)
    assert first[1]["id"] == again[1]["id"] != other[1]["id"]


# Transactions


def test_every_move_is_listed_newest_first(till, customer):
    till.pay(memo_of(till.start(top_up(till, customer, 300_000)[1]["id"])), 300_000)
    spent = make_session(till, customer, 120_000, reference="BK-9")
    _, attempt = pay_from_wallet(till, spent)
    fill_wallet(till, customer, 50_000)

    page = transactions(till, customer)

    assert [(row["type"], row["amount"], row["balance_after"]) for row in page["data"]] == [
        ("adjustment", 50_000, 230_000),
        ("wallet_spend", -120_000, 180_000),
        ("topup", 300_000, 300_000),
    ]
    payment = till.session(spent)["payment"]["id"]
    row = page["data"][1]
    assert row["id"].startswith("txn_")
    assert (row["source"], row["payment"], row["session"]) == (payment, payment, spent)
    assert (row["reference"], row["rail"], row["code"]) == ("BK-9", "wallet", attempt["code"])
    assert (row["customer"], row["currency"], row["livemode"]) == (customer, "VND", False)
    assert page["data"][0]["source"].startswith("trf_")
    assert page["data"][2]["rail"] == "vietqr"
    assert (page["has_more"], page["next_cursor"]) == (False, None)


def test_transactions_by_type(till, customer):
    fill_wallet(till, customer, 300_000)
    pay_from_wallet(till, make_session(till, customer, 100_000))

    for kind, count in (("wallet_spend", 1), ("adjustment", 1), ("topup", 0), ("refund", 0)):
        page = transactions(till, customer, f"?type={kind}&include=total_count")
        assert ([row["type"] for row in page["data"]], page["total_count"]) == (
            [kind] * count,
            count,
        )
    status, answer = till.call("GET", f"/customers/{customer}/wallet/transactions?type=booking")
    assert (status, answer["error"]["param"]) == (422, "type")


def test_pages_of_transactions_meet(till, customer):
    for amount in range(1_000, 6_000, 1_000):
        fill_wallet(till, customer, amount)
        fill_wallet(till, make_customer(till.shop), 7_000)

    found, cursor = [], ""
    for _ in range(3):
        page = transactions(till, customer, f"?limit=2{cursor}")
        found += page["data"]
        cursor = f"&cursor={page['next_cursor']}"

    assert [row["amount"] for row in found] == [5_000, 4_000, 3_000, 2_000, 1_000]
    assert len({row["id"] for row in found}) == 5
    assert page["has_more"] is False


def test_cursors_of_others_are_missing(till, customer):
    stranger = make_shop()
    for shop in (stranger,):
        other = type(till)(till.client, shop, "")
        from tests.factories.stores import make_vietqr

        other.account = make_vietqr(shop)
        theirs = make_customer(shop)
        for _ in range(2):
            fill_wallet(other, theirs, 1_000)
        cursor = transactions(other, theirs, "?limit=1")["next_cursor"]

    status, answer = till.call("GET", f"/customers/{customer}/wallet/transactions?cursor={cursor}")
    assert (status, answer["error"]["code"]) == (404, "resource_missing")
    status, answer = till.call("GET", f"/customers/{customer}/wallet/transactions?cursor=eA")
    assert (status, answer["error"]["code"]) == (400, "invalid_cursor")


def test_transactions_by_time(till, customer):
    fill_wallet(till, customer, 1_000)
    till.advance(3600)
    fill_wallet(till, customer, 2_000)
    newest = transactions(till, customer)["data"][0]["created_at"]

    page = transactions(till, customer, f"?created_at[gte]={newest}")
    assert [row["amount"] for row in page["data"]] == [2_000]


# Can it pay?


def test_can_pay_is_the_balance_against_the_amount(till, customer):
    fill_wallet(till, customer, 500_000)

    def ask(query):
        return till.call("GET", f"/customers/{customer}/wallet/can-pay?{query}")

    assert ask("amount=500000&currency=VND") == (200, {"can_pay": True, "balance": 500_000})
    assert ask("amount=500001&currency=VND") == (200, {"can_pay": False, "balance": 500_000})
    assert ask("amount=1&currency=USD") == (200, {"can_pay": False, "balance": 0})
    for query in (
        "amount=0&currency=VND",
        "amount=-1&currency=VND",
        "amount=1.5&currency=VND",
        "amount=x&currency=VND",
        "amount=9999999999999&currency=VND",
        "currency=VND",
    ):
        status, answer = ask(query)
        assert (status, answer["error"]["param"]) == (422, "amount"), query
    assert ask("amount=1")[1]["error"]["param"] == "currency"


# Strangers


def test_a_foreign_customer_has_no_wallet_here(till, customer):
    live = make_shop(True, till.shop.store)
    for stranger in (make_customer(make_shop()), make_customer(live), "cus_x", "cs_" + "0" * 28):
        for method, path, body in (
            ("GET", "", None),
            ("POST", "/topups", {"amount": 200_000, "currency": "VND"}),
            ("GET", "/transactions", None),
            ("GET", "/can-pay?amount=1&currency=VND", None),
        ):
            status, answer = till.call(method, f"/customers/{stranger}/wallet{path}", body)
            assert (status, answer["error"]["code"]) == (404, "resource_missing")


def test_no_key_no_wallet(till, customer):
    assert till.client.get(f"/api/v1/customers/{customer}/wallet").status_code == 401
