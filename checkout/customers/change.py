"""Customers that are made, changed and forgotten by the shop's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from checkout.core.audit import record_audit
from checkout.core.db import one
from checkout.core.errors import Problem, conflict, missing
from checkout.core.ids import is_id
from checkout.core.scope import Scope
from checkout.customers.find_or_create import insert_customer
from checkout.customers.forget import forget_person
from checkout.customers.queries import COLUMNS

CHANGEABLE = ("email", "name", "phone", "reference", "metadata")


def create_customer(scope: Scope, fields: Mapping[str, Any]) -> Any:
    """A new customer's row; raises 409 `customer_exists`."""
    row = insert_customer({"store_id": scope.store_id, "livemode": scope.livemode, **fields})
    if row is None:
        raise _exists("reference" if fields["reference"] is not None else "email")
    _record(scope, "customer.created", row.id, {name for name in fields if fields[name]})
    return row


def update_customer(scope: Scope, customer_id: str, changes: Mapping[str, Any]) -> Any:
    """Change what is given, None takes a field away; raises 404 and 409 `customer_exists`."""
    row = _lock(scope, customer_id)
    after = {name: changes.get(name, getattr(row, name)) for name in CHANGEABLE}
    try:
        updated = one(
            "UPDATE customer SET email = %(email)s, name = %(name)s, phone = %(phone)s,"  # noqa: S608 - a constant
            " reference = %(reference)s, metadata = %(metadata)s WHERE id = %(id)s"
            f" RETURNING {COLUMNS}",
            id=customer_id,
            **after,
        )
    except psycopg.errors.UniqueViolation:
        raise _exists("reference" if "reference" in changes else "email") from None
    changed = {name for name in CHANGEABLE if after[name] != getattr(row, name)}
    if changed:
        _record(scope, "customer.changed", customer_id, changed)
    return updated


def delete_customer(scope: Scope, customer_id: str) -> None:
    """Take the person out of every record; what was paid still points to the row.

    Raises 404, and 409 `wallet_not_empty` while the wallet holds money that is theirs.
    """
    customer = _lock(scope, customer_id)
    held = one(
        "SELECT 1 AS held FROM account WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND customer_id = %(id)s AND kind = 'wallet'"
        " AND balance > 0 LIMIT 1",
        store_id=scope.store_id,
        livemode=scope.livemode,
        id=customer_id,
    )
    if held is not None:
        raise conflict("wallet_not_empty", "This customer's wallet still holds money.")
    forget_person(scope, customer)
    _record(scope, "customer.deleted", customer_id, set(CHANGEABLE))


def _record(scope: Scope, action: str, customer_id: str, fields: set[str]) -> None:
    """Which fields, never what was in them: the trail keeps for ever, a person may be forgotten."""
    record_audit(
        scope.store_id,
        scope.actor,
        action,
        customer_id,
        livemode=scope.livemode,
        fields=sorted(fields & set(CHANGEABLE)),
    )


def _lock(scope: Scope, customer_id: str) -> Any:
    row = is_id("cus", customer_id) and one(
        f"SELECT {COLUMNS} FROM customer WHERE id = %(id)s AND store_id = %(store_id)s"  # noqa: S608 - a constant
        " AND livemode = %(livemode)s AND deleted_at IS NULL FOR UPDATE",
        id=customer_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if not row:
        raise missing(what="customer")
    return row


def _exists(param: str) -> Problem:
    return conflict("customer_exists", f"Another customer has this {param}.", param)
