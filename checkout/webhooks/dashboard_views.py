"""`/webhooks`: a store's endpoints, added, changed, tested, given a new secret, removed."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response

from checkout.core.body import Body
from checkout.core.errors import invalid
from checkout.merchants.screens import Desk, screen
from checkout.webhooks.endpoints import (
    create_endpoint,
    delete_endpoint,
    load_endpoint,
    rotate_secret,
    send_test_event,
    update_endpoint,
)
from checkout.webhooks.log import (
    Day,
    DeliveryFilter,
    list_all_endpoints,
    list_deliveries,
    start_of,
)
from checkout.webhooks.retry import retry_range
from checkout.webhooks.schemas import CreateEndpoint
from checkout.webhooks.types import group_types

blueprint = Blueprint("webhooks_dashboard", __name__)

READ, WRITE, RETRY = (
    "webhook_endpoints.read",
    "webhook_endpoints.write",
    "webhook_deliveries.write",
)
RECENT_DELIVERIES = 10


class Range(Body):
    """Whole days of the region, both included."""

    since: Day
    until: Day
    delivered: bool = False


@screen(blueprint, "GET", "/webhooks", action=READ)
def show_endpoints(desk: Desk) -> Response:
    return desk.render("webhooks/endpoints", endpoints=list_all_endpoints(desk.scope))


@screen(blueprint, "GET", "/webhooks/new", action=WRITE)
def show_new_endpoint(desk: Desk) -> Response:
    return desk.render("webhooks/new", groups=group_types())


@screen(blueprint, "POST", "/webhooks/new", action=WRITE, again=show_new_endpoint, recent=True)
def post_new_endpoint(desk: Desk) -> Response:
    """The answer itself shows the secret: no other page ever can."""
    given = _read(desk)
    row, secret = create_endpoint(
        desk.scope,
        url=given.url,
        enabled_events=given.enabled_events,
        description=given.description,
    )
    return desk.render("webhooks/secret", endpoint=row, secret=secret, rotated=False)


@screen(blueprint, "GET", "/webhooks/<endpoint_id>", action=READ)
def show_endpoint(desk: Desk, endpoint_id: str) -> Response:
    row = load_endpoint(desk.scope, endpoint_id)
    query = DeliveryFilter(endpoint=endpoint_id, limit=RECENT_DELIVERIES)
    lines, _ = list_deliveries(desk.scope, query)
    return desk.render("webhooks/endpoint", endpoint=row, groups=group_types(), lines=lines)


@screen(
    blueprint,
    "POST",
    "/webhooks/<endpoint_id>",
    action=WRITE,
    again=show_endpoint,
    recent=True,
)
def post_endpoint(desk: Desk, endpoint_id: str) -> Response:
    given = _read(desk)
    changes = given.model_dump(include={"url", "enabled_events", "description"})
    update_endpoint(desk.scope, endpoint_id, changes)
    return desk.go(_path(desk, endpoint_id), done="saved")


@screen(blueprint, "POST", "/webhooks/<endpoint_id>/enabled", action=WRITE, again=show_endpoint)
def post_enabled(desk: Desk, endpoint_id: str) -> Response:
    """Enabled, it goes on with what was stopped meanwhile."""
    enabled = desk.value("enabled") == "1"
    update_endpoint(desk.scope, endpoint_id, {"enabled": enabled})
    done = "webhook_enabled" if enabled else "webhook_disabled"
    return desk.go(_path(desk, endpoint_id), done=done)


@screen(
    blueprint,
    "POST",
    "/webhooks/<endpoint_id>/secret",
    action=WRITE,
    again=show_endpoint,
    recent=True,
)
def post_secret(desk: Desk, endpoint_id: str) -> Response:
    """The new secret, this once; the one before signs beside it for a day."""
    row, secret = rotate_secret(desk.scope, endpoint_id)
    return desk.render("webhooks/secret", endpoint=row, secret=secret, rotated=True)


@screen(blueprint, "POST", "/webhooks/<endpoint_id>/test", action=WRITE, again=show_endpoint)
def post_test(desk: Desk, endpoint_id: str) -> Response:
    """On the delivery's page the answer appears as it comes."""
    delivery_id = send_test_event(desk.scope, endpoint_id)
    return desk.go(desk.path(f"/webhooks/deliveries/{delivery_id}"), done="webhook_tested")


@screen(blueprint, "POST", "/webhooks/<endpoint_id>/retries", action=RETRY, again=show_endpoint)
def post_retries(desk: Desk, endpoint_id: str) -> Response:
    """All of a time again."""
    load_endpoint(desk.scope, endpoint_id)
    given = desk.read(Range)
    retry_range(
        desk.scope,
        endpoint_id,
        start_of(given.since),
        start_of(given.until) + timedelta(days=1),
        delivered=given.delivered,
    )
    path = desk.path(f"/webhooks/deliveries?endpoint={endpoint_id}&since={given.since}")
    return desk.go(f"{path}&until={given.until}", done="webhook_retried_range")


@screen(
    blueprint,
    "POST",
    "/webhooks/<endpoint_id>/delete",
    action=WRITE,
    again=show_endpoint,
    recent=True,
)
def post_delete(desk: Desk, endpoint_id: str) -> Response:
    delete_endpoint(desk.scope, endpoint_id)
    return desk.go(desk.path("/webhooks"), done="webhook_removed")


def _read(desk: Desk) -> CreateEndpoint:
    """The form; boxes that are all empty are a choice of nothing, not of everything."""
    if not desk.values("enabled_events"):
        raise invalid("no_events_chosen", "Choose at least one event.", "enabled_events")
    return desk.read(CreateEndpoint)


def _path(desk: Desk, endpoint_id: str) -> str:
    return desk.path(f"/webhooks/{endpoint_id}")
