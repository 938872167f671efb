"""Checkout Sessions, from events or asked for, as notices.

One payment is one PaymentIntent, so its id is the movement's own: the webhook, a second event
for the same change, the list of events and a retrieved session all name it alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checkout.rails.base import Account, Match, Notice, Source
from checkout.rails.stripe.amounts import WrongAmount, from_stripe

COMPLETED = "checkout.session.completed"
DELAYED_PAID = "checkout.session.async_payment_succeeded"
DELAYED_FAILED = "checkout.session.async_payment_failed"
EXPIRED = "checkout.session.expired"
EVENTS = (COMPLETED, DELAYED_PAID, DELAYED_FAILED, EXPIRED)
"""What the merchant subscribes the endpoint to; anything else is answered and left alone."""
PAID = ("paid", "no_payment_required")
AMOUNT_LIMIT = 9_999_999_999_999
"""More than any currency's: what is beyond it could not be booked either."""
ID_LIMIT = 255
_FAILURES = {
    EXPIRED: ("expired", "The payment page has run out."),
    DELAYED_FAILED: ("declined", "The payment was declined."),
}


def read_event_notices(
    event: Mapping[str, Any], account: Account, *, source: Source, raw: bytes
) -> list[Notice]:
    """What a proven event tells: one notice, or none where it moves nothing of ours."""
    kind = event.get("type")
    if kind not in EVENTS:
        return []
    data = event.get("data")
    session = data.get("object") if isinstance(data, dict) else None
    if not isinstance(session, dict):
        return [
            _unreadable(f"event:{_id(event.get('id'))}", source, raw, "the event has no session")
        ]
    if not is_ours(session, account):
        return []
    if kind in _FAILURES:
        return [_failed(session, kind, source, raw)]
    if session.get("payment_status") in PAID:
        return [_paid(session, source, raw, _moment(event.get("created")))]
    return [_on_its_way(session, source, raw)]


def read_session_notices(session: Mapping[str, Any]) -> list[Notice]:
    """What a Checkout Session that was asked for tells."""
    raw = json.dumps(session, sort_keys=True).encode()
    if session.get("status") == "expired":
        return [_failed(session, EXPIRED, "list", raw)]
    if session.get("status") != "complete":
        return []
    intent = session.get("payment_intent")
    intent = intent if isinstance(intent, dict) else {}
    if session.get("payment_status") in PAID:
        charge = intent.get("latest_charge")
        moved_at = _moment(charge.get("created")) if isinstance(charge, dict) else None
        return [_paid(session, "list", raw, moved_at)]
    if intent.get("status") in ("requires_payment_method", "canceled"):
        return [_failed(session, DELAYED_FAILED, "list", raw)]
    return []


def is_ours(session: Mapping[str, Any], account: Account) -> bool:
    """Whether a session of the Stripe account was opened by this store.

    An endpoint hears of everything in its Stripe account: other sites, other stores. Where the
    session does not say which store it is of, the prefix of its code has to tell.
    """
    noted = session.get("metadata")
    noted = noted if isinstance(noted, dict) else {}
    if account.store and noted.get("store"):
        return noted["store"] == account.store and bool(noted.get("attempt"))
    code = str(noted.get("code") or "")
    own = tuple(f"{prefix}-" for prefix in account.code_prefixes)
    return bool(noted.get("attempt")) and (not code or code.startswith(own))


def _paid(
    session: Mapping[str, Any], source: Source, raw: bytes, moved_at: datetime | None
) -> Notice:
    session_id, intent_id = _id(session.get("id")), _intent_of(session)
    reference = intent_id or session_id
    amount = session.get("amount_total")
    currency = _text(session.get("currency")).upper()
    if not reference:
        return _unreadable(f"attempt:{_own(session)}", source, raw, "the session has no id")
    if type(amount) is not int or not 0 < amount <= AMOUNT_LIMIT:
        return _unreadable(reference, source, raw, "the session names no amount")
    try:
        amount = from_stripe(amount, currency)
    except WrongAmount as problem:
        return _unreadable(reference, source, raw, str(problem))
    customer = session.get("customer_details")
    name = _text(customer.get("name")) if isinstance(customer, dict) else ""
    return Notice(
        provider_reference=reference,
        source=source,
        outcome="succeeded",
        raw=raw,
        amount=amount,
        currency=currency,
        matches=_matches(session),
        memo=_own(session),
        payer={"name": name} if name else None,
        occurred_at=moved_at,
        # The same across a store's accounts: an endpoint keeps the address of the account that
        # it was made for, while questions are asked with the newest one's key.
        fingerprint=reference,
        details={"checkout_session": session_id, "payment_intent": intent_id},
    )


def _on_its_way(session: Mapping[str, Any], source: Source, raw: bytes) -> Notice:
    """Complete is not paid: the shopper is done, and a delayed method tells later how it ended."""
    return Notice(
        provider_reference=f"{_id(session.get('id')) or _own(session)}:on_its_way",
        source=source,
        outcome="pending",
        raw=raw,
        matches=_matches(session),
        memo=_own(session),
    )


def _failed(session: Mapping[str, Any], kind: str, source: Source, raw: bytes) -> Notice:
    code, message = _FAILURES[kind]
    return Notice(
        provider_reference=f"{_id(session.get('id')) or _own(session)}:{code}",
        source=source,
        outcome="failed",
        raw=raw,
        matches=_matches(session),
        memo=_own(session),
        details={"failure_code": code, "failure_message": message},
    )


def _unreadable(reference: str, source: Source, raw: bytes, why: str) -> Notice:
    return Notice(
        # The bare id stays free for the money, which another answer may tell whole.
        provider_reference=f"{reference}:unreadable",
        source=source,
        outcome="unreadable",
        raw=raw,
        details={"unreadable": why},
    )


def _matches(session: Mapping[str, Any]) -> tuple[Match, ...]:
    """By Stripe's id and by ours, which was written down before Stripe was called."""
    known = dict.fromkeys((_id(session.get("id")), _own(session)))
    return tuple(Match("reference", reference) for reference in known if reference)


def _own(session: Mapping[str, Any]) -> str:
    return _id(session.get("client_reference_id"))


def _intent_of(session: Mapping[str, Any]) -> str:
    intent = session.get("payment_intent")
    return _id(intent.get("id")) if isinstance(intent, dict) else _id(intent)


def _moment(seconds: object) -> datetime | None:
    if type(seconds) is not int or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _id(value: object) -> str:
    """An id that can be looked up by; Stripe's own are far shorter than the limit."""
    text = _text(value)
    return text if len(text) <= ID_LIMIT else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
