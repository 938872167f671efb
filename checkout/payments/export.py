"""Payments as a table for spreadsheets, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.csv import BYTE_ORDER_MARK, Cell, csv_lines, decimal_amount
from checkout.core.db import run, unit_of_work

BATCH = 1000
COLUMNS = (
    "id",
    "paid_at",
    "status",
    "amount",
    "fee",
    "net",
    "amount_refunded",
    "currency",
    "rail",
    "reference",
    "provider_reference",
    "customer",
    "session",
    "attempt",
    "late",
)


def stream_csv(where: str, params: Mapping[str, Any]) -> Iterator[str]:
    """A header, then the payments that `where` lets through, newest first, some at a time.

    Each step is a short transaction of its own that goes on below the last id: a reader who
    takes an hour holds neither a connection nor a snapshot, and what is paid meanwhile has
    ids above. `where` is made of constants, as core/lists.py makes it.
    """
    yield BYTE_ORDER_MARK + csv_lines([COLUMNS])
    for rows in read_batches(where, params):
        yield csv_lines(_cells(row) for row in rows)


def read_batches(where: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The rows of payments, newest first, never more than a thousand in memory."""
    after = None
    while True:
        with unit_of_work():
            rows = run(
                f"SELECT * FROM payment WHERE {where}"  # noqa: S608 - constants
                + (" AND id < %(after)s" if after is not None else "")
                + " ORDER BY id DESC LIMIT %(batch)s",
                **params,
                after=after,
                batch=BATCH,
            )
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _cells(row: Any) -> list[Cell]:
    amounts = (row.amount, row.fee, row.amount - row.fee, row.amount_refunded)
    return [
        row.id,
        rfc3339(row.paid_at),
        row.status,
        *(decimal_amount(amount, row.currency) for amount in amounts),
        row.currency,
        row.rail,
        row.reference,
        row.provider_reference,
        row.customer_id,
        row.session_id,
        row.attempt_id,
        "true" if row.late else "false",
    ]
