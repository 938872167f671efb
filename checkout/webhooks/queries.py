"""Reading deliveries with what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.db import one, run
from checkout.core.errors import missing
from checkout.core.scope import Scope
from checkout.webhooks.objects import delivery_object


def load_delivery_object(scope: Scope, delivery_id: str) -> dict[str, Any]:
    """A delivery with its tries. Raises 404 `resource_missing`."""
    row = one(
        "SELECT * FROM delivery WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=delivery_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is None:
        raise missing(what="webhook delivery")
    return expand_deliveries([row])[0]


def expand_deliveries(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Deliveries in their API form, with three statements however many they are."""
    attempts: dict[str, list[Any]] = {}
    for attempt in run(
        "SELECT * FROM delivery_attempt WHERE delivery_id = ANY(%(ids)s) ORDER BY number, id",
        ids=[row.id for row in rows],
    ):
        attempts.setdefault(attempt.delivery_id, []).append(attempt)
    types = {
        event.id: event.type
        for event in run(
            "SELECT id, type FROM outbox WHERE id = ANY(%(ids)s)",
            ids=[row.event_id for row in rows],
        )
    }
    return [delivery_object(row, types[row.event_id], attempts.get(row.id, ())) for row in rows]


def load_event(scope: Scope, event_id: str) -> Any:
    """An event's row. Raises 404 `resource_missing`."""
    row = one(
        "SELECT * FROM outbox WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=event_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is None:
        raise missing(what="event")
    return row
