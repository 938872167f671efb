"""Reading keys. Their hashes stay here."""

from __future__ import annotations

from typing import Any

from checkout.core.clock import rfc3339


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
