"""Taking due deliveries out of the table, a few of every endpoint.

A lease is the row's `lease_until`; its `next_try_at` is set to the same moment, so a leased
row is not due and a row whose worker died becomes due by itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from checkout.core.config import config
from checkout.core.crypto import SealBroken, unseal
from checkout.core.db import execute, run
from checkout.webhooks.attempt import Try
from checkout.webhooks.lanes import LEASE_SECONDS
from checkout.webhooks.states import DISABLED

BATCH = 400
STOPPED_BATCH = 400

# `hungry` hops from endpoint to endpoint through the index, so that ten thousand waiting rows
# of one endpoint cost no more than one row; the others are never behind them.
_LEASE = """
WITH RECURSIVE hungry (endpoint_id) AS (
    (SELECT endpoint_id FROM delivery WHERE status = 'waiting' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT delivery.endpoint_id FROM delivery
        WHERE delivery.status = 'waiting' AND delivery.endpoint_id > hungry.endpoint_id
        ORDER BY delivery.endpoint_id LIMIT 1)
    FROM hungry WHERE hungry.endpoint_id IS NOT NULL
),
guest AS MATERIALIZED (
    SELECT endpoint.id, CASE
        WHEN NOT endpoint.enabled OR endpoint.deleted_at IS NOT NULL THEN %(stopped)s
        ELSE coalesce(known.room, 1) END AS room
    FROM hungry JOIN endpoint ON endpoint.id = hungry.endpoint_id
    LEFT JOIN unnest(%(ids)s::text[], %(rooms)s::int[]) AS known (id, room)
        ON known.id = endpoint.id
    ORDER BY random()
),
picked AS MATERIALIZED (
    SELECT due.id FROM guest CROSS JOIN LATERAL (
        SELECT delivery.id FROM delivery
        WHERE delivery.endpoint_id = guest.id AND delivery.status = 'waiting'
            AND delivery.next_try_at <= statement_timestamp()
        ORDER BY delivery.next_try_at LIMIT guest.room FOR UPDATE SKIP LOCKED
    ) AS due
    LIMIT %(limit)s
)
UPDATE delivery SET lease_until = until.at, next_try_at = until.at
FROM picked, outbox, endpoint,
    (SELECT clock_timestamp() + %(lease)s * interval '1 second' AS at) AS until
WHERE delivery.id = picked.id AND outbox.id = delivery.event_id
    AND endpoint.id = delivery.endpoint_id
RETURNING delivery.id, delivery.event_id, delivery.endpoint_id, delivery.tries, delivery.manual,
    delivery.lease_until, outbox.body, endpoint.url, endpoint.secret,
    CASE WHEN endpoint.old_secret_until > clock_timestamp() THEN endpoint.old_secret END
        AS old_secret,
    endpoint.enabled, endpoint.deleted_at
"""


def lease_deliveries(rooms: Mapping[str, int]) -> list[Try]:
    """Lease what is due: of each endpoint as many as `rooms` says, one of others.

    What waits for an endpoint that takes nothing any more is settled on the way.
    """
    leased_at = time.monotonic()
    rows = run(
        _LEASE,
        ids=list(rooms),
        rooms=list(rooms.values()),
        stopped=STOPPED_BATCH,
        limit=BATCH,
        lease=LEASE_SECONDS,
    )
    stopped = [row.id for row in rows if not row.enabled or row.deleted_at]
    if stopped:
        _stop(stopped)
    targets = config().private_targets
    return [
        _read(row, leased_at, targets) for row in rows if row.enabled and row.deleted_at is None
    ]


def give_back(tries: list[Try]) -> None:
    """Make leased deliveries due again, where the lease is still this one."""
    execute(
        "UPDATE delivery SET lease_until = NULL, next_try_at = clock_timestamp()"
        " FROM unnest(%(ids)s::text[], %(leases)s::timestamptz[]) AS mine (id, lease_until)"
        " WHERE delivery.id = mine.id AND delivery.lease_until = mine.lease_until"
        " AND delivery.status = 'waiting'",
        ids=[item.delivery_id for item in tries],
        leases=[item.lease_until for item in tries],
    )


def _stop(delivery_ids: list[str]) -> None:
    """Disabled endpoints leave their deliveries visibly undone, removed ones need none."""
    execute(
        "UPDATE delivery SET lease_until = NULL, manual = false, last_error = %(error)s,"
        " status = CASE WHEN endpoint.deleted_at IS NULL THEN 'exhausted' ELSE 'cancelled' END"
        " FROM endpoint"
        " WHERE delivery.id = ANY(%(ids)s) AND endpoint.id = delivery.endpoint_id",
        ids=delivery_ids,
        error=DISABLED,
    )


def _read(row: Any, leased_at: float, private_targets: tuple[str, ...]) -> Try:
    return Try(
        delivery_id=row.id,
        event_id=row.event_id,
        endpoint_id=row.endpoint_id,
        url=row.url,
        body=row.body.encode(),
        secrets=valid_secrets(row.endpoint_id, row.secret, row.old_secret),
        number=row.tries + 1,
        manual=row.manual,
        private_targets=private_targets,
        lease_until=row.lease_until,
        leased_at=leased_at,
    )


def valid_secrets(endpoint_id: str, secret: bytes, old_secret: bytes | None) -> tuple[str, ...]:
    """The secrets that sign now, the newest first; none when they do not unseal."""
    try:
        secrets = [unseal(secret, row=endpoint_id, column="endpoint.secret").decode()]
        if old_secret is not None:
            plain = unseal(old_secret, row=endpoint_id, column="endpoint.old_secret")
            secrets.append(plain.decode())
    except SealBroken:
        return ()
    return tuple(secrets)
