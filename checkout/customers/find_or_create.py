"""A shop's customer: found where it is known, made where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.core.body import validate
from checkout.core.db import execute, one
from checkout.core.errors import unavailable
from checkout.core.ids import new_id
from checkout.core.outbox import Event, record_event
from checkout.customers.given import CustomerGiven
from checkout.customers.queries import COLUMNS, render_customer

TRIES = 3
KNOWN = ("email", "name", "phone", "reference")

BY_REFERENCE = (
    f"SELECT {COLUMNS} FROM customer WHERE store_id = %(store_id)s"  # noqa: S608 - constants
    " AND livemode = %(livemode)s AND reference = %(reference)s"
)
# With a reference only a customer that has none yet: it is then taken for the same person.
BY_EMAIL = (
    f"SELECT {COLUMNS} FROM customer WHERE store_id = %(store_id)s"  # noqa: S608 - constants
    " AND livemode = %(livemode)s AND email = %(email)s"
    " AND (%(reference)s::text IS NULL OR reference IS NULL)"
    " ORDER BY reference IS NOT NULL, id LIMIT 1"
)
FILL_IN = (
    "UPDATE customer SET email = coalesce(email, %(email)s), name = coalesce(name, %(name)s),"
    " phone = coalesce(phone, %(phone)s), reference = coalesce(reference, %(reference)s)"
    " WHERE id = %(id)s AND reference IS NOT DISTINCT FROM %(seen)s RETURNING id"
)
INSERT = (
    "INSERT INTO customer (id, store_id, livemode, email, name, phone, reference, metadata)"  # noqa: S608
    " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(email)s, %(name)s, %(phone)s, %(reference)s,"
    " %(metadata)s)"
    f" ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
)
ONE_AT_A_TIME = (
    "SELECT pg_advisory_xact_lock("
    "hashtextextended(concat_ws(%(mark)s, 'customer', %(store_id)s::text, %(livemode)s,"
    " %(reference)s::text), 0))"
)


def find_or_create(store_id: str, livemode: bool, given: CustomerGiven | Mapping[str, Any]) -> str:
    """The id of the customer with this reference, else with this e-mail, else a new one.

    What is known is not overwritten; what was empty is filled in. A customer known by e-mail
    only takes the reference on. Two calls at once make one customer. Raises a Problem that
    names the field.
    """
    said = given if isinstance(given, CustomerGiven) else validate(CustomerGiven, dict(given))
    fields = {"store_id": store_id, "livemode": livemode} | said.model_dump()
    if said.reference is not None:
        row = one(BY_REFERENCE, **fields)
        if row is not None and _fill_in(row, fields):
            return str(row.id)
        # New references are given out one at a time, so that none is given twice.
        execute(ONE_AT_A_TIME, mark="\x1f", **fields)
    for _ in range(TRIES):
        row = one(BY_REFERENCE, **fields) if said.reference is not None else None
        if row is None and said.email is not None:
            row = one(BY_EMAIL, **fields)
        if row is None:
            row = _insert(fields)
        if row is not None and _fill_in(row, fields):
            return str(row.id)
    # Others made and changed the very same customer in between, three times over.
    raise unavailable()


def _fill_in(row: Any, fields: Mapping[str, Any]) -> bool:
    """Write what was empty; False when the row has got another reference meanwhile."""
    if all(fields[name] is None or getattr(row, name) is not None for name in KNOWN):
        return True
    return one(FILL_IN, id=row.id, seen=row.reference, **fields) is not None


def _insert(fields: Mapping[str, Any]) -> Any | None:
    return insert_customer({"metadata": {}, **fields})


def insert_customer(fields: Mapping[str, Any]) -> Any | None:
    """The new row, or None where the store has one with this reference or e-mail already."""
    row = one(INSERT, id=new_id("cus"), **fields)
    if row is not None:
        record_event(
            Event(
                type="customer.created",
                store_id=row.store_id,
                livemode=row.livemode,
                subject=row.id,
                object=render_customer(row),
                at=row.created_at,
            )
        )
    return row
