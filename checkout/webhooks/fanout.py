"""From an event to its deliveries: one for each endpoint that wants it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkout.core import ids
from checkout.core.db import execute, jsonb, run
from checkout.core.jobs import ring
from checkout.webhooks.types import matches

DELIVER = "deliver_webhooks"


def fan_out(events: list[Any]) -> None:
    """Write the deliveries of a batch of events (reaction to every event).

    A repeat of an event that was fanned out before adds nothing.
    """
    endpoints = _endpoints_of({(event.store_id, event.livemode) for event in events})
    insert_deliveries(
        (event.id, endpoint)
        for event in events
        for endpoint in endpoints.get((event.store_id, event.livemode), ())
        if matches(endpoint.enabled_events, event.type)
    )


def insert_deliveries(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    """Write a delivery for each (event id, endpoint row) and ring; returns their ids."""
    rows = [
        {
            "id": ids.new_id("whd"),
            "store_id": endpoint.store_id,
            "livemode": endpoint.livemode,
            "event_id": event_id,
            "endpoint_id": endpoint.id,
        }
        for event_id, endpoint in pairs
    ]
    if not rows:
        return []
    execute(
        "INSERT INTO delivery (id, store_id, livemode, event_id, endpoint_id, next_try_at)"
        " SELECT row.*, clock_timestamp() FROM jsonb_to_recordset(%(rows)s) AS row"
        " (id text, store_id text, livemode boolean, event_id text, endpoint_id text)"
        " ON CONFLICT (event_id, endpoint_id) DO NOTHING",
        rows=jsonb(rows),
    )
    ring(DELIVER)
    return [row["id"] for row in rows]


def _endpoints_of(scopes: set[tuple[str, bool]]) -> dict[tuple[str, bool], list[Any]]:
    rows = run(
        "SELECT id, store_id, livemode, enabled_events FROM endpoint"
        " WHERE enabled AND deleted_at IS NULL AND store_id = ANY(%(stores)s) ORDER BY id",
        stores=list({store_id for store_id, _ in scopes}),
    )
    found: dict[tuple[str, bool], list[Any]] = {}
    for row in rows:
        found.setdefault((row.store_id, row.livemode), []).append(row)
    return found
