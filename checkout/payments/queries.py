"""Reading attempts, transfers and payments, each in its own scope."""

from __future__ import annotations

from typing import Any

from checkout.core import ids
from checkout.core.db import one
from checkout.core.errors import missing
from checkout.core.scope import Scope

_NAMES = {
    "attempt": ("att", "payment attempt"),
    "transfer": ("trf", "transfer"),
    "payment": ("pay", "payment"),
}


def load_row(table: str, row_id: str, scope: Scope) -> Any:
    """One attempt, transfer or payment of this scope; raises 404 `resource_missing`."""
    prefix, what = _NAMES[table]
    row = None
    if ids.is_id(prefix, row_id):
        row = one(
            f"SELECT * FROM {table} WHERE id = %(id)s AND store_id = %(store_id)s"  # noqa: S608
            " AND livemode = %(livemode)s",
            id=row_id,
            store_id=scope.store_id,
            livemode=scope.livemode,
        )
    if row is None:
        raise missing(what=what)
    return row
