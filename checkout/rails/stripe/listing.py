"""Stripe's list of events, which goes back thirty days: whatever the webhook did not bring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from checkout.rails.base import Account, Notice, RailError
from checkout.rails.stripe.notices import EVENTS, read_event_notices

if TYPE_CHECKING:
    from checkout.rails.stripe.client import StripeApi

EVENTS_PER_PAGE = 100
PAGES_LIMIT = 1_000
CLOCK_MARGIN = timedelta(minutes=5)
"""How far Stripe's clock may be from ours."""


def list_event_notices(
    api: StripeApi, account: Account, since: datetime, until: datetime
) -> Iterator[Notice]:
    """Every notice of the range, newest first. Raises RailError when it cannot be read."""
    params: dict[str, Any] = {
        "types": list(EVENTS),
        "created": {
            "gte": int((since - CLOCK_MARGIN).timestamp()),
            "lte": int((until + CLOCK_MARGIN).timestamp()),
        },
        "limit": EVENTS_PER_PAGE,
    }
    for _ in range(PAGES_LIMIT):
        page = api.list_events(params)
        events = page["data"]
        for event in events:
            if event["livemode"] is account.livemode:
                raw = json.dumps(event, sort_keys=True).encode()
                yield from read_event_notices(event, account, source="list", raw=raw)
        if not page.get("has_more") or not events:
            return
        params = {**params, "starting_after": events[-1]["id"]}
    raise RailError("list_too_long", "Stripe lists more than is read at once", temporary=True)
