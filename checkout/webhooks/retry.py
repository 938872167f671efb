"""Trying a delivery again: by hand, or because a test store's clock was moved."""

from __future__ import annotations

from checkout.core.db import execute, one
from checkout.core.errors import conflict, missing
from checkout.core.jobs import ring
from checkout.core.scope import Scope
from checkout.webhooks.endpoints import disabled
from checkout.webhooks.fanout import DELIVER


def retry_delivery(scope: Scope, delivery_id: str) -> None:
    """Try once more now, whatever became of it before.

    Raises 404; 409 `endpoint_disabled`, `delivery_in_progress`.
    """
    row = one(
        "SELECT delivery.id, delivery.lease_until > clock_timestamp() AS leased,"
        " endpoint.enabled AND endpoint.deleted_at IS NULL AS open"
        " FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint_id"
        " WHERE delivery.id = %(id)s AND delivery.store_id = %(store_id)s"
        " AND delivery.livemode = %(livemode)s FOR UPDATE OF delivery",
        id=delivery_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is None:
        raise missing(what="webhook delivery")
    if not row.open:
        raise disabled()
    if row.leased:
        raise conflict("delivery_in_progress", "This delivery is being tried at this moment.")
    execute(
        "UPDATE delivery SET status = 'waiting', manual = true, lease_until = NULL,"
        " next_try_at = clock_timestamp() WHERE id = %(id)s",
        id=delivery_id,
    )
    ring(DELIVER)


def shift_test_deliveries(store_id: str, seconds: float) -> None:
    """A test store's clock went forward: its waits are that much shorter."""
    execute(
        "UPDATE delivery SET next_try_at = next_try_at - %(seconds)s * interval '1 second'"
        " WHERE store_id = %(store_id)s AND NOT livemode AND status = 'waiting'"
        " AND (lease_until IS NULL OR lease_until <= clock_timestamp())",
        store_id=store_id,
        seconds=seconds,
    )
    execute(
        "UPDATE endpoint SET failing_since = failing_since - %(seconds)s * interval '1 second',"
        " old_secret_until = old_secret_until - %(seconds)s * interval '1 second'"
        " WHERE store_id = %(store_id)s AND NOT livemode",
        store_id=store_id,
        seconds=seconds,
    )
    ring(DELIVER)
