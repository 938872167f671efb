"""Writing down how tries ended: many at once, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.audit import record_audit
from checkout.core.db import execute, jsonb, run
from checkout.webhooks.attempt import Result, kept_headers
from checkout.webhooks.lease import give_back
from checkout.webhooks.notify import tell_owner
from checkout.webhooks.schedule import next_wait_seconds

GONE = "gone"
FAILING = "failing"
FAILING_DAYS = 5

_ROWS = (
    "jsonb_to_recordset(%(rows)s) AS row (id text, lease_until timestamptz, number int,"
    " at timestamptz, duration_ms int, status int, body text, error text, well boolean,"
    " wait float, manual boolean, url text, sent_headers jsonb, headers jsonb)"
)

_LOG = f"""
INSERT INTO delivery_attempt
    (delivery_id, number, at, duration_ms, url, request_headers, response_status,
    response_headers, response_body, error, manual)
SELECT row.id, row.number, row.at, row.duration_ms, row.url, row.sent_headers, row.status,
    row.headers, row.body, row.error, row.manual
FROM {_ROWS}
"""  # noqa: S608 - both pieces are constants

_MOVE = f"""
UPDATE delivery SET
    tries = greatest(tries, row.number),
    lease_until = NULL,
    manual = false,
    response_status = row.status,
    last_error = CASE WHEN row.well THEN NULL ELSE coalesce(row.error, 'http_' || row.status) END,
    delivered_at = CASE WHEN row.well THEN clock_timestamp() ELSE delivered_at END,
    next_try_at = clock_timestamp() + coalesce(row.wait, 0) * interval '1 second',
    status = CASE WHEN row.well OR delivered_at IS NOT NULL THEN 'delivered'
        WHEN row.wait IS NULL THEN 'exhausted' ELSE 'waiting' END
FROM {_ROWS}
WHERE delivery.id = row.id AND delivery.lease_until = row.lease_until
    AND delivery.status = 'waiting'
"""  # noqa: S608 - both pieces are constants


def record_results(results: Sequence[Result]) -> None:
    """Record every try, move its delivery on, and keep score of its endpoint."""
    returned = [result.item for result in results if result.returned]
    if returned:
        give_back(returned)
    made = [result for result in results if not result.returned]
    if not made:
        return
    rows = jsonb([_row(result) for result in made])
    _log_attempts(rows)
    _move_deliveries(rows)
    _score_endpoints(made)


def _row(result: Result) -> dict[str, Any]:
    item = result.item
    wait = None
    if not result.well and not result.gone:
        wait = next_wait_seconds(item.number, result.headers)
    return {
        "id": item.delivery_id,
        "lease_until": item.lease_until.isoformat(),
        "number": item.number,
        "at": result.at.isoformat(),
        "duration_ms": result.duration_ms,
        "status": result.status,
        "body": result.body,
        "error": result.error,
        "well": result.well,
        "wait": wait,
        "manual": item.manual,
        "url": item.url,
        "sent_headers": dict(result.sent_headers),
        "headers": None if result.status is None else kept_headers(result.headers),
    }


def _log_attempts(rows: Any) -> None:
    execute(_LOG, rows=rows)


def _move_deliveries(rows: Any) -> None:
    """Delivered, waiting for the next try, or exhausted; only where the lease is still ours.

    A delivery that had arrived before and was sent again by hand stays delivered.
    """
    execute(_MOVE, rows=rows)


def _score_endpoints(results: Sequence[Result]) -> None:
    well = {result.item.endpoint_id for result in results if result.well}
    badly = {result.item.endpoint_id for result in results if not result.well} - well
    gone = {result.item.endpoint_id for result in results if result.gone}
    if well:
        execute(
            "UPDATE endpoint SET failing_since = NULL"
            " WHERE id = ANY(%(ids)s) AND failing_since IS NOT NULL",
            ids=sorted(well),
        )
    if badly:
        execute(
            "UPDATE endpoint SET failing_since = clock_timestamp()"
            " WHERE id = ANY(%(ids)s) AND failing_since IS NULL",
            ids=sorted(badly),
        )
        _disable(sorted(badly), FAILING)
    if gone:
        _disable(sorted(gone), GONE)


def _disable(endpoint_ids: list[str], reason: str) -> None:
    """Disable endpoints that are gone, or those among the failing that did nothing else."""
    rows = run(
        "UPDATE endpoint SET enabled = false, disabled_reason = %(reason)s"
        " WHERE id = ANY(%(ids)s) AND enabled AND (%(reason)s <> %(failing)s"
        " OR failing_since <= clock_timestamp() - %(days)s * interval '1 day')"
        " RETURNING id, store_id, livemode, url",
        ids=endpoint_ids,
        reason=reason,
        failing=FAILING,
        days=FAILING_DAYS,
    )
    # Each store's trail is a lock: they are always taken in the same order.
    for row in sorted(rows, key=lambda row: (row.store_id, row.id)):
        record_audit(
            row.store_id,
            "system",
            "webhook_endpoint.disabled",
            row.id,
            row.livemode,
            reason=reason,
            url=row.url,
        )
        tell_owner(row, reason)
