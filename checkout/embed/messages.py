"""What customers' own pages are told: how a payment goes, and that a booking stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from checkout.core.db import after_commit, run
from checkout.core.exchange import Message, tell

PAYMENT_STATUS = "payment_status"
BOOKING_CONFIRMATIONS = "booking_confirmations"
CHANNELS = frozenset((PAYMENT_STATUS, BOOKING_CONFIRMATIONS))

STATUSES = {
    "checkout.session.created": "INITIATED",
    "checkout.session.processing": "PROCESSING",
    "checkout.session.completed": "COMPLETED",
    "checkout.session.expired": "FAILED",
    "checkout.session.abandoned": "FAILED",
    "checkout.session.cancelled": "FAILED",
    "payment.failed": "FAILED",
}
BOOKING = "booking.confirmed"
TOLD = frozenset((*STATUSES, BOOKING))


def tell_customers(rows: Sequence[Any]) -> None:
    """A reaction to events: tell each customer's pages once the events' transaction commits."""
    shown = [
        (row.type, object_)
        for row in rows
        if row.type in TOLD and _may_have_customer(object_ := _object_of(row))
    ]
    if not shown:
        return
    customers = _customers_of(shown)
    messages = [_message(type_, object_, customers) for type_, object_ in shown]
    after_commit(partial(tell, [message for message in messages if message is not None]))


def _object_of(row: Any) -> dict[str, Any]:
    object_: dict[str, Any] = json.loads(row.body)["data"]["object"]
    return object_


def _may_have_customer(object_: Mapping[str, Any]) -> bool:
    # Most sessions name nobody; an attempt does not say.
    return object_.get("object") == "payment_attempt" or object_.get("customer") is not None


def _message(
    type_: str, object_: Mapping[str, Any], customers: Mapping[str, tuple[str, str]]
) -> Message | None:
    session_id = _session_of(object_)
    if session_id not in customers:
        return None
    customer_id, user_id = customers[session_id]
    if type_ == BOOKING:
        return Message(customer_id, BOOKING_CONFIRMATIONS, _booking(object_, user_id))
    body = {
        "type": "PAYMENT_STATUS",
        "paymentId": session_id,
        "userId": user_id,
        "status": STATUSES[type_],
    }
    payment = object_.get("payment")
    if type_ == "checkout.session.completed" and payment is not None:
        body["transactionId"] = payment["id"]
    return Message(customer_id, PAYMENT_STATUS, body)


def _booking(session: Mapping[str, Any], user_id: str) -> dict[str, Any]:
    fulfilment = session["fulfilment"]
    details = fulfilment.get("details")
    facts = details if isinstance(details, Mapping) else {}
    return {
        "type": "BOOKING_CONFIRMED",
        "bookingId": fulfilment.get("reference") or session["reference"] or session["id"],
        "userId": user_id,
        "propertyName": facts.get("property_name"),
        "checkIn": facts.get("check_in"),
        "checkOut": facts.get("check_out"),
    }


def _session_of(object_: Mapping[str, Any]) -> str:
    """The id of the session that an event's object is, or belongs to."""
    return str(object_["session"] if object_["object"] == "payment_attempt" else object_["id"])


def _customers_of(
    shown: Iterable[tuple[str, Mapping[str, Any]]],
) -> dict[str, tuple[str, str]]:
    """Session → its customer's id, and the name that the shop knows the customer by."""
    rows = run(
        "SELECT session.id, customer.id AS customer_id, customer.reference"
        " FROM checkout_session AS session JOIN customer ON customer.id = session.customer_id"
        " WHERE session.id = ANY(%(ids)s)",
        ids=sorted({_session_of(object_) for _, object_ in shown}),
    )
    return {row.id: (row.customer_id, row.reference or row.customer_id) for row in rows}
