"""`/dashboard/…/payments`: the money that came, found again, and the story of each."""

from __future__ import annotations

from flask import Blueprint, Response, request

from checkout.merchants.downloads import download
from checkout.merchants.screens import Desk, screen
from checkout.payments.check_now import check_now
from checkout.payments.export import PAYMENT_COLUMNS_WITH_PEOPLE, payment_rows_with_people
from checkout.payments.find import STATUSES, PaymentSearch, find_payments, payments_sql
from checkout.payments.queries import load_row
from checkout.sessions.desk_page import (
    draw_session,
    leap,
    load_customer_of,
    load_person,
    load_session,
    read_story,
)
from checkout.sessions.find import find_record
from checkout.sessions.story import rail_label, tell_story

blueprint = Blueprint("payments_dashboard", __name__)


@screen(blueprint, "GET", "/payments", action="payments.read")
def show_payments(desk: Desk) -> Response:
    """The list; a full id or a payment code leads straight to its record."""
    filters = desk.filters(PaymentSearch)
    path = find_record(desk.scope, filters.q) if filters.q else None
    if path is not None:
        return leap(desk, path)
    scope = desk.scope
    return desk.render(
        "payments/payments",
        found=find_payments(scope, filters),
        customer=load_person(filters.customer, scope.store_id, scope.livemode),
        filters=filters,
        asked=request.args.to_dict(),
        statuses=STATUSES,
        rail_label=lambda name: rail_label(name, desk.t),
    )


@screen(blueprint, "GET", "/payments/export", action="payments.read")
def export_payments(desk: Desk) -> Response:
    """Exactly what the list shows with the same filters."""
    where, params = payments_sql(desk.scope, desk.filters(PaymentSearch))
    rows = payment_rows_with_people(where, params)
    return download(desk, "payments", PAYMENT_COLUMNS_WITH_PEOPLE, rows)


@screen(blueprint, "GET", "/payments/<payment_id>", action="payments.read")
def show_payment(desk: Desk, payment_id: str) -> Response:
    payment = load_row("payment", payment_id, desk.scope)
    session = load_session(desk, payment.session_id)
    records = read_story(desk, session)
    return desk.render(
        "payments/payment",
        payment=payment,
        session=session,
        transfers=records.transfers,
        customer=load_customer_of(payment),
        story=tell_story(records, desk.t),
        rail_label=lambda name: rail_label(name, desk.t),
    )


@screen(blueprint, "GET", "/attempts/<attempt_id>/check", action="attempts.write")
def show_check(desk: Desk, attempt_id: str) -> Response:
    """The attempt's session, where asking can be tried again."""
    return draw_session(desk, load_row("attempt", attempt_id, desk.scope).session_id)


@screen(
    blueprint,
    "POST",
    "/attempts/<attempt_id>/check",
    action="attempts.write",
    again=show_check,
    outside=True,
)
def post_check(desk: Desk, attempt_id: str) -> Response:
    """Ask the provider now; what it tells is in the story when the page comes back."""
    attempt = load_row("attempt", attempt_id, desk.scope)
    found = check_now(attempt_id, desk.scope)
    path = desk.path(f"/sessions/{attempt.session_id}")
    return desk.go(path, done="check_found" if found else "check_nothing")
