"""Asking the providers over the API: about one attempt, or about many KHQR strings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.limits import limit_calls
from checkout.payments.bulk import check_references
from checkout.payments.check_now import check_now, provider_errors
from checkout.payments.queries import load_row
from checkout.payments.schemas import BulkCheck, BulkCheckAnswer, CheckAnswer
from checkout.sessions.objects import attempt_object

blueprint = Blueprint("payment_checks_api", __name__, url_prefix="/api/v1")
BULK_CHECKS_PER_MINUTE = 30
ERRORS = ("rate_limited", "provider_unavailable", "provider_timeout", "provider_not_configured")


@operation(
    blueprint,
    "POST",
    "/checkout/attempts/<attempt_id>/check",
    summary="Ask the provider about an attempt now",
    answer=CheckAnswer,
    errors=ERRORS,
    tag="Payment attempts",
    outside=True,
)
def post_check(call: Call, attempt_id: str) -> dict[str, Any]:
    """What the provider tells takes the same road as its notices."""
    found = check_now(attempt_id, call.scope)
    return {
        "object": "check",
        "found": found,
        "attempt": attempt_object(load_row("attempt", attempt_id, call.scope)),
    }


@operation(
    blueprint,
    "POST",
    "/rails/khqr/check",
    action="attempts.write",
    summary="Ask Bakong about up to 50 KHQR strings now",
    body=BulkCheck,
    answer=BulkCheckAnswer,
    errors=ERRORS,
    tag="Payment attempts",
    outside=True,
    description="By the MD5 of each string that was shown. What it tells is booked at once."
    " Strings of no attempt of this store and mode are `unknown`, and nobody is asked.",
)
def post_bulk_check(call: Call) -> dict[str, Any]:
    """One answer for each MD5, in the order given."""
    scope = call.scope
    limit_calls(f"khqr-check:{scope.store_id}:{scope.livemode}", BULK_CHECKS_PER_MINUTE)
    md5s = [md5.lower() for md5 in call.body.md5s]
    with provider_errors():
        answers = check_references(scope, "khqr", md5s)
    return {"object": "list", "data": [{"md5": md5, **answers[md5]} for md5 in md5s]}
