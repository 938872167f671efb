"""The pretend Stripe's refunds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Shelf
from checkout.rails.stripe.fake_events import make_page
from checkout.rails.stripe.fake_http import (
    ApiError,
    find,
    read_integer,
    read_metadata,
    read_text,
    refuse_unknown,
)
from checkout.rails.stripe.fake_sessions import INTENT, load_intent

REFUND = "refund"
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
STATUSES = ("pending", "requires_action", "succeeded", "failed", "canceled")
COUNTED = ("pending", "requires_action", "succeeded")
_PLAN = "refund_plan"


def create_refund(fields: Mapping[str, Any], shelf: Shelf, now: datetime) -> dict[str, Any]:
    """`POST /v1/refunds`. Raises ApiError where there is not so much to give back."""
    refuse_unknown(fields, ("payment_intent", "amount", "reason", "metadata"))
    intent = load_intent(str(fields.get("payment_intent")), shelf)
    charge = intent["latest_charge"]
    if charge is None or intent["status"] != "succeeded":
        raise ApiError(400, "This PaymentIntent has no successful charge to refund.")
    left = charge["amount"] - charge["amount_refunded"]
    if left <= 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    amount = read_integer(fields, "amount")
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        raise ApiError(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    reason = read_text(fields, "reason")
    if reason is not None and reason not in REASONS:
        raise ApiError(400, "Invalid reason", param="reason")
    refund = {
        "id": f"re_{shelf.next_number():024d}",
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": int(now.timestamp()),
        "currency": intent["currency"],
        "metadata": read_metadata(fields),
        "payment_intent": intent["id"],
        "reason": reason,
        "status": "succeeded",
    }
    shelf.put(REFUND, refund["id"], refund)
    _count(refund, amount, shelf)
    return move_refund(refund, (shelf.get(_PLAN, _PLAN) or refund)["status"], shelf)


def load_refund(refund_id: str, shelf: Shelf) -> dict[str, Any]:
    """`GET /v1/refunds/{id}`. Raises ApiError."""
    refund = find(REFUND, refund_id, shelf)
    if refund is None:
        raise ApiError(404, f"No such refund: '{refund_id}'", code="resource_missing", param="id")
    return refund


def list_refunds(query: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """`GET /v1/refunds`, newest first."""
    wanted = query.get("payment_intent")
    rows = [row for row in shelf.list(REFUND) if wanted in (None, row["payment_intent"])]
    return make_page("/v1/refunds", rows[::-1], query)


def plan_refunds(fields: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """`POST /_refunds`: how the coming refunds stand at first (`status`)."""
    shelf.put(_PLAN, _PLAN, {"status": _status_of(fields)})
    return {"object": "plan", "status": fields["status"]}


def end_refund(refund_id: str, fields: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """`POST /_refunds/{id}`: the bank's later word about a refund (`status`)."""
    return move_refund(load_refund(refund_id, shelf), _status_of(fields), shelf)


def move_refund(refund: dict[str, Any], status: str, shelf: Shelf) -> dict[str, Any]:
    """Give a refund another status; what fails goes back to the charge."""
    if refund["status"] in COUNTED and status not in COUNTED:
        _count(refund, -refund["amount"], shelf)
    refund["status"] = status
    if status == "failed":
        refund["failure_reason"] = "declined"
    if status == "pending":
        refund["pending_reason"] = "processing"
    shelf.put(REFUND, refund["id"], refund)
    return refund


def _count(refund: Mapping[str, Any], amount: int, shelf: Shelf) -> None:
    intent = load_intent(refund["payment_intent"], shelf)
    intent["latest_charge"]["amount_refunded"] += amount
    shelf.put(INTENT, intent["id"], intent)


def _status_of(fields: Mapping[str, Any]) -> str:
    status = fields.get("status")
    if status not in STATUSES:
        raise ApiError(400, "Invalid status", param="status")
    return str(status)
