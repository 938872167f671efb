"""Webhook endpoints, their deliveries, and events over the API."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.lists import Condition, ListOf, ListQuery, list_page
from checkout.webhooks.endpoints import (
    create_endpoint,
    delete_endpoint,
    load_endpoint,
    rotate_secret,
    send_test_event,
    update_endpoint,
)
from checkout.webhooks.objects import endpoint_object, event_object
from checkout.webhooks.queries import expand_deliveries, load_delivery_object, load_event
from checkout.webhooks.retry import retry_delivery
from checkout.webhooks.schemas import (
    CreateEndpoint,
    DeliveryAnswer,
    DeliveryList,
    EndpointAnswer,
    EventAnswer,
    EventList,
    NewSecretAnswer,
    RemovedAnswer,
    UpdateEndpoint,
)

blueprint = Blueprint("webhooks_api", __name__, url_prefix="/api/v1")
ENDPOINTS = "Webhook endpoints"
EVENTS = "Events"


@operation(
    blueprint,
    "POST",
    "/webhook-endpoints",
    summary="Create a webhook endpoint",
    body=CreateEndpoint,
    answer=NewSecretAnswer,
    status=201,
    errors=("invalid_url", "unknown_event_type", "too_many_endpoints"),
    tag=ENDPOINTS,
    description="The answer's `secret` verifies what is sent; it is not shown again.",
    hides=True,
)
def post_endpoint(call: Call) -> dict[str, Any]:
    """The endpoint with its secret."""
    return endpoint_object(*create_endpoint(call.scope, **call.body.model_dump()))


@operation(
    blueprint,
    "GET",
    "/webhook-endpoints",
    summary="List webhook endpoints",
    query=ListQuery,
    answer=ListOf[EndpointAnswer],
    tag=ENDPOINTS,
)
def list_endpoints(call: Call) -> dict[str, Any]:
    """Newest first."""
    return list_page(
        table="endpoint",
        scope=call.scope,
        query=call.query,
        conditions=[("deleted_at IS NULL", {})],
        render=endpoint_object,
    )


@operation(
    blueprint,
    "GET",
    "/webhook-endpoints/<endpoint_id>",
    summary="Read a webhook endpoint",
    answer=EndpointAnswer,
    tag=ENDPOINTS,
)
def get_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """The endpoint without its secret."""
    return endpoint_object(load_endpoint(call.scope, endpoint_id))


@operation(
    blueprint,
    "PATCH",
    "/webhook-endpoints/<endpoint_id>",
    summary="Change a webhook endpoint",
    body=UpdateEndpoint,
    answer=EndpointAnswer,
    errors=("invalid_url", "unknown_event_type"),
    tag=ENDPOINTS,
    description="An endpoint that is enabled again goes on with the deliveries that were"
    " stopped while it was disabled.",
)
def patch_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """The endpoint as it is now."""
    changes = call.body.model_dump(exclude_none=True)
    return endpoint_object(update_endpoint(call.scope, endpoint_id, changes))


@operation(
    blueprint,
    "DELETE",
    "/webhook-endpoints/<endpoint_id>",
    summary="Remove a webhook endpoint",
    answer=RemovedAnswer,
    tag=ENDPOINTS,
)
def remove_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """What still waits for it is cancelled."""
    delete_endpoint(call.scope, endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


@operation(
    blueprint,
    "POST",
    "/webhook-endpoints/<endpoint_id>/rotate-secret",
    summary="Give an endpoint a new secret",
    answer=NewSecretAnswer,
    tag=ENDPOINTS,
    description="For 24 hours both secrets sign, the new one first.",
    hides=True,
)
def post_rotate_secret(call: Call, endpoint_id: str) -> dict[str, Any]:
    """The endpoint with its new secret."""
    return endpoint_object(*rotate_secret(call.scope, endpoint_id))


@operation(
    blueprint,
    "POST",
    "/webhook-endpoints/<endpoint_id>/test",
    summary="Send a test event",
    answer=DeliveryAnswer,
    status=201,
    errors=("endpoint_disabled",),
    tag=ENDPOINTS,
    description="Sends an event of type `webhook_endpoint.test` to this endpoint alone.",
)
def post_test_event(call: Call, endpoint_id: str) -> dict[str, Any]:
    """The delivery, which is under way."""
    return load_delivery_object(call.scope, send_test_event(call.scope, endpoint_id))


@operation(
    blueprint,
    "GET",
    "/webhook-endpoints/<endpoint_id>/deliveries",
    summary="List an endpoint's deliveries",
    query=DeliveryList,
    answer=ListOf[DeliveryAnswer],
    tag=ENDPOINTS,
)
def list_deliveries(call: Call, endpoint_id: str) -> dict[str, Any]:
    """Newest first, each with the log of its tries."""
    load_endpoint(call.scope, endpoint_id)
    filters: list[Condition] = [("endpoint_id = %(endpoint)s", {"endpoint": endpoint_id})]
    if call.query.status is not None:
        filters.append(("status = %(status)s", {"status": call.query.status}))
    if call.query.event is not None:
        load_event(call.scope, call.query.event)
        filters.append(("event_id = %(event)s", {"event": call.query.event}))
    page = list_page(
        table="delivery",
        scope=call.scope,
        query=call.query,
        conditions=filters,
        render=lambda row: {"row": row},
    )
    page["data"] = expand_deliveries([item["row"] for item in page["data"]])
    return page


@operation(
    blueprint,
    "POST",
    "/webhook-deliveries/<delivery_id>/retry",
    summary="Try a delivery again now",
    answer=DeliveryAnswer,
    errors=("endpoint_disabled", "delivery_in_progress"),
    tag=ENDPOINTS,
)
def post_delivery_retry(call: Call, delivery_id: str) -> dict[str, Any]:
    """The delivery, which is under way."""
    retry_delivery(call.scope, delivery_id)
    return load_delivery_object(call.scope, delivery_id)


@operation(
    blueprint,
    "GET",
    "/events",
    summary="List events",
    query=EventList,
    answer=ListOf[EventAnswer],
    tag=EVENTS,
    description="As they were sent. Of a customer who has been deleted only the id is left.",
)
def list_events(call: Call) -> dict[str, Any]:
    """Newest first."""
    filters: list[Condition] = []
    if call.query.type is not None:
        filters.append(("type = %(type)s", {"type": call.query.type}))
    return list_page(
        table="outbox",
        scope=call.scope,
        query=call.query,
        conditions=filters,
        render=event_object,
    )


@operation(
    blueprint,
    "GET",
    "/events/<event_id>",
    summary="Read an event",
    answer=EventAnswer,
    tag=EVENTS,
    description="As it was sent. Of a customer who has been deleted only the id is left.",
)
def get_event(call: Call, event_id: str) -> dict[str, Any]:
    """The event."""
    return event_object(load_event(call.scope, event_id))
