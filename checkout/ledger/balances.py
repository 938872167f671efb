"""What accounts hold right now; a look, never a decision: post() alone decides."""

from __future__ import annotations

from typing import Any

from checkout.core.db import one, run
from checkout.core.money import known_currencies
from checkout.ledger.post import WALLET


def find_wallets(store_id: str, livemode: bool, customer_id: str) -> list[Any]:
    """A customer's wallets, one a currency: rows of id, currency and balance (minor units)."""
    return run(
        "SELECT id, currency, balance FROM account WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND kind = %(kind)s"
        " AND coalesce(customer_id, '') = %(customer_id)s"
        # All columns of the unique index are named, so that a store's other wallets cost nothing.
        " AND currency = ANY(%(currencies)s) ORDER BY currency",
        store_id=store_id,
        livemode=livemode,
        kind=WALLET,
        customer_id=customer_id,
        currencies=list(known_currencies()),
    )


def wallet_balance(store_id: str, livemode: bool, customer_id: str, currency: str) -> int:
    """What a customer's wallet holds in one currency, in minor units."""
    row = one(
        "SELECT balance FROM account WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND currency = %(currency)s AND kind = %(kind)s"
        " AND coalesce(customer_id, '') = %(customer_id)s",
        store_id=store_id,
        livemode=livemode,
        kind=WALLET,
        currency=currency,
        customer_id=customer_id,
    )
    return int(row.balance) if row is not None else 0
