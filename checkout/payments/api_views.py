"""Attempts, transfers and payments over the API."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from checkout.core import clock
from checkout.core.api import Call, operation
from checkout.core.lists import (
    Condition,
    ListOf,
    ListQuery,
    list_page,
    narrow,
    refuse_foreign,
)
from checkout.core.sheets import TYPES, send_table
from checkout.customers.queries import load_customer
from checkout.payments.export import PAYMENT_COLUMNS, payment_rows
from checkout.payments.queries import load_row
from checkout.payments.records import transfer_object
from checkout.payments.resolve import resolve_transfer
from checkout.payments.schemas import (
    PaymentExport,
    PaymentList,
    Resolve,
    RetryAttempt,
    StartAttempt,
    TransferAnswer,
    TransferList,
)
from checkout.payments.start import start_attempt
from checkout.payments.transfer_list import OPEN
from checkout.sessions.create import check_return_url
from checkout.sessions.objects import attempt_object, payment_object
from checkout.sessions.schemas import AttemptAnswer, PaymentAnswer

blueprint = Blueprint("payments_api", __name__, url_prefix="/api/v1")
START_ERRORS = (
    "session_expired",
    "session_not_active",
    "max_attempts_reached",
    "rail_not_available",
    "customer_required",
    "missing_required_field",
    "provider_unavailable",
    "provider_timeout",
)


@operation(
    blueprint,
    "POST",
    "/checkout/sessions/<session_id>/attempts",
    summary="Start a payment attempt",
    body=StartAttempt,
    answer=AttemptAnswer,
    status=201,
    errors=START_ERRORS,
    tag="Payment attempts",
    outside=True,
    description="Supersedes the live attempt; money on its code still counts.",
)
def post_attempt(call: Call, session_id: str) -> tuple[dict[str, Any], int]:
    """201 with the attempt and everything that the shopper needs to pay."""
    return _start(call, session_id, call.body.rail, return_url=call.body.return_url)


@operation(
    blueprint,
    "POST",
    "/checkout/sessions/<session_id>/retry",
    summary="Try again after a failed or lapsed attempt",
    body=RetryAttempt,
    answer=AttemptAnswer,
    status=201,
    errors=(*START_ERRORS, "attempt_in_progress"),
    tag="Payment attempts",
    outside=True,
)
def post_retry(call: Call, session_id: str) -> tuple[dict[str, Any], int]:
    """A new attempt, on the same rail unless another is given."""
    return _start(call, session_id, call.body.rail, retry=True)


def _start(
    call: Call,
    session_id: str,
    rail: str | None,
    *,
    return_url: str | None = None,
    retry: bool = False,
) -> tuple[dict[str, Any], int]:
    scope = call.scope
    attempt = start_attempt(
        session_id,
        rail,
        actor=scope.actor,
        return_url=check_return_url(return_url, "return_url", scope.livemode, scope.settings),
        retry=retry,
        store_id=scope.store_id,
        livemode=scope.livemode,
        keep=lambda row: call.keep(attempt_object(row), 201),
    )
    return attempt_object(attempt), 201


@operation(
    blueprint,
    "GET",
    "/checkout/attempts/<attempt_id>",
    summary="Read a payment attempt",
    answer=AttemptAnswer,
    tag="Payment attempts",
)
def get_attempt(call: Call, attempt_id: str) -> dict[str, Any]:
    """The attempt as it stands."""
    return attempt_object(load_row("attempt", attempt_id, call.scope))


@operation(
    blueprint,
    "GET",
    "/transfers",
    summary="List transfers",
    query=TransferList,
    answer=ListOf[TransferAnswer],
    tag="Transfers",
    description="`resolved=false` gives the money that still waits for a person.",
)
def list_transfers(call: Call) -> dict[str, Any]:
    """Every notice of money, matched or not, newest first."""
    query = call.query
    refuse_foreign("checkout_session", query.session, call.scope, "session")
    filters = _equal(disposition=query.disposition, session_id=query.session)
    if query.resolved is not None:
        filters.append((f"NOT ({OPEN})" if query.resolved else OPEN, {}))
    return list_page(
        table="transfer",
        scope=call.scope,
        query=query,
        conditions=filters,
        render=transfer_object,
    )


@operation(
    blueprint,
    "GET",
    "/transfers/<transfer_id>",
    summary="Read a transfer",
    answer=TransferAnswer,
    tag="Transfers",
)
def get_transfer(call: Call, transfer_id: str) -> dict[str, Any]:
    """One notice of money."""
    return transfer_object(load_row("transfer", transfer_id, call.scope))


@operation(
    blueprint,
    "POST",
    "/transfers/<transfer_id>/resolve",
    summary="Say where held money belongs",
    body=Resolve,
    answer=TransferAnswer,
    errors=(
        "transfer_already_resolved",
        "session_not_active",
        "action_not_available",
        "amount_too_small",
        "wrong_currency",
        "missing_required_field",
    ),
    tag="Transfers",
    description="`assign` names the `session` that is to have it, `credit_wallet` the `customer`"
    " whose wallet in the money's own currency is to hold it.",
)
def post_resolve(call: Call, transfer_id: str) -> dict[str, Any]:
    """`accept`, `assign` (with `session`), `credit_wallet` (with `customer`) or `write_off`."""
    return resolve_transfer(
        transfer_id,
        action=call.body.action,
        note=call.body.note,
        session_id=call.body.session,
        customer_id=call.body.customer,
        store_id=call.scope.store_id,
        livemode=call.scope.livemode,
        actor=call.scope.actor,
        now=clock.now(call.scope.store_id, call.scope.livemode),
    )


@operation(
    blueprint,
    "GET",
    "/payments",
    summary="List payments",
    query=PaymentList,
    answer=ListOf[PaymentAnswer],
    tag="Payments",
)
def list_payments(call: Call) -> dict[str, Any]:
    """Newest first."""
    return list_page(
        table="payment",
        scope=call.scope,
        query=call.query,
        conditions=_payment_filters(call),
        render=payment_object,
    )


@operation(
    blueprint,
    "GET",
    "/payments/export",
    summary="Export payments",
    query=PaymentExport,
    answer={"type": "string"},
    errors=("resource_missing",),
    tag="Payments",
    media=", ".join(TYPES.values()),
    description="Exactly what the list gives with the same filters, newest first, however many"
    " they are; amounts are decimal numbers in the currency's own unit. `csv` is UTF-8 with a"
    " byte order mark, so that spreadsheets read it, and a text that they would take for a"
    " formula begins with an apostrophe. `xlsx` keeps every text as a text; it is made as a whole"
    " before its first byte comes, which for a million payments takes a minute or two.",
)
def export_payments(call: Call) -> Response:
    """Streamed; what is paid from now on is not in it."""
    where, params = narrow(call.scope, call.query, _payment_filters(call))
    rows = payment_rows(where, params)
    return send_table("payments", call.query.format, PAYMENT_COLUMNS, rows)


@operation(
    blueprint,
    "GET",
    "/customers/<customer_id>/payments",
    summary="List a customer's payments",
    query=ListQuery,
    answer=ListOf[PaymentAnswer],
    tag="Customers",
)
def list_customer_payments(call: Call, customer_id: str) -> dict[str, Any]:
    """Newest first."""
    scope = call.scope
    load_customer(scope.store_id, scope.livemode, customer_id, None)
    return list_page(
        table="payment",
        scope=scope,
        query=call.query,
        conditions=_equal(customer_id=customer_id),
        render=payment_object,
    )


@operation(
    blueprint,
    "GET",
    "/payments/<payment_id>",
    summary="Read a payment",
    answer=PaymentAnswer,
    tag="Payments",
)
def get_payment(call: Call, payment_id: str) -> dict[str, Any]:
    """One payment."""
    return payment_object(load_row("payment", payment_id, call.scope))


def _payment_filters(call: Call) -> list[Condition]:
    query = call.query
    refuse_foreign("checkout_session", query.session, call.scope, "session")
    refuse_foreign("customer", query.customer, call.scope, "customer")
    return _equal(
        status=query.status,
        session_id=query.session,
        customer_id=query.customer,
        rail=query.rail,
        reference=query.reference,
    )


def _equal(**filters: Any) -> list[Condition]:
    return [
        (f"{column} = %({column})s", {column: value})
        for column, value in filters.items()
        if value is not None
    ]
