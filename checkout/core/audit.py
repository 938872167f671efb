"""Who changed what about a store."""

from __future__ import annotations

from typing import Any

from checkout.core.db import execute


def record_audit(store_id: str, actor: str, action: str, /, target: str, **details: Any) -> None:
    """Write one line into the store's audit trail, in the current transaction. No secrets."""
    execute(
        "INSERT INTO audit_entry (store_id, actor, action, target, details)"
        " VALUES (%(store_id)s, %(actor)s, %(action)s, %(target)s, %(details)s)",
        store_id=store_id,
        actor=actor,
        action=action,
        target=target,
        details=details,
    )
