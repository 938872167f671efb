"""Customers as a table for spreadsheets, and what other tables say of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checkout.core.batches import read_batches
from checkout.core.clock import rfc3339
from checkout.core.csv import Cell
from checkout.core.db import run, unit_of_work

COLUMNS = ("id", "created_at", "name", "email", "phone", "reference", "metadata")
PERSON_COLUMNS = ("customer_name", "customer_email")
"""Of a session's or payment's customer."""

People = Mapping[str, Any]
"""Customers by their ids, with `name` and `email`."""


def customer_rows(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The customers that `where` lets through, newest first, some at a time."""
    for rows in read_batches("customer", where, params):
        yield [_customer(row) for row in rows]


def read_people(rows: Iterable[Any], params: Mapping[str, Any]) -> People:
    """Who the rows of one batch are of, read at once; `params` hold the store and the mode."""
    ids = {row.customer_id for row in rows if row.customer_id is not None}
    if not ids:
        return {}
    with unit_of_work():
        found = run(
            "SELECT id, name, email FROM customer WHERE id = ANY(%(ids)s)"
            " AND store_id = %(store_id)s AND livemode = %(livemode)s",
            ids=sorted(ids),
            store_id=params["store_id"],
            livemode=params["livemode"],
        )
    return {row.id: row for row in found}


def person_cells(customer_id: str | None, people: People) -> list[Cell]:
    """The cells of PERSON_COLUMNS."""
    person = people.get(customer_id or "")
    return [None, None] if person is None else [person.name, person.email]


def json_cell(value: Mapping[str, Any]) -> Cell:
    """Metadata as one cell; nothing where there is none."""
    return json.dumps(value, ensure_ascii=False) if value else None


def _customer(row: Any) -> list[Cell]:
    return [
        row.id,
        rfc3339(row.created_at),
        row.name,
        row.email,
        row.phone,
        row.reference,
        json_cell(row.metadata),
    ]
