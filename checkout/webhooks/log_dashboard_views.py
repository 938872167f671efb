"""`/webhooks/deliveries` and `/webhooks/events`: what was sent, what came back, and once more."""

from __future__ import annotations

import json
from typing import get_args

from flask import Blueprint, Response, request

from checkout.core import clock
from checkout.merchants.screens import Desk, screen
from checkout.webhooks.log import (
    DeliveryFilter,
    EventFilter,
    Record,
    deliveries_of_event,
    list_all_endpoints,
    list_deliveries,
    list_events,
    load_record,
    write_curl,
)
from checkout.webhooks.queries import load_event
from checkout.webhooks.retry import resend_event, retry_delivery
from checkout.webhooks.states import DeliveryStatus
from checkout.webhooks.types import EVENT_TYPES, TEST_EVENT

blueprint = Blueprint("webhooks_log_dashboard", __name__)

READ, RETRY, EVENTS = "webhook_endpoints.read", "webhook_deliveries.write", "events.read"
TYPES = (*EVENT_TYPES, TEST_EVENT)
WATCHED_SECONDS = 90
"""A delivery that is due within this time is looked at again and again."""


@screen(blueprint, "GET", "/webhooks/deliveries", action=READ)
def show_deliveries(desk: Desk) -> Response:
    lines, cursor = list_deliveries(desk.scope, desk.filters(DeliveryFilter))
    return desk.render(
        "webhooks/deliveries",
        lines=lines,
        cursor=cursor,
        query=request.args.to_dict(),
        endpoints=list_all_endpoints(desk.scope, removed=True),
        statuses=get_args(DeliveryStatus),
        types=TYPES,
    )


@screen(blueprint, "GET", "/webhooks/deliveries/<delivery_id>", action=READ)
def show_delivery(desk: Desk, delivery_id: str) -> Response:
    record = load_record(desk.scope, delivery_id)
    return desk.render(
        "webhooks/delivery",
        record=record,
        curl=write_curl(record.url, record.request_headers, record.event.body),
        body=_pretty(record.event.body),
        under_way=_is_under_way(record),
    )


@screen(
    blueprint,
    "POST",
    "/webhooks/deliveries/<delivery_id>/retry",
    action=RETRY,
    again=show_delivery,
)
def post_delivery_retry(desk: Desk, delivery_id: str) -> Response:
    retry_delivery(desk.scope, delivery_id)
    return desk.go(desk.path(f"/webhooks/deliveries/{delivery_id}"), done="webhook_retried")


@screen(blueprint, "GET", "/webhooks/events", action=EVENTS)
def show_events(desk: Desk) -> Response:
    rows, cursor = list_events(desk.scope, desk.filters(EventFilter))
    return desk.render(
        "webhooks/events",
        events=rows,
        cursor=cursor,
        query=request.args.to_dict(),
        types=TYPES,
    )


@screen(blueprint, "GET", "/webhooks/events/<event_id>", action=EVENTS)
def show_event(desk: Desk, event_id: str) -> Response:
    row = load_event(desk.scope, event_id)
    return desk.render(
        "webhooks/event",
        event=row,
        body=_pretty(row.body),
        lines=deliveries_of_event(desk.scope, event_id),
    )


@screen(blueprint, "POST", "/webhooks/events/<event_id>/resend", action=RETRY, again=show_event)
def post_event_resend(desk: Desk, event_id: str) -> Response:
    resend_event(desk.scope, event_id)
    return desk.go(desk.path(f"/webhooks/events/{event_id}"), done="webhook_resent")


def _pretty(body: str) -> str:
    """For eyes; what is signed is the text as it was sent."""
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


def _is_under_way(record: Record) -> bool:
    """Whether an answer may come while somebody looks."""
    if record.row.status != "waiting":
        return False
    left = record.row.next_try_at - clock.now()
    return bool(left.total_seconds() < WATCHED_SECONDS)
