"""Sessions as a table for spreadsheets, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.batches import read_batches
from checkout.core.clock import rfc3339
from checkout.core.csv import Cell, decimal_amount

COLUMNS = (
    "id",
    "created_at",
    "status",
    "payment_status",
    "amount",
    "amount_received",
    "currency",
    "reference",
    "description",
    "customer",
    "attempts",
    "expires_at",
    "ended_at",
)


def session_rows(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The sessions that `where` lets through, newest first, some at a time."""
    for rows in read_batches("checkout_session", where, params):
        yield [_session(row) for row in rows]


def _session(row: Any) -> list[Cell]:
    return [
        row.id,
        rfc3339(row.created_at),
        row.status,
        row.payment_status,
        decimal_amount(row.amount, row.currency),
        decimal_amount(row.amount_received, row.currency),
        row.currency,
        row.reference,
        row.description,
        row.customer_id,
        row.attempts,
        rfc3339(row.expires_at),
        rfc3339(row.ended_at),
    ]
