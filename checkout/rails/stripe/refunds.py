"""Refunds at Stripe: asked for under our own id, found again by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from checkout.rails.base import Refund, RefundResult
from checkout.rails.stripe.amounts import to_stripe

if TYPE_CHECKING:
    from checkout.rails.stripe.client import StripeApi

KEY_LIFE = timedelta(hours=23)
"""Stripe remembers an idempotency key for 24 hours; later the same call would pay again."""
IN_FLIGHT = timedelta(minutes=10)
"""A call that Stripe has not booked after so long, it never will."""
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
LISTED = 100


def create_refund(refund: Refund, api: StripeApi, now: datetime) -> RefundResult:
    """Ask for a refund, once however often this is called. Raises RailError."""
    from checkout.rails.stripe.client import SaidNo  # noqa: PLC0415 - it loads the SDK

    intent_id = _intent_of(refund)
    if not intent_id:
        return RefundResult("refused", code="no_payment_intent", message="Nothing was charged.")
    if now - refund.created_at > KEY_LIFE:
        found = _find(refund, intent_id, api)
        if found is not None:
            return found
    params = {
        "payment_intent": intent_id,
        "amount": to_stripe(refund.amount, refund.currency),
        "reason": refund.reason if refund.reason in REASONS else "requested_by_customer",
        "metadata": {"refund": refund.id},
    }
    try:
        return _read(api.create_refund(params, refund.id))
    except SaidNo as error:
        return RefundResult("refused", code=error.code, message=error.message)


def find_refund(refund: Refund, api: StripeApi, now: datetime) -> RefundResult:
    """How a refund stands: by Stripe's id where it is known, else by ours. Raises RailError."""
    known = refund.known.get("refund")
    if known:
        return _read(api.get_refund(str(known)))
    intent_id = _intent_of(refund)
    found = _find(refund, intent_id, api) if intent_id else None
    if found is not None:
        return found
    if now - refund.created_at < IN_FLIGHT:
        return RefundResult("pending", code="not_found", message="Stripe does not show it yet.")
    return RefundResult("refused", code="not_found", message="Stripe knows of no such refund.")


def _find(refund: Refund, intent_id: str, api: StripeApi) -> RefundResult | None:
    params = {"payment_intent": intent_id, "limit": LISTED}
    for one in api.list_refunds(params)["data"]:
        noted = one.get("metadata")
        if isinstance(noted, dict) and noted.get("refund") == refund.id:
            return _read(one)
    return None


def _read(answer: Mapping[str, Any]) -> RefundResult:
    refund_id, status = answer["id"], answer["status"]
    details = {"refund": refund_id, "status": status}
    if status in ("failed", "canceled"):
        return RefundResult(
            "refused",
            provider_reference=refund_id,
            code=str(answer.get("failure_reason") or status),
            message="Stripe could not give the money back.",
            details=details,
        )
    # A status that nobody knows yet is no end.
    return RefundResult(
        "done" if status == "succeeded" else "pending",
        provider_reference=refund_id,
        code=str(answer.get("pending_reason") or ""),
        details=details,
    )


def _intent_of(refund: Refund) -> str:
    noted = str(refund.details.get("payment_intent") or refund.provider_reference)
    return noted if noted.startswith("pi_") else ""
