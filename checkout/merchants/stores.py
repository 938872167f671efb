"""Stores: made, read, changed; and the clock of their test mode."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg

from checkout.core.audit import record_audit
from checkout.core.brief_cache import BriefCache
from checkout.core.db import after_commit, execute, one, run
from checkout.core.errors import conflict, invalid, missing
from checkout.core.ids import is_id, new_id
from checkout.merchants.members import add_member
from checkout.merchants.settings import StoreSettings, changed_settings, read_settings

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_NAME_LENGTH = 100
NAMES = ("name", "slug")
MOST_STORES = 50
LONGEST_SUGGESTION = 40
MAX_CLOCK_SECONDS = 20 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Store:
    """A shop as the other areas see it."""

    id: str
    name: str
    slug: str
    settings: StoreSettings


_stores: BriefCache[str, Store | None] = BriefCache()


def create_store(
    name: str,
    slug: str,
    settings: dict[str, Any] | None = None,
    *,
    actor: str,
    owner_id: str | None = None,
) -> Store:
    """Insert a store; raises `slug_taken`, `invalid_value` or a setting's own problem.

    Without an owner it is the operator's alone, until a member is added by command. An owner
    with as many stores as one may have is refused with 409 `too_many_stores`.
    """
    if owner_id is not None and len(stores_of(owner_id)) >= MOST_STORES:
        raise conflict("too_many_stores", f"A user has at most {MOST_STORES} stores.")
    _check_name(name)
    _check_slug(slug)
    chosen = changed_settings(StoreSettings(), settings or {})
    row = one(
        "INSERT INTO store (id, name, slug, settings)"
        " VALUES (%(id)s, %(name)s, %(slug)s, %(settings)s)"
        " ON CONFLICT (slug) DO NOTHING RETURNING id",
        id=new_id("sto"),
        name=name.strip(),
        slug=slug,
        settings=chosen.model_dump(exclude_defaults=True),
    )
    if row is None:
        raise conflict("slug_taken", "Another store has this slug.", "slug")
    record_audit(row.id, actor, "store.created", target=row.id)
    if owner_id is not None:
        add_member(row.id, owner_id, "owner")
    return Store(row.id, name.strip(), slug, chosen)


def load_store(store_id: str) -> Store:
    """The store, at most half a second old; raises `resource_missing`."""
    store = _stores.get(store_id, lambda: _read_store(store_id))
    if store is None:
        raise missing("store", "store")
    return store


def find_store(word: str) -> Store:
    """A store by its id or its slug, as people name it on the command line."""
    row = one("SELECT id FROM store WHERE id = %(word)s OR slug = %(word)s", word=word)
    if row is None:
        raise missing("store", "store")
    store = _read_store(row.id)
    assert store is not None  # noqa: S101 - its row was just read
    return store


def change_store(store_id: str, changes: dict[str, Any], *, actor: str) -> Store:
    """Change the name, the slug or settings; raises a Problem that names the field.

    Others see it in half a second.
    """
    row = one("SELECT name, slug, settings FROM store WHERE id = %(id)s FOR UPDATE", id=store_id)
    if row is None:
        raise missing("store", "store")
    current = read_settings(row.settings)
    new = changed_settings(current, {k: v for k, v in changes.items() if k not in NAMES})
    name, slug = changes.get("name", row.name), changes.get("slug", row.slug)
    _check_name(name)
    _check_slug(slug)
    try:
        execute(
            "UPDATE store SET name = %(name)s, slug = %(slug)s, settings = %(settings)s"
            " WHERE id = %(id)s",
            name=name.strip(),
            slug=slug,
            settings=new.model_dump(exclude_defaults=True),
            id=store_id,
        )
    except psycopg.errors.UniqueViolation:
        raise conflict("slug_taken", "Another store has this slug.", "slug") from None
    before = {"name": row.name, "slug": row.slug, **current.model_dump()}
    after = {"name": name, "slug": slug, **new.model_dump()}
    record_audit(
        store_id,
        actor,
        "store.changed",
        target=store_id,
        changed=sorted(changes),
        before={field: before[field] for field in changes if before[field] != after[field]},
        after={field: after[field] for field in changes if before[field] != after[field]},
    )
    _stores.forget(store_id)
    after_commit(partial(_stores.forget, store_id))
    store = _read_store(store_id)
    assert store is not None  # noqa: S101 - its row is locked by this transaction
    return store


def stores_of(user_id: str) -> list[Any]:
    """The stores that a user belongs to, oldest first, each with their role."""
    return run(
        "SELECT store.id, store.name, store.slug, store.settings, store.created_at, member.role,"
        " logo.hash AS logo"
        " FROM membership AS member JOIN store ON store.id = member.store_id"
        " LEFT JOIN store_logo AS logo ON logo.store_id = store.id"
        " WHERE member.user_id = %(user_id)s ORDER BY store.id",
        user_id=user_id,
    )


def suggest_slug(name: str) -> str:
    """A slug that looks like the name, without its accents, and that no store has."""
    letters = unicodedata.normalize("NFKD", name.lower().replace("đ", "d"))
    plain = letters.encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SUGGESTION].strip("-") or "store"
    taken = one("SELECT 1 AS found FROM store WHERE slug = %(slug)s", slug=base)
    return f"{base}-{secrets.token_hex(2)}" if taken else base


def _check_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= MAX_NAME_LENGTH or not name.isprintable():
        raise invalid("invalid_value", f"A name has 1 to {MAX_NAME_LENGTH} characters.", "name")


def _check_slug(slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise invalid("invalid_value", "A slug has lower-case letters, digits, hyphens.", "slug")


def advance_clock(store_id: str, seconds: int) -> None:
    """Move a store's test clock forward; it never goes back. Raises `invalid_value`."""
    row = one(
        "UPDATE store SET clock_offset_seconds = clock_offset_seconds + %(seconds)s"
        " WHERE id = %(id)s AND %(seconds)s BETWEEN 0 AND %(most)s - clock_offset_seconds"
        " RETURNING id",
        id=store_id,
        seconds=seconds,
        most=MAX_CLOCK_SECONDS,
    )
    if row is None:
        raise invalid("invalid_value", "The test clock moves forward, at most 20 years.", "seconds")


def _read_store(store_id: str) -> Store | None:
    if not is_id("sto", store_id):
        return None
    row = one("SELECT id, name, slug, settings FROM store WHERE id = %(id)s", id=store_id)
    return row and Store(row.id, row.name, row.slug, read_settings(row.settings))
