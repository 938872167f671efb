"""The raw notice behind a transfer: the very bytes that the provider sent, to be read by people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from checkout.core.crypto import SealBroken, unseal
from checkout.core.db import one
from checkout.core.scope import Scope

SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class RawNotice:
    """What came in and what the rail read in it, both as text."""

    received_at: datetime
    text: str
    """Of a JSON body set out in lines; anything else is as it came. Empty if it does not open."""
    kept: bool
    """Whether there is an original at all: old ones are emptied (forget.py)."""
    read: str
    cut: bool
    """Whether there is more than is shown."""


def read_raw(inbox_id: str | None, scope: Scope) -> RawNotice | None:
    """The notice of this store and mode; None where no provider outside told of the money."""
    row = inbox_id and one(
        "SELECT id, raw, notice, received_at FROM inbox WHERE id = %(id)s"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s",
        id=inbox_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if not row:
        return None
    try:
        text = _readable(unseal(row.raw, row=row.id, column="inbox.raw"))
    except SealBroken:
        # Its key is gone: the facts that were read from it are still there.
        text = ""
    read = _lines(row.notice)
    cut = len(text) > SHOWN or len(read) > SHOWN
    return RawNotice(row.received_at, text[:SHOWN], bool(row.raw), read[:SHOWN], cut)


def _readable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    try:
        lines = _lines(json.loads(text))
    except (ValueError, RecursionError):
        return text
    # Half of a character, which JSON can name, cannot be written on a page.
    return lines.encode("utf-8", "replace").decode()


def _lines(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
