"""What a customer has in their wallets, and what is on its way into them."""

from __future__ import annotations

from typing import Any

from checkout.core.db import run
from checkout.ledger.balances import find_wallets
from checkout.sessions.queries import STORE_NOW


def list_balances(store_id: str, livemode: bool, customer_id: str) -> list[dict[str, Any]]:
    """One `{currency, balance, pending_topups}` a currency, in minor units.

    Pending are the top-ups that may still be paid: open, and not past their deadline.
    """
    balances = {row.currency: row.balance for row in find_wallets(store_id, livemode, customer_id)}
    pending = _pending_topups(store_id, livemode, customer_id)
    return [
        {
            "currency": currency,
            "balance": balances.get(currency, 0),
            "pending_topups": pending.get(currency, 0),
        }
        for currency in sorted(balances.keys() | pending)
    ]


def _pending_topups(store_id: str, livemode: bool, customer_id: str) -> dict[str, int]:
    rows = run(
        "SELECT session.currency, sum(session.amount)::bigint AS amount"  # noqa: S608 - a constant
        " FROM checkout_session AS session JOIN store ON store.id = session.store_id"
        " WHERE session.store_id = %(store_id)s AND session.livemode = %(livemode)s"
        " AND session.customer_id = %(customer_id)s AND session.mode = 'topup'"
        " AND session.status IN ('open', 'processing', 'awaiting_action')"
        f" AND session.expires_at > {STORE_NOW} GROUP BY session.currency",
        store_id=store_id,
        livemode=livemode,
        customer_id=customer_id,
    )
    return {row.currency: row.amount for row in rows}
