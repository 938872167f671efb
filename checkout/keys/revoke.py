"""Keys that stop working."""

from __future__ import annotations

from typing import Any

from checkout.core.audit import record_audit
from checkout.core.db import after_commit, one
from checkout.core.errors import missing
from checkout.keys.authenticate import forget_found_keys


def revoke_key(
    store_id: str, key_id: str, *, livemode: bool | None = None, actor: str = "system"
) -> Any:
    """End a key, in all processes within a second, and give its row; raises `resource_missing`.

    Ending one that has ended is a harmless repeat.
    """
    row = one(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, now())"
        " WHERE id = %(key_id)s AND store_id = %(store_id)s"
        " AND (%(livemode)s::boolean IS NULL OR livemode = %(livemode)s) RETURNING *",
        key_id=key_id,
        store_id=store_id,
        livemode=livemode,
    )
    if row is None:
        raise missing(what="key")
    record_audit(
        store_id, actor, "key.revoked", target=key_id, livemode=row.livemode, name=row.name
    )
    after_commit(forget_found_keys)
    return row
