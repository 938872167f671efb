"""New API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.audit import record_audit
from checkout.core.crypto import hash_secret
from checkout.core.db import one
from checkout.core.errors import conflict, invalid
from checkout.core.ids import new_id, new_secret
from checkout.core.scope import KeyKind
from checkout.merchants.members import hold_store
from checkout.merchants.roles import KEY_ACTIONS

RANDOM_BYTES = 24
MOST_KEYS = 100


def create_key(
    store_id: str,
    livemode: bool,
    kind: KeyKind,
    name: str,
    *,
    scopes: Sequence[str] | None = None,
    actor: str = "system",
) -> tuple[Any, str]:
    """Insert a key; returns its row and the plain key, which nobody can read again.

    `scopes` restricts a secret key to these actions. Raises `invalid_value` for another word,
    and 409 `too_many_keys`.
    """
    check_scopes(kind, scopes)
    refuse_more(store_id, livemode)
    head = {"secret": "sk", "publishable": "pk"}[kind]
    plain = f"{head}_{'live' if livemode else 'test'}_{new_secret(RANDOM_BYTES)}"
    row = insert_key(store_id, livemode, kind, plain, name, scopes)
    assert row is not None  # noqa: S101 - nobody has random bytes twice
    record_key(row, actor)
    return row, plain


def insert_key(
    store_id: str,
    livemode: bool,
    kind: KeyKind,
    plain: str,
    name: str,
    scopes: Sequence[str] | None,
) -> Any | None:
    """Keep a key, of which only the hash is stored; its row, or None where it is kept already."""
    return one(
        "INSERT INTO api_key (id, store_id, livemode, kind, hash, last4, name, scopes)"
        " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(kind)s, %(hash)s, %(last4)s, %(name)s,"
        " %(scopes)s) ON CONFLICT (hash) DO NOTHING RETURNING *",
        id=new_id("key"),
        store_id=store_id,
        livemode=livemode,
        kind=kind,
        hash=hash_secret(plain),
        last4=plain[-4:],
        name=name,
        scopes=sorted_scopes(scopes),
    )


def record_key(row: Any, actor: str, **details: Any) -> None:
    """Write a new key into its store's audit trail."""
    record_audit(
        row.store_id,
        actor,
        "key.created",
        target=row.id,
        livemode=row.livemode,
        kind=row.kind,
        name=row.name,
        scopes=row.scopes,
        **details,
    )


def sorted_scopes(scopes: Sequence[str] | None) -> list[str] | None:
    """The actions of a restricted key as they are kept; None for a key that may do all."""
    return sorted(set(scopes)) if scopes is not None else None


def check_scopes(kind: KeyKind, scopes: Sequence[str] | None) -> None:
    """Raise `invalid_value` for another kind than a secret key's, or for an unknown action."""
    if scopes is not None and kind != "secret":
        raise invalid("invalid_value", "Only secret keys are restricted.", "scopes")
    for number, scope in enumerate(scopes or ()):
        if scope not in KEY_ACTIONS:
            raise invalid("invalid_value", "There is no such action.", f"scopes.{number}")


def refuse_more(store_id: str, livemode: bool) -> None:
    """Raise 409 `too_many_keys` for a store that has as many as one may have, 404 for none."""
    hold_store(store_id)
    row = one(
        "SELECT count(*) AS total FROM api_key WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND revoked_at IS NULL",
        store_id=store_id,
        livemode=livemode,
    )
    if row is not None and row.total >= MOST_KEYS:
        raise conflict("too_many_keys", f"A store has at most {MOST_KEYS} keys of a mode.")
