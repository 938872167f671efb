"""Events: recorded in the transaction of the change, told to the world after it.

The row is the guarantee; the bell after the commit only shortens the wait. Reactions inside
this installation are looked up in the table that `wiring.py` fills.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.clock import rfc3339
from checkout.core.db import driver, execute, jsonb
from checkout.core.jobs import ring

COPY_FROM = 200
"""As many events come of a sweep, never out of a pipeline, in which COPY cannot be."""
DISPATCH = "dispatch_events"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `object` is the API form of what it happened to."""

    type: str
    store_id: str
    livemode: bool
    subject: str
    object: dict[str, Any]
    at: datetime
    previous: dict[str, Any] | None = None


def record_event(event: Event) -> str:
    """Write one event into the current transaction; returns its id."""
    return record_events([event])[0]


def record_events(events: Iterable[Event]) -> list[str]:
    """Write many events with one statement, in their order; returns their ids."""
    rows = [_row(event) for event in events]
    if not rows:
        return []
    if len(rows) >= COPY_FROM:
        _copy(rows)
    else:
        _insert(rows)
    ring(DISPATCH)
    return [row["id"] for row in rows]


def _insert(rows: list[dict[str, Any]]) -> None:
    execute(
        "INSERT INTO outbox (id, store_id, livemode, type, subject, body, created_at)"
        " SELECT * FROM jsonb_to_recordset(%(rows)s) AS row"
        " (id text, store_id text, livemode boolean, type text, subject text, body text,"
        " created_at timestamptz)",
        rows=jsonb(rows),
    )


def _copy(rows: list[dict[str, Any]]) -> None:
    """A sweep's hundreds of events, at half the cost of a statement."""
    with (
        driver().cursor() as cursor,
        cursor.copy(f"COPY outbox ({', '.join(rows[0])}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(tuple(row.values()))


def _row(event: Event) -> dict[str, Any]:
    event_id = ids.new_id("evt")
    body = {
        "id": event_id,
        "object": "event",
        "type": event.type,
        "created_at": rfc3339(event.at),
        "livemode": event.livemode,
        "data": {"object": event.object, "previous": event.previous},
    }
    return {
        "id": event_id,
        "store_id": event.store_id,
        "livemode": event.livemode,
        "type": event.type,
        "subject": event.subject,
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "created_at": event.at.isoformat(),
    }


Reaction = Callable[[list[Any]], None]
_reactions: dict[str, tuple[Reaction, ...]] = {}


def set_reactions(table: dict[str, tuple[Reaction, ...]]) -> None:
    """Called once by wiring: event type (or "*" for all) → functions that take outbox rows.

    A reaction gets all rows of a batch that it listens to, oldest first, so that it can
    answer them with one statement. Reactions run where events are dispatched, in that
    transaction: an event is dispatched with all its reactions or not at all. They make no
    outside calls.
    """
    _reactions.clear()
    _reactions.update(table)


def one_by_one(function: Callable[[Any], None]) -> Reaction:
    """A reaction out of a function that takes a single outbox row."""

    def reaction(rows: list[Any]) -> None:
        for row in rows:
            function(row)

    return reaction


def react(rows: list[Any]) -> None:
    """Let the areas that listen to these events' types, and those that listen to all, react."""
    by_type: dict[str, list[Any]] = {}
    for row in rows:
        by_type.setdefault(row.type, []).append(row)
    for type_, some in by_type.items():
        for reaction in _reactions.get(type_, ()):
            reaction(some)
    for reaction in _reactions.get("*", ()):
        reaction(rows)
