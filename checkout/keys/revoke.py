"""Keys that stop working."""

from __future__ import annotations

from checkout.core.audit import record_audit
from checkout.core.db import after_commit, one
from checkout.core.errors import missing
from checkout.keys.authenticate import forget_found_keys


def revoke_key(store_id: str, key_id: str, *, actor: str = "system") -> None:
    """End a key, in all processes within a second; raises `resource_missing`.

    Ending one that has ended is a harmless repeat.
    """
    row = one(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, now())"
        " WHERE id = %(key_id)s AND store_id = %(store_id)s RETURNING id",
        key_id=key_id,
        store_id=store_id,
    )
    if row is None:
        raise missing("key", "key")
    record_audit(store_id, actor, "key.revoked", target=key_id)
    after_commit(forget_found_keys)
