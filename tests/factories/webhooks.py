"""Webhook endpoints and events for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core import clock
from checkout.core.db import one, run, unit_of_work
from checkout.core.outbox import Event, record_events
from checkout.webhooks.endpoints import create_endpoint
from tests.factories.stores import Shop


def make_endpoint(shop: Shop, url: str, events: Sequence[str] = ("*",)) -> tuple[Any, str]:
    """A committed endpoint's row and its secret."""
    with unit_of_work():
        return create_endpoint(shop.scope, url=url, enabled_events=events)


def make_events(shop: Shop, count: int = 1, type_: str = "payment.completed") -> list[str]:
    """Committed events, as a payment would record them."""
    with unit_of_work():
        now = clock.now(shop.store.id, shop.livemode)
        return record_events(
            Event(
                type=type_,
                store_id=shop.store.id,
                livemode=shop.livemode,
                subject=f"pay_{number}",
                object={"id": f"pay_{number}", "note": "Áo thun ភ្នំពេញ"},
                at=now,
            )
            for number in range(count)
        )


def deliveries(**columns: Any) -> list[Any]:
    """Delivery rows with these column values, oldest first."""
    where = " AND ".join(["true", *(f"{name} = %({name})s" for name in columns)])
    return run(f"SELECT * FROM delivery WHERE {where} ORDER BY id", **columns)


def attempts_of(delivery_id: str) -> list[Any]:
    return run(
        "SELECT * FROM delivery_attempt WHERE delivery_id = %(id)s ORDER BY id", id=delivery_id
    )


def seconds_until(moment: Any) -> float:
    """How far away a time is on the database's clock."""
    row = one("SELECT extract(epoch FROM %(at)s - clock_timestamp())::float AS left", at=moment)
    assert row is not None
    return float(row.left)
