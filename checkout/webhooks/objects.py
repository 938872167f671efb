"""Endpoints, deliveries and events in their API form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from checkout.core.clock import rfc3339


def endpoint_object(row: Any, secret: str | None = None) -> dict[str, Any]:
    """An endpoint; the secret is only known when it was made a moment ago."""
    found = {
        "id": row.id,
        "object": "webhook_endpoint",
        "url": row.url,
        "enabled_events": list(row.enabled_events),
        "description": row.description,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
        "failing_since": rfc3339(row.failing_since),
        "old_secret_expires_at": rfc3339(row.old_secret_until),
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }
    return found if secret is None else found | {"secret": secret}


def delivery_object(row: Any, event_type: str, attempts: Sequence[Any]) -> dict[str, Any]:
    """A delivery with the log of its tries, oldest first."""
    return {
        "id": row.id,
        "object": "webhook_delivery",
        "endpoint": row.endpoint_id,
        "event": row.event_id,
        "event_type": event_type,
        "status": row.status,
        "tries": row.tries,
        "next_try_at": rfc3339(row.next_try_at) if row.status == "waiting" else None,
        "response_status": row.response_status,
        "last_error": row.last_error,
        "delivered_at": rfc3339(row.delivered_at),
        "attempts": [_attempt_object(attempt) for attempt in attempts],
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }


def event_object(row: Any) -> dict[str, Any]:
    """An event as it was sent."""
    found: dict[str, Any] = json.loads(row.body)
    return found


def _attempt_object(row: Any) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": rfc3339(row.at),
        "duration_ms": row.duration_ms,
        "response_status": row.response_status,
        "response_body": row.response_body,
        "error": row.error,
        "manual": row.manual,
    }
