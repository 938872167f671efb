"""Trying a delivery again: by hand, or because a test store's clock was moved."""

from __future__ import annotations

from datetime import datetime

from checkout.core.audit import record_audit
from checkout.core.clock import rfc3339
from checkout.core.db import execute, one, run
from checkout.core.errors import conflict, missing
from checkout.core.jobs import ring
from checkout.core.scope import Scope
from checkout.webhooks.endpoints import disabled, lock_endpoint
from checkout.webhooks.fanout import DELIVER, insert_deliveries
from checkout.webhooks.queries import load_event
from checkout.webhooks.types import TEST_EVENT, matches

RETRIED_MOST = 10_000
"""Of a range at once; the rest is left for the next time."""

_AGAIN = (
    "UPDATE delivery SET status = 'waiting', manual = true, lease_until = NULL,"
    " next_try_at = clock_timestamp()"
)
_AGAIN_RANGE = f"""
WITH again AS (
    {_AGAIN} WHERE id IN (
        SELECT id FROM delivery
        WHERE endpoint_id = %(id)s AND created_at >= %(since)s AND created_at < %(until)s
            AND status = ANY(%(statuses)s)
            AND (lease_until IS NULL OR lease_until <= clock_timestamp())
        ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ) RETURNING 1
)
SELECT count(*) AS total FROM again
"""  # noqa: S608 - the piece is a constant


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
    execute(f"{_AGAIN} WHERE id = %(id)s", id=delivery_id)
    ring(DELIVER)
    record_audit(
        scope.store_id, scope.actor, "webhook_delivery.retried", delivery_id, scope.livemode
    )


def retry_range(
    scope: Scope, endpoint_id: str, since: datetime, until: datetime, *, delivered: bool
) -> int:
    """Try all of an endpoint's deliveries made in a time again; returns how many.

    Those that did not arrive, and with `delivered` those that did as well. The oldest come
    first, at most `RETRIED_MOST` of them. Raises 404; 409 `endpoint_disabled`.
    """
    if not lock_endpoint(scope, endpoint_id).enabled:
        raise disabled()
    row = one(
        _AGAIN_RANGE,
        id=endpoint_id,
        since=since,
        until=until,
        statuses=["waiting", "exhausted", *(["delivered"] if delivered else [])],
        most=RETRIED_MOST,
    )
    count = int(row.total) if row is not None else 0
    ring(DELIVER)
    record_audit(
        scope.store_id,
        scope.actor,
        "webhook_endpoint.deliveries_retried",
        endpoint_id,
        scope.livemode,
        since=rfc3339(since),
        until=rfc3339(until),
        delivered=delivered,
        count=count,
    )
    return count


def resend_event(scope: Scope, event_id: str) -> int:
    """Send an event again to the enabled endpoints that had it, and to those that want it now.

    Returns to how many. Raises 404; 409 `no_endpoint_listens`. What is being tried at this
    moment is left alone and counts.
    """
    event = load_event(scope, event_id)
    endpoints = run(
        "SELECT id, store_id, livemode, enabled_events FROM endpoint"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND enabled"
        " AND deleted_at IS NULL ORDER BY id FOR SHARE",
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    had = run(
        "SELECT endpoint_id FROM delivery WHERE event_id = %(event)s"
        " AND endpoint_id = ANY(%(ids)s)",
        event=event_id,
        ids=[row.id for row in endpoints],
    )
    known = {row.endpoint_id for row in had}
    # A test event is for the one endpoint that was tested.
    others = [row for row in endpoints if row.id not in known and event.type != TEST_EVENT]
    fresh = [row for row in others if matches(row.enabled_events, event.type)]
    if not known and not fresh:
        raise conflict("no_endpoint_listens", "No enabled webhook endpoint wants this event.")
    execute(
        f"{_AGAIN} WHERE event_id = %(event)s AND endpoint_id = ANY(%(ids)s)"
        " AND (lease_until IS NULL OR lease_until <= clock_timestamp())",
        event=event_id,
        ids=sorted(known),
    )
    insert_deliveries((event_id, row) for row in fresh)
    ring(DELIVER)
    record_audit(scope.store_id, scope.actor, "event.resent", event_id, scope.livemode)
    return len(known) + len(fresh)


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
