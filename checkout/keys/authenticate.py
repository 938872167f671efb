"""From a key to whose data it opens."""

from __future__ import annotations

from typing import Any

from checkout.core.brief_cache import BriefCache
from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one, unit_of_work
from checkout.core.errors import forbidden
from checkout.core.scope import Scope
from checkout.merchants.settings import read_settings

USED_SECONDS = 60

_found: BriefCache[str, Scope | None] = BriefCache()


def authenticate(plain: str) -> Scope | None:
    """The scope of a secret key, or None for what is no key or one no longer.

    Raises `secret_key_required` for a publishable key. The answer is at most half a second
    old. A key is looked up by its hash, so its comparison leaks nothing of it.
    """
    if not plain.startswith(("sk_test_", "sk_live_", "pk_test_", "pk_live_")):
        return None
    if not plain.isascii():
        return None
    if plain.startswith("pk_"):
        raise forbidden("secret_key_required", "This call needs a secret key (sk_…).")
    hashed = hash_secret(plain)
    return _found.get(hashed, lambda: _read_scope(hashed))


def forget_found_keys() -> None:
    """Empty this process's cache of keys."""
    _found.clear()


def _read_scope(hashed: str) -> Scope | None:
    # A unit of its own: what follows may call the outside and must find no open transaction.
    with unit_of_work():
        row = one(
            "SELECT key.id, key.store_id, key.livemode, store.settings, coalesce("
            "key.last_used_at < now() - make_interval(secs => %(seconds)s), true) AS unnoted"
            " FROM api_key AS key JOIN store ON store.id = key.store_id"
            " WHERE key.hash = %(hash)s AND key.kind = 'secret' AND key.revoked_at IS NULL",
            hash=hashed,
            seconds=USED_SECONDS,
        )
        if row is not None and row.unnoted:
            _note_use(row)
    if row is None:
        return None
    return Scope(
        store_id=row.store_id,
        livemode=row.livemode,
        key_id=row.id,
        actor=f"key:{row.id}",
        settings=read_settings(row.settings),
        secret=True,
    )


def _note_use(row: Any) -> None:
    """Once a minute; when another process is at it, this one does not wait for the row."""
    execute(
        "UPDATE api_key SET last_used_at = now() WHERE id = ("
        "SELECT id FROM api_key WHERE id = %(id)s FOR UPDATE SKIP LOCKED)",
        id=row.id,
    )
