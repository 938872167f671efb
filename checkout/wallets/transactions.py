"""A wallet's transactions: its side of the ledger's journals, shown and told of.

There is no table of them. A journal moves a wallet at most once, so a transaction's id is its
journal's own under another prefix: stable, unguessable, and never stored twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.db import run
from checkout.core.lists import Condition, ListQuery, list_page
from checkout.core.outbox import Event, record_events
from checkout.core.scope import Scope
from checkout.ledger.balances import find_wallets

JOURNAL = "jrn"
TRANSACTION = "txn"

SOURCE = (
    "(SELECT journal.id, journal.store_id, journal.livemode, entry.id AS entry_id,"
    " entry.account_id, entry.amount, entry.balance_after, entry.created_at,"
    " account.currency, account.customer_id, journal.payment_id, journal.transfer_id,"
    " CASE WHEN journal.kind = 'refund' THEN 'refund'"
    " WHEN journal.kind <> 'payment' THEN 'adjustment'"
    " WHEN entry.amount > 0 THEN 'topup' ELSE 'wallet_spend' END AS type,"
    " coalesce(payment.session_id, transfer.session_id) AS session_id,"
    " coalesce(payment.rail, transfer.rail) AS rail, payment.reference, attempt.code"
    " FROM entry JOIN account ON account.id = entry.account_id AND account.kind = 'wallet'"
    " JOIN journal ON journal.id = entry.journal_id"
    " LEFT JOIN payment ON payment.id = journal.payment_id"
    " LEFT JOIN transfer ON transfer.id = journal.transfer_id"
    " LEFT JOIN attempt ON attempt.id = coalesce(payment.attempt_id, transfer.attempt_id))"
    " AS wallet_transaction"
)


def list_transactions(
    scope: Scope, customer_id: str, query: ListQuery, kind: str | None
) -> dict[str, Any]:
    """One page of a customer's transactions in all their wallets, newest first."""
    accounts = [row.id for row in find_wallets(scope.store_id, scope.livemode, customer_id)]
    conditions: list[Condition] = [("account_id = ANY(%(accounts)s)", {"accounts": accounts})]
    if kind is not None:
        conditions.append(("type = %(type)s", {"type": kind}))
    return list_page(
        table=SOURCE,
        # Entries are numbered under their account's lock: no two of a wallet change places.
        order="entry_id",
        scope=scope,
        query=query,
        conditions=conditions,
        render=transaction_object,
    )


def tell_wallet_moves(*, journal_ids: Sequence[str]) -> None:
    """Record `wallet.credited` or `wallet.debited` for each wallet that these journals moved."""
    rows = run(
        f"SELECT * FROM {SOURCE} WHERE id = ANY(%(ids)s) ORDER BY entry_id",  # noqa: S608 - a constant
        ids=list(journal_ids),
    )
    record_events(
        Event(
            type="wallet.credited" if row.amount > 0 else "wallet.debited",
            store_id=row.store_id,
            livemode=row.livemode,
            subject=transaction_id(row.id),
            object=transaction_object(row),
            at=row.created_at,
        )
        for row in rows
    )


def transaction_id(journal_id: str) -> str:
    """The public id of what a journal did to a wallet."""
    return TRANSACTION + journal_id.removeprefix(JOURNAL)


def transaction_object(row: Any) -> dict[str, Any]:
    """A row of SOURCE as the API and events show it; `amount` is below zero where it left."""
    return {
        "id": transaction_id(row.id),
        "object": "balance_transaction",
        "type": row.type,
        "customer": row.customer_id,
        "amount": row.amount,
        "balance_after": row.balance_after,
        "currency": row.currency,
        "source": row.payment_id or row.transfer_id,
        "payment": row.payment_id,
        "transfer": row.transfer_id,
        "session": row.session_id,
        "reference": row.reference,
        "rail": row.rail,
        "code": row.code,
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }
