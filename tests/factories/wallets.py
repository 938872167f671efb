"""Customers with money in their wallets, for tests."""

from __future__ import annotations

import itertools
from typing import Any

from checkout.core.db import unit_of_work
from checkout.customers.find_or_create import find_or_create
from checkout.merchants.rail_accounts import configure_rail
from tests.factories.stores import Shop
from tests.factories.till import Till

_numbers = itertools.count(1)


def offer_wallet(shop: Shop) -> str:
    """Switch the wallet on; the id of its rail account."""
    with unit_of_work():
        return configure_rail(
            shop.store.id, shop.livemode, "wallet", {}, enabled=True, actor="test"
        )


def make_customer(shop: Shop, email: str | None = None) -> str:
    """A committed customer's id."""
    with unit_of_work():
        given = {"email": email or f"guest{next(_numbers)}@shop.example"}
        return find_or_create(shop.store.id, shop.livemode, given)


def fill_wallet(till: Till, customer: str, amount: int) -> None:
    """Give a customer so much (dong), out of money that nobody expected."""
    transfer = till.pay("A GIFT", amount)
    status, answer = till.resolve(transfer["id"], "credit_wallet", customer=customer)
    assert status == 200, answer


def make_session(till: Till, customer: str, amount: int = 500_000, **fields: Any) -> str:
    """A session that a secret key makes for a customer; its id."""
    return str(till.make_session(amount, customer_id=customer, **fields)["id"])


def pay_from_wallet(till: Till, session_id: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Choose the wallet; status and JSON."""
    return till.call(
        "POST", f"/checkout/sessions/{session_id}/attempts", {"rail": "wallet"}, **headers
    )


def wallet_of(till: Till, customer: str) -> dict[str, int]:
    """Currency → balance, as the API shows it."""
    status, wallets = till.call("GET", f"/customers/{customer}/wallet")
    assert status == 200, wallets
    return {wallet["currency"]: wallet["balance"] for wallet in wallets["data"]}
