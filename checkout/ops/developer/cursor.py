"""How far a listener has got, kept in a file, so that no event is missed or told twice.

Ids grow with time, but an event is seen only once its transaction has committed, so a lower
id may appear after a higher one. Everything of the last minute is therefore looked at again,
and what was told already is known by its id.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout.core.ids import earlier_id
from checkout.ops.developer.client import Api
from checkout.webhooks.sign import new_secret

OVERLAP_SECONDS = 60
PAGE = 50
FIRST = "evt_"
"""Lower than every id of an event."""


@dataclass
class Cursor:
    """One key's place among its events."""

    path: Path
    name: str
    secret: str
    """What signs the events that are forwarded; it stays, so that the shop may keep it."""
    floor: str = FIRST
    """Nothing lower is looked at any more."""
    told: set[str] = field(default_factory=set)

    def fetch_new(self, api: Api) -> list[dict[str, Any]]:
        """The events that have not been told yet, oldest first."""
        found = []
        for event in api.items("/events", limit=PAGE):
            if event["id"] < self.floor:
                break
            if event["id"] not in self.told:
                found.append(event)
        return sorted(found, key=lambda event: str(event["id"]))

    def mark(self, event_id: str) -> None:
        """This event has been told; written down before the next one is."""
        self.told.add(event_id)
        self.floor = max(self.floor, earlier_id(event_id, OVERLAP_SECONDS))
        self.told = {known for known in self.told if known >= self.floor}
        self.save()

    def save(self) -> None:
        """Write the file in one step, readable by its owner alone: it holds a secret."""
        kept = _read(self.path) | {
            self.name: {"secret": self.secret, "floor": self.floor, "told": sorted(self.told)}
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(kept, file, indent=2)
        draft.replace(self.path)


def open_cursor(path: Path, api: Api) -> tuple[Cursor, bool]:
    """The key's cursor, and whether it goes on from before; a new one begins now."""
    name = hashlib.sha256(f"{api.url} {api.key}".encode()).hexdigest()[:16]
    known = _read(path).get(name)
    if known is not None:
        return Cursor(path, name, known["secret"], known["floor"], set(known["told"])), True
    cursor = Cursor(path, name, new_secret())
    newest = api.get("/events", limit=PAGE)["data"]
    if newest:
        cursor.floor = earlier_id(newest[0]["id"], OVERLAP_SECONDS)
        cursor.told = {event["id"] for event in newest}
    cursor.save()
    return cursor, False


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
