"""Sessions as a table for spreadsheets, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.batches import read_batches
from checkout.core.clock import rfc3339
from checkout.core.csv import Cell, decimal_amount
from checkout.customers.export import (
    PERSON_COLUMNS,
    People,
    json_cell,
    person_cells,
    read_people,
)

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
    "mode",
    "line_items",
    "metadata",
    *PERSON_COLUMNS,
)


def session_rows(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The sessions that `where` lets through, newest first, some at a time."""
    for rows in read_batches("checkout_session", where, params):
        people = read_people(rows, params)
        yield [_session(row, people) for row in rows]


def _session(row: Any, people: People) -> list[Cell]:
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
        row.mode,
        _items(row),
        json_cell(row.metadata),
        *person_cells(row.customer_id, people),
    ]


def _items(row: Any) -> Cell:
    """As `2 × Room (500000); 1 × Breakfast (80000)`, each with the price of one."""
    lines = [
        f"{item['quantity']} × {item['name']} ({decimal_amount(item['unit_amount'], row.currency)})"
        for item in row.line_items or ()
    ]
    return "; ".join(lines) or None
