"""`/api/v1/widget/…`: what pages of the shop may do with its publishable key."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from checkout.core.api import Call, operation
from checkout.core.errors import forbidden, invalid
from checkout.core.origin import is_own_origin, note_foreign
from checkout.embed.schemas import SHOWN, CheckoutInBrowser, WidgetSession
from checkout.embed.shops_page import is_shops_page
from checkout.sessions.create import create_session
from checkout.sessions.queries import load_session_object

blueprint = Blueprint("widget", __name__, url_prefix="/api/v1")

TAG = "Widget"
PREFLIGHT_SECONDS = 600
# The key says whose data it is and stands in the page; no cookie takes part.
CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Request-Id, Retry-After, Idempotent-Replayed,"
    " RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}


@blueprint.after_request
def let_pages_read(response: Response) -> Response:
    """Pages of other sites may call these, and read errors too."""
    response.headers.update(CROSS_ORIGIN)
    if request.method == "OPTIONS":
        response.headers.update(PREFLIGHT)
    return response


@operation(
    blueprint,
    "POST",
    "/widget/checkout",
    summary="Create a checkout session in a page",
    body=CheckoutInBrowser,
    answer=WidgetSession,
    status=201,
    errors=(
        "origin_not_allowed",
        "amount_not_allowed",
        "amount_mismatch",
        "amount_too_small",
        "amount_too_large",
        "rail_not_available",
        "invalid_url",
        "host_not_allowed",
        "coupon_invalid",
    ),
    tag=TAG,
    surface="publishable",
    description="Whoever reads the page's key can send any amount, so in live mode the store must"
    " allow it (`browser_amounts`): compare what was paid before you deliver.",
)
def post_widget_checkout(call: Call) -> dict[str, Any]:
    """The customer is never proven here, and their wallet not offered."""
    scope = call.scope
    _refuse_other_pages(call)
    if scope.livemode and not scope.settings.browser_amounts:
        raise invalid("amount_not_allowed", "This store lets no page set an amount.", "amount")
    given = call.body.model_dump() | {
        "mode": "payment",
        "plan": None,
        "customer_id": None,
        "duration_minutes": None,
        "max_attempts": None,
        "reuse_open": False,
    }
    session, _ = create_session(
        given,
        store_id=scope.store_id,
        livemode=scope.livemode,
        settings=scope.settings,
        actor=scope.actor,
    )
    return _shown(session)


@operation(
    blueprint,
    "GET",
    "/widget/sessions/<session_id>/status",
    summary="How a checkout session stands",
    answer=WidgetSession,
    errors=("origin_not_allowed",),
    tag=TAG,
    surface="publishable",
    description="A higher `seq` is newer.",
)
def get_widget_status(call: Call, session_id: str) -> dict[str, Any]:
    """For pages that poll; nothing of the shopper or of the shop's own notes."""
    _refuse_other_pages(call)
    return _shown(
        load_session_object(session_id, store_id=call.scope.store_id, livemode=call.scope.livemode)
    )


def _refuse_other_pages(call: Call) -> None:
    origin = request.headers.get("Origin")
    if origin is None or is_own_origin(origin):
        return
    if not is_shops_page(origin, call.scope.livemode, call.scope.settings):
        note_foreign("foreign_page", origin)
        raise forbidden("origin_not_allowed", "The page's host is not on the store's list.")


def _shown(session: dict[str, Any]) -> dict[str, Any]:
    return {name: session[name] for name in SHOWN}
