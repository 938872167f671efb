"""The pretend Stripe's Checkout Sessions and the PaymentIntents behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, Shelf
from checkout.rails.stripe.amounts import LARGEST_AT_STRIPE, MINIMUM, to_stripe
from checkout.rails.stripe.fake_http import (
    ApiError,
    find,
    items_of,
    read_integer,
    read_metadata,
    read_part,
    read_text,
    refuse_unknown,
)

SESSION = "session"
INTENT = "intent"
LEAST_SECONDS, MOST_SECONDS = 30 * 60, 24 * 3600
_KNOWN = (
    *("mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata"),
    *("expires_at", "customer_email", "locale", "payment_intent_data", "payment_method_types"),
)


def create_session(
    fields: Mapping[str, Any], account: Account, shelf: Shelf, now: datetime
) -> dict[str, Any]:
    """`POST /v1/checkout/sessions`. Raises ApiError."""
    refuse_unknown(fields, _KNOWN)
    if fields.get("mode") != "payment":
        raise ApiError(400, "The pretend Stripe takes payments only", param="mode")
    for name in ("success_url", "cancel_url"):
        if not re.match(r"https?://[^/]", str(fields.get(name))):
            raise ApiError(400, f"Not a valid URL: {name}", code="url_invalid", param=name)
    email = read_text(fields, "customer_email")
    if email is not None and not re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", email):
        raise ApiError(
            400, f"Invalid email address: {email}", code="email_invalid", param="customer_email"
        )
    currency, amount = _read_items(fields)
    session = new_session(account, shelf, now, currency=currency, amount=amount)
    intent_data = read_part(fields, "payment_intent_data")
    session |= {
        "cancel_url": fields["cancel_url"],
        "client_reference_id": read_text(fields, "client_reference_id", longest=200),
        "customer_email": email,
        "expires_at": _read_end(fields, now),
        "locale": read_text(fields, "locale"),
        "metadata": read_metadata(fields),
        "payment_method_types": items_of(fields.get("payment_method_types")) or ["card"],
        "success_url": fields["success_url"],
    }
    noted = {
        "metadata": read_metadata(intent_data),
        "description": read_text(intent_data, "description"),
    }
    shelf.put("intent_data", session["id"], noted)
    shelf.put(SESSION, session["id"], session)
    return session


def new_session(
    account: Account, shelf: Shelf, now: datetime, *, currency: str, amount: int
) -> dict[str, Any]:
    """An open session; `currency` in lower case, `amount` as Stripe counts."""
    session_id = f"cs_test_{shelf.next_number():020d}"
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "cancel_url": None,
        "client_reference_id": None,
        "created": int(now.timestamp()),
        "currency": currency,
        "customer_details": None,
        "customer_email": None,
        "expires_at": int(now.timestamp()) + MOST_SECONDS,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": "payment",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "success_url": None,
        "ui_mode": "hosted_page",
        "url": f"{account.provider_page_url}/pay/{session_id}",
    }


def load_session(session_id: str, shelf: Shelf, now: datetime) -> dict[str, Any]:
    """A session as it stands now; its own end closes it. Raises ApiError."""
    session = find(SESSION, session_id, shelf)
    if session is None:
        raise ApiError(
            404,
            f"No such checkout.session: {session_id}",
            code="resource_missing",
            param="session",
        )
    if session["status"] == "open" and now.timestamp() >= session["expires_at"]:
        session |= {"status": "expired", "url": None}
        shelf.put(SESSION, session_id, session)
    return session


def expire_session(session_id: str, shelf: Shelf, now: datetime) -> dict[str, Any]:
    """`POST /v1/checkout/sessions/{id}/expire`. Raises ApiError unless it is open."""
    session = load_session(session_id, shelf, now)
    if session["status"] != "open":
        raise ApiError(
            400,
            "Only Checkout Sessions with a status in [open] can be expired. This one is"
            f" {session['status']}.",
        )
    session |= {"status": "expired", "url": None}
    shelf.put(SESSION, session_id, session)
    return session


def expand_session(session: Mapping[str, Any], expand: list[Any], shelf: Shelf) -> dict[str, Any]:
    """The session with its PaymentIntent in it, where the caller wants that."""
    intent_id = session["payment_intent"]
    wanted = any(str(path).startswith("payment_intent") for path in expand)
    if not wanted or intent_id is None:
        return dict(session)
    intent = load_intent(intent_id, shelf)
    if "payment_intent.latest_charge" not in expand and intent["latest_charge"]:
        intent["latest_charge"] = intent["latest_charge"]["id"]
    return {**session, "payment_intent": intent}


def load_intent(intent_id: str, shelf: Shelf) -> dict[str, Any]:
    """A PaymentIntent with its charge in it. Raises ApiError."""
    intent = find(INTENT, intent_id, shelf)
    if intent is None:
        raise ApiError(
            404,
            f"No such payment_intent: '{intent_id}'",
            code="resource_missing",
            param="intent",
        )
    return intent


def complete_session(session: dict[str, Any], shelf: Shelf, now: datetime) -> dict[str, Any]:
    """Take the session's money: it is complete and paid, its intent has succeeded."""
    intent = _intent_of(session, shelf, now)
    intent |= {
        "status": "succeeded",
        "amount": session["amount_total"],
        "amount_received": session["amount_total"],
        "last_payment_error": None,
        "latest_charge": {
            "id": f"ch_{shelf.next_number():024d}",
            "object": "charge",
            "amount": session["amount_total"],
            "amount_refunded": 0,
            "created": int(now.timestamp()),
            "currency": session["currency"],
            "payment_intent": intent["id"],
            "status": "succeeded",
        },
    }
    session |= {
        "customer_details": {"name": "NGUYEN VAN A", "email": session["customer_email"]},
        "payment_intent": intent["id"],
        "payment_status": "paid",
        "status": "complete",
        "url": None,
    }
    shelf.put(INTENT, intent["id"], intent)
    shelf.put(SESSION, session["id"], session)
    return session


def hold_intent(
    session: dict[str, Any], shelf: Shelf, now: datetime, *, declined: bool
) -> dict[str, Any]:
    """The session's intent after a declined card, or while its bank wants an extra step."""
    intent = _intent_of(session, shelf, now)
    error = {
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
        "type": "card_error",
    }
    intent |= {
        "status": "requires_payment_method" if declined else "requires_action",
        "last_payment_error": error if declined else None,
    }
    session["payment_intent"] = intent["id"]
    shelf.put(INTENT, intent["id"], intent)
    shelf.put(SESSION, session["id"], session)
    return intent


def fail_session(session: dict[str, Any], shelf: Shelf, now: datetime) -> dict[str, Any]:
    """A delayed method has failed: complete, and never paid."""
    hold_intent(session, shelf, now, declined=True)
    session |= {"status": "complete", "url": None}
    shelf.put(SESSION, session["id"], session)
    return session


def _intent_of(session: Mapping[str, Any], shelf: Shelf, now: datetime) -> dict[str, Any]:
    """The session's intent: every further try is on the same one."""
    if session["payment_intent"] is not None:
        return load_intent(session["payment_intent"], shelf)
    noted = shelf.get("intent_data", session["id"]) or {}
    return {
        "id": f"pi_{shelf.next_number():024d}",
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_received": 0,
        "created": int(now.timestamp()),
        "currency": session["currency"],
        "description": noted.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": noted.get("metadata", {}),
        "status": "requires_payment_method",
    }


def _read_items(fields: Mapping[str, Any]) -> tuple[str, int]:
    """The one currency and the sum of all line items."""
    items = items_of(fields.get("line_items"))
    if not items:
        raise ApiError(400, "line_items is required", code="parameter_missing", param="line_items")
    currencies, total = set(), 0
    for item in items:
        price = read_part(item, "price_data") if isinstance(item, dict) else {}
        if not read_text(read_part(price, "product_data"), "name"):
            raise ApiError(400, "Each item needs price_data with a name", param="line_items")
        amount = read_integer(price, "unit_amount", "line_items[price_data][unit_amount]")
        quantity = read_integer(item, "quantity", "line_items[quantity]")
        if amount is None or amount < 0 or quantity is None or quantity < 1:
            raise ApiError(400, "Invalid integer", code="parameter_invalid_integer")
        currencies.add((read_text(price, "currency") or "").lower())
        total += amount * quantity
    currency = currencies.pop()
    if currencies or currency.upper() not in MINIMUM:
        raise ApiError(400, f"Invalid currency: {currency}", param="currency")
    if total < to_stripe(MINIMUM[currency.upper()], currency.upper()):
        raise ApiError(400, "The total is below the minimum", code="amount_too_small")
    if total > LARGEST_AT_STRIPE:
        raise ApiError(400, "The total is above the maximum", code="amount_too_large")
    return currency, total


def _read_end(fields: Mapping[str, Any], now: datetime) -> int:
    created = int(now.timestamp())
    end = read_integer(fields, "expires_at")
    if end is None:
        return created + MOST_SECONDS
    if not created + LEAST_SECONDS <= end <= created + MOST_SECONDS:
        raise ApiError(
            400,
            "expires_at must be between 30 minutes and 24 hours from now",
            param="expires_at",
        )
    return end
