"""A store's logo: any usual picture in, one small WebP out, found under the hash of its bytes.

What is kept is drawn anew from the pixels, so that nothing but pixels of what somebody has sent
ever reaches a shopper's browser. SVG, which can hold scripts, is not taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from checkout.core.aside import run_aside
from checkout.core.audit import record_audit
from checkout.core.db import one
from checkout.core.errors import Problem, invalid, missing, too_many

MAX_BYTES = 180_000
MAX_SIDE = 4000
WAIT_SECONDS = 4.0
_easel = BoundedSemaphore()


def set_logo(store_id: str, picture: bytes, *, actor: str) -> str:
    """Show this picture on the store's pages; returns its hash.

    Raises `invalid_image`, and 429 `rate_limited` while too many others are being drawn.
    """
    # Only who draws loads Pillow.
    from checkout.merchants.logo_drawing import draw_logo  # noqa: PLC0415

    with _alone():
        body = run_aside(partial(draw_logo, picture))
    found = hashlib.sha256(body).hexdigest()[:24]
    one(
        "INSERT INTO store_logo (store_id, hash, body) VALUES (%(id)s, %(hash)s, %(body)s)"
        " ON CONFLICT (store_id) DO UPDATE SET hash = excluded.hash, body = excluded.body,"
        " created_at = now() RETURNING hash",
        id=store_id,
        hash=found,
        body=body,
    )
    record_audit(store_id, actor, "store.logo_set", target=store_id, hash=found)
    return found


@contextmanager
def _alone() -> Iterator[None]:
    """One picture at a time: a few hundred bytes may unfold to sixteen million pixels."""
    if not _easel.acquire(timeout=WAIT_SECONDS):
        raise too_many("rate_limited", "Other pictures are being drawn. Please try again.", 1)
    try:
        yield
    finally:
        _easel.release()


def remove_logo(store_id: str, *, actor: str) -> None:
    """Go back to the first letter of the name; raises `resource_missing` where there is none."""
    row = one("DELETE FROM store_logo WHERE store_id = %(id)s RETURNING hash", id=store_id)
    if row is None:
        raise missing(what="logo")
    record_audit(store_id, actor, "store.logo_removed", target=store_id, hash=row.hash)


def load_logo(store_id: str, found: str) -> Any | None:
    """The row of a store's present logo, if it has that hash."""
    return one(
        "SELECT body, hash FROM store_logo WHERE store_id = %(id)s AND hash = %(hash)s",
        id=store_id,
        hash=found,
    )


def logo_of(store_id: str) -> str | None:
    """The address of a store's logo; None where it has none."""
    row = one("SELECT hash FROM store_logo WHERE store_id = %(id)s", id=store_id)
    return row and logo_path(store_id, row.hash)


def logo_path(store_id: str, found: str) -> str:
    """An address that never means another picture, so that browsers keep it for ever."""
    return f"/logos/{store_id}/{found}.webp"


def read_base64(text: str) -> bytes:
    """The bytes of a picture that came as text; raises `invalid_image`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refuse_picture() from None


def refuse_picture() -> Problem:
    """What is said of anything that cannot be a logo."""
    return invalid(
        "invalid_image",
        f"A logo is a PNG, JPEG or WebP of at most {MAX_BYTES // 1000} KB and {MAX_SIDE} pixels"
        " a side.",
        "image",
    )
