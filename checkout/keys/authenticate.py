"""From a key to whose data it opens."""

from __future__ import annotations

from typing import Any

from checkout.core.brief_cache import BriefCache
from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one, unit_of_work
from checkout.core.errors import forbidden
from checkout.core.scope import KeyKind, Scope
from checkout.merchants.settings import read_settings

USED_SECONDS = 60
HEADS: dict[KeyKind, tuple[str, str]] = {
    "secret": ("sk_test_", "sk_live_"),
    "publishable": ("pk_test_", "pk_live_"),
}
WRONG_KIND: dict[KeyKind, str] = {
    "secret": "This call needs a secret key (sk_…).",
    "publishable": "This call is for browsers: it needs a publishable key (pk_…).",
}

_found: BriefCache[str, Scope | None] = BriefCache()


def authenticate(plain: str, kind: KeyKind = "secret") -> Scope | None:
    """The scope of a key of that kind, or None for what is no key or one no longer.

    Raises `secret_key_required` or `publishable_key_required` for a key of the other kind.
    The answer is at most half a second old. A key is looked up by its hash, so its comparison
    leaks nothing of it.
    """
    if not plain.isascii() or not plain.startswith((*HEADS["secret"], *HEADS["publishable"])):
        return None
    if not plain.startswith(HEADS[kind]):
        raise forbidden(f"{kind}_key_required", WRONG_KIND[kind])
    hashed = hash_secret(plain)
    return _found.get(hashed, lambda: _read_scope(hashed, kind))


def forget_found_keys() -> None:
    """Empty this process's cache of keys."""
    _found.clear()


def _read_scope(hashed: str, kind: KeyKind) -> Scope | None:
    # A unit of its own: what follows may call the outside and must find no open transaction.
    with unit_of_work():
        row = one(
            "SELECT key.id, key.store_id, key.livemode, key.scopes, store.settings, coalesce("
            "key.last_used_at < now() - make_interval(secs => %(seconds)s), true) AS unnoted"
            " FROM api_key AS key JOIN store ON store.id = key.store_id"
            " WHERE key.hash = %(hash)s AND key.kind = %(kind)s AND key.revoked_at IS NULL",
            hash=hashed,
            kind=kind,
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
        secret=kind == "secret",
        allowed=frozenset(row.scopes) if row.scopes is not None else None,
    )


def _note_use(row: Any) -> None:
    """Once a minute; when another process is at it, this one does not wait for the row."""
    execute(
        "UPDATE api_key SET last_used_at = now() WHERE id = ("
        "SELECT id FROM api_key WHERE id = %(id)s FOR UPDATE SKIP LOCKED)",
        id=row.id,
    )
