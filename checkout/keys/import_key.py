"""Keys that were made elsewhere, such as by what sets an installation up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from checkout.core.crypto import hash_secret
from checkout.core.db import one
from checkout.core.errors import invalid
from checkout.core.scope import KeyKind
from checkout.keys.authenticate import HEADS
from checkout.keys.create import (
    check_scopes,
    insert_key,
    record_key,
    refuse_more,
    sorted_scopes,
)

KEY = re.compile(r"([ps]k_(?:test|live)_)([A-Za-z0-9_-]{32,128})")
LEAST_LETTERS = 8
"""Of 32 random hexadecimal digits about 14 are different; fewer than 8 never are."""
PIECE = 8
"""Random texts do not say so many characters twice."""
WELL_KNOWN = ("secret", "password", "changeme", "example", "qwerty", "default", "random")


def import_key(
    store_id: str,
    plain: str,
    name: str,
    *,
    scopes: Sequence[str] | None = None,
    actor: str = "system",
) -> Any:
    """Keep a key that is known elsewhere; its row. Its beginning says the kind and the mode.

    The same key of the same store once more changes nothing. Raises 422 `invalid_value` for a
    text that is no key or that somebody could guess, and for a key that is another store's, has
    other actions, or was revoked; and what making a key raises.
    """
    kind, livemode = _read_head(plain)
    _refuse_weak(plain)
    check_scopes(kind, scopes)
    known = _find(plain)
    if known is None:
        refuse_more(store_id, livemode)
        row = insert_key(store_id, livemode, kind, plain, name, scopes)
        if row is not None:
            record_key(row, actor, imported=True)
            return row
        # Somebody imports the same key at this moment, and was first.
        known = _find(plain)
    return _same(known, store_id, scopes)


def _read_head(plain: str) -> tuple[KeyKind, bool]:
    found = KEY.fullmatch(plain)
    if found is None:
        raise invalid(
            "invalid_value",
            "A key is sk_live_, sk_test_, pk_live_ or pk_test_ and at least 32 letters, digits,"
            " - or _.",
            "key",
        )
    kind: KeyKind = "secret" if found[1] in HEADS["secret"] else "publishable"
    return kind, found[1].endswith("_live_")


def _refuse_weak(plain: str) -> None:
    """What no generator of random texts makes. That a text is random nobody can see from it."""
    text = plain[len("sk_live_") :]
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    pieces = [text[at : at + PIECE] for at in range(len(text) - PIECE + 1)]
    weak = (
        len(set(text)) < LEAST_LETTERS
        or len(steps) < LEAST_LETTERS
        or len(set(pieces)) < len(pieces)
        or any(word in text.lower() for word in WELL_KNOWN)
    )
    if weak:
        raise invalid("invalid_value", "This key could be guessed: make it of random bytes.", "key")


def _find(plain: str) -> Any | None:
    return one("SELECT * FROM api_key WHERE hash = %(hash)s", hash=hash_secret(plain))


def _same(known: Any, store_id: str, scopes: Sequence[str] | None) -> Any:
    """The key that is kept, if it is the one that is meant."""
    if known.store_id != store_id:
        raise invalid("invalid_value", "Another store has this key.", "key")
    if known.revoked_at is not None:
        raise invalid("invalid_value", "This key was revoked; make another one.", "key")
    if known.scopes != sorted_scopes(scopes):
        raise invalid("invalid_value", "This key is kept already, with other actions.", "key")
    return known
