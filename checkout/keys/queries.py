"""Reading keys. Their hashes stay here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.db import one
from checkout.core.errors import missing
from checkout.core.lists import Condition, list_page
from checkout.core.scope import Scope
from checkout.keys.schemas import KeyList


def key_object(row: Any, plain: str | None = None) -> dict[str, Any]:
    """A key as the API shows it; `plain` only in the answer that makes it."""
    shown = {
        "id": row.id,
        "object": "api_key",
        "kind": row.kind,
        "name": row.name,
        "last4": row.last4,
        "scopes": row.scopes,
        "last_used_at": rfc3339(row.last_used_at),
        "revoked_at": rfc3339(row.revoked_at),
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }
    return shown if plain is None else {**shown, "key": plain}


def list_keys(
    scope: Scope, query: KeyList, render: Callable[[Any], dict[str, Any]] = key_object
) -> dict[str, Any]:
    """A page of the keys of one mode, newest first."""
    conditions: list[Condition] = []
    if query.revoked is not None:
        conditions.append((f"revoked_at IS {'NOT ' if query.revoked else ''}NULL", {}))
    return list_page(
        table="api_key", scope=scope, query=query, conditions=conditions, render=render
    )


def load_key(scope: Scope, key_id: str) -> Any:
    """One key of the mode; raises `resource_missing`."""
    row = one(
        "SELECT * FROM api_key WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=key_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is None:
        raise missing(what="key")
    return row
