"""The pretend Stripe's events: kept for its list, signed and sent to the hook."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, FakeCall, Shelf
from checkout.rails.stripe.fake_http import items_of, read_integer, read_part

EVENT = "event"
API_VERSION = "2026-10-28.endive"


def make_call(
    kind: str,
    about: Mapping[str, Any],
    account: Account,
    shelf: Shelf,
    *,
    now: datetime,
    sent_at: datetime,
) -> FakeCall:
    """Note an event about an object as it stands, and give the call that announces it."""
    event: dict[str, Any] = {
        "id": f"evt_{shelf.next_number():024d}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(now.timestamp()),
        "data": {"object": dict(about)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    shelf.put(EVENT, event["id"], event)
    # Stripe sends its events with line breaks and blanks, so that nobody signs them anew.
    body = json.dumps(event, ensure_ascii=False, indent=2).encode()
    return FakeCall(
        method="POST",
        path=f"/hooks/stripe/{account.id}",
        headers=hook_headers(body, account, sent_at),
        body=body,
    )


def hook_headers(body: bytes, account: Account, sent_at: datetime) -> dict[str, str]:
    """The headers of a delivery, signed with every secret that is in force."""
    secrets = [account.settings.get(name) for name in ("webhook_secret", "webhook_secret_old")]
    timestamp = int(sent_at.timestamp())
    marks = [f"v1={sign(body, str(secret), timestamp)}" for secret in secrets if secret]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": ",".join([f"t={timestamp}", *marks]),
    }


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """Stripe's signature of a body: keyed with the whole secret as text, `whsec_` included."""
    message = str(timestamp).encode() + b"." + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def list_events(query: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """`GET /v1/events`: newest first, by kind and time, page by page."""
    kinds = items_of(query.get("types"))
    times = read_part(query, "created")
    since, until = read_integer(times, "gte"), read_integer(times, "lte")
    events = [
        event
        for event in reversed(shelf.list(EVENT))
        if (since is None or since <= event["created"])
        and (until is None or event["created"] <= until)
        and (not kinds or event["type"] in kinds)
    ]
    return make_page("/v1/events", events, query)


def make_page(url: str, rows: list[dict[str, Any]], query: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a list, after the object that `starting_after` names."""
    after = query.get("starting_after")
    ids = [row["id"] for row in rows]
    first = ids.index(after) + 1 if after in ids else 0
    limit = read_integer(query, "limit")
    limit = 10 if limit is None else max(1, min(limit, 100))
    return {
        "object": "list",
        "url": url,
        "data": rows[first : first + limit],
        "has_more": first + limit < len(rows),
    }
