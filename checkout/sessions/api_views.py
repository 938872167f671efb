"""`/api/v1/checkout/sessions`: create, read, list, change and end sessions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.clock import rfc3339
from checkout.core.lists import Condition, ListOf, list_page, refuse_foreign
from checkout.sessions.create import create_session
from checkout.sessions.end import cancel_session, expire_session
from checkout.sessions.queries import STORE_NOW, expand, load_history, load_session_object
from checkout.sessions.schemas import (
    CreateSession,
    Fulfil,
    HistoryAnswer,
    SessionAnswer,
    SessionList,
    UpdateSession,
)
from checkout.sessions.update import record_fulfilment, update_session

blueprint = Blueprint("sessions_api", __name__, url_prefix="/api/v1")
TAG = "Checkout sessions"


@operation(
    blueprint,
    "POST",
    "/checkout/sessions",
    summary="Create a checkout session",
    body=CreateSession,
    answer=SessionAnswer,
    status=201,
    also=(200,),
    errors=(
        "amount_mismatch",
        "amount_too_small",
        "amount_too_large",
        "rail_not_available",
        "customer_required",
        "missing_required_field",
        "invalid_url",
        "host_not_allowed",
        "coupon_invalid",
        "resource_missing",
    ),
    tag=TAG,
    description="Send the shopper to the session's `url`. With `reuse_open` the store's open"
    " session of the same reference, amount and currency is given back with status 200.",
)
def post_session(call: Call) -> tuple[dict[str, Any], int]:
    """201 with the new session, 200 with the one that `reuse_open` found."""
    session, new = create_session(
        call.body.model_dump(),
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        settings=call.scope.settings,
        actor=call.scope.actor,
        by_secret_key=call.scope.secret,
    )
    return session, 201 if new else 200


@operation(
    blueprint,
    "GET",
    "/checkout/sessions",
    summary="List checkout sessions",
    query=SessionList,
    answer=ListOf[SessionAnswer],
    tag=TAG,
)
def list_sessions(call: Call) -> dict[str, Any]:
    """Newest first; filters by status, reference and customer."""
    query = call.query
    refuse_foreign("customer", query.customer, call.scope, "customer")
    filters: list[Condition] = [
        (f"{column} = %({column})s", {column: value})
        for column, value in (
            ("status", query.status),
            ("reference", query.reference),
            ("customer_id", query.customer),
        )
        if value is not None
    ]
    page = list_page(
        table="checkout_session",
        columns=f"*, (SELECT {STORE_NOW.replace('session.', 'checkout_session.')} FROM store"  # noqa: S608
        " WHERE store.id = checkout_session.store_id) AS store_now",
        scope=call.scope,
        query=query,
        conditions=filters,
        render=lambda row: {"row": row},
    )
    page["data"] = expand([item["row"] for item in page["data"]]) if page["data"] else []
    return page


@operation(
    blueprint,
    "GET",
    "/checkout/sessions/<session_id>",
    summary="Read a checkout session",
    answer=SessionAnswer,
    tag=TAG,
)
def get_session(call: Call, session_id: str) -> dict[str, Any]:
    """The session with its newest attempt and its payment."""
    return _load(call, session_id)


@operation(
    blueprint,
    "PATCH",
    "/checkout/sessions/<session_id>",
    summary="Change an open checkout session",
    body=UpdateSession,
    answer=SessionAnswer,
    errors=(
        "session_expired",
        "session_not_active",
        "attempt_in_progress",
        "amount_mismatch",
        "coupon_invalid",
        "rail_not_available",
    ),
    tag=TAG,
)
def patch_session(call: Call, session_id: str) -> dict[str, Any]:
    """Only while nobody is paying; amounts in minor units."""
    update_session(
        session_id,
        call.body.model_dump(exclude_unset=True),
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        settings=call.scope.settings,
        actor=call.scope.actor,
        by_secret_key=call.scope.secret,
    )
    return _load(call, session_id)


@operation(
    blueprint,
    "POST",
    "/checkout/sessions/<session_id>/cancel",
    summary="Cancel a checkout session",
    answer=SessionAnswer,
    errors=("session_expired", "session_not_active"),
    tag=TAG,
    description="Money that still arrives is held as a transfer for you to resolve.",
)
def post_cancel(call: Call, session_id: str) -> dict[str, Any]:
    """A second cancel is a harmless repeat."""
    cancel_session(
        session_id,
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        actor=call.scope.actor,
    )
    return _load(call, session_id)


@operation(
    blueprint,
    "POST",
    "/checkout/sessions/<session_id>/expire",
    summary="End a checkout session before its deadline",
    answer=SessionAnswer,
    errors=("session_not_active",),
    tag=TAG,
)
def post_expire(call: Call, session_id: str) -> dict[str, Any]:
    """As if the deadline were now; the store's grace for late money runs from here."""
    expire_session(
        session_id,
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        actor=call.scope.actor,
    )
    return _load(call, session_id)


@operation(
    blueprint,
    "POST",
    "/checkout/sessions/<session_id>/fulfilment",
    summary="Say what was done for the money",
    body=Fulfil,
    answer=SessionAnswer,
    errors=("session_expired", "session_not_active", "invalid_url"),
    tag=TAG,
    description="A booking, an order: the shopper's page shows it at once.",
)
def post_fulfilment(call: Call, session_id: str) -> dict[str, Any]:
    """Stored on the session; the page is pushed."""
    record_fulfilment(
        session_id,
        call.body.model_dump(),
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        actor=call.scope.actor,
    )
    return _load(call, session_id)


@operation(
    blueprint,
    "GET",
    "/checkout/sessions/<session_id>/history",
    summary="Every change of a checkout session",
    answer=HistoryAnswer,
    tag=TAG,
)
def get_history(call: Call, session_id: str) -> dict[str, Any]:
    """Oldest first, who and why with each."""
    _load(call, session_id)
    return {
        "object": "list",
        "data": [
            {
                "from": row.from_status,
                "to": row.to_status,
                "event": row.event,
                "actor": row.actor,
                "reason": row.reason,
                "seq": row.seq,
                "at": rfc3339(row.at),
            }
            for row in load_history(session_id)
        ],
        "has_more": False,
        "next_cursor": None,
    }


def _load(call: Call, session_id: str) -> dict[str, Any]:
    return load_session_object(
        session_id, store_id=call.scope.store_id, livemode=call.scope.livemode
    )
