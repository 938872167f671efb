"""`/api/v1/stores/{id}/rails`: the ways to pay that a store offers, and its accounts there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.errors import missing
from checkout.merchants.probe import try_rail
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.rail_objects import (
    ConfigureRail,
    RailAnswer,
    RailsAnswer,
    RailTestAnswer,
    show_rails,
)
from checkout.merchants.store_objects import whole_list
from checkout.rails.registry import names

blueprint = Blueprint("rails_api", __name__, url_prefix="/api/v1")
TAG = "Rails"


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>/rails",
    summary="List rails",
    answer=RailsAnswer,
    tag=TAG,
    surface="member",
)
def list_rails(call: Call) -> dict[str, Any]:
    """Every rail there is, with the store's account in this mode where it has one."""
    return whole_list(show_rails(call.scope, names()))


@operation(
    blueprint,
    "PUT",
    "/stores/<store_id>/rails/<rail>",
    summary="Configure a rail",
    body=ConfigureRail,
    answer=RailAnswer,
    errors=("resource_missing", "missing_required_field"),
    tag=TAG,
    surface="member",
    description="Changed credentials make a new account with a hook address of its own; open"
    " attempts keep matching the one before, and its address goes on to work.",
)
def put_rail(call: Call, rail: str) -> dict[str, Any]:
    """The rail as it is now."""
    _refuse_unknown(rail)
    scope, body = call.scope, call.body
    configure_rail(
        scope.store_id,
        scope.livemode,
        rail,
        body.settings,
        enabled=body.enabled,
        actor=scope.actor,
    )
    return show_rails(scope, [rail])[0]


@operation(
    blueprint,
    "POST",
    "/stores/<store_id>/rails/<rail>/test",
    summary="Test a rail",
    answer=RailTestAnswer,
    errors=("resource_missing", "rate_limited"),
    tag=TAG,
    surface="member",
    outside=True,
)
def post_rail_test(call: Call, rail: str) -> dict[str, Any]:
    """One harmless call with the store's account; what the provider said."""
    _refuse_unknown(rail)
    scope = call.scope
    probe = try_rail(scope, rail)
    return {
        "id": probe.account_id,
        "object": "rail_test",
        "rail": rail,
        "ok": probe.ok,
        "code": probe.code,
        "message": probe.message,
        "temporary": probe.temporary,
        "livemode": scope.livemode,
    }


def _refuse_unknown(rail: str) -> None:
    if rail not in names():
        raise missing(what="rail")
