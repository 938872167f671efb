"""New API keys."""

from __future__ import annotations

from typing import Any

from checkout.core.audit import record_audit
from checkout.core.crypto import hash_secret
from checkout.core.db import one
from checkout.core.ids import new_id, new_secret
from checkout.core.scope import KeyKind

RANDOM_BYTES = 24


def create_key(
    store_id: str, livemode: bool, kind: KeyKind, name: str, *, actor: str = "system"
) -> tuple[Any, str]:
    """Insert a key; returns its row and the plain key, which nobody can read again."""
    head = {"secret": "sk", "publishable": "pk"}[kind]
    plain = f"{head}_{'live' if livemode else 'test'}_{new_secret(RANDOM_BYTES)}"
    row = one(
        "INSERT INTO api_key (id, store_id, livemode, kind, hash, last4, name)"
        " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(kind)s, %(hash)s, %(last4)s, %(name)s)"
        " RETURNING id, store_id, livemode, kind, last4, name, created_at",
        id=new_id("key"),
        store_id=store_id,
        livemode=livemode,
        kind=kind,
        hash=hash_secret(plain),
        last4=plain[-4:],
        name=name,
    )
    assert row is not None  # noqa: S101 - an INSERT ... RETURNING has its row
    record_audit(store_id, actor, "key.created", target=row.id, kind=kind, livemode=livemode)
    return row, plain
