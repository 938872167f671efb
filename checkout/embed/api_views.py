"""`/api/v1/realtime-tokens`: let one customer's page listen."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.clock import rfc3339
from checkout.customers.queries import load_customer
from checkout.embed.schemas import MakeToken, TokenAnswer
from checkout.embed.tokens import Bearer, make_token

blueprint = Blueprint("embed_api", __name__, url_prefix="/api/v1")


@operation(
    blueprint,
    "POST",
    "/realtime-tokens",
    summary="Make a token to listen with",
    body=MakeToken,
    answer=TokenAnswer,
    status=201,
    errors=("resource_missing",),
    tag="Live messages",
    description="Hand it to the customer's page, which sends it over `/ws/payment-notifications`"
    " within 15 minutes. It opens that customer's messages and nothing else.",
    hides=True,
)
def post_realtime_token(call: Call) -> dict[str, Any]:
    """Signed, not stored."""
    scope = call.scope
    customer = load_customer(scope.store_id, scope.livemode, call.body.customer, "customer")
    token, expires_at = make_token(Bearer(scope.store_id, scope.livemode, customer.id))
    return {
        "object": "realtime_token",
        "token": token,
        "customer": customer.id,
        "expires_at": rfc3339(expires_at),
        "livemode": scope.livemode,
    }
