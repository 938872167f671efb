"""`/dashboard/…/customers/<customer>/wallet`: what a customer holds here, and how more comes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from checkout.core.db import one
from checkout.core.ids import is_id
from checkout.customers.queries import load_customer, render_customer
from checkout.merchants.screens import Desk, screen
from checkout.sessions.create_at_desk import rails_at_currency
from checkout.sessions.objects import session_object
from checkout.sessions.queries import STORE_NOW
from checkout.wallets.balance import list_balances
from checkout.wallets.schemas import TopUp, TransactionList
from checkout.wallets.top_up import start_top_up
from checkout.wallets.transactions import list_transactions

blueprint = Blueprint("wallets_dashboard", __name__)

CURRENCIES = ("VND", "KHR", "USD")
"""What a wallet may be filled with where the store has not said what it takes."""


@screen(blueprint, "GET", "/customers/<customer_id>/wallet", action="customers.read")
def show_wallet(desk: Desk, customer_id: str) -> Response:
    """Balances, every move of them, and a link to pay for more."""
    scope = desk.scope
    customer = load_customer(scope.store_id, scope.livemode, customer_id, None)
    query = desk.filters(TransactionList)
    return desk.render(
        "customers/wallet",
        customer=render_customer(customer),
        balances=list_balances(scope.store_id, scope.livemode, customer_id),
        query=query,
        asked=request.args.to_dict(),
        page=list_transactions(scope, customer_id, query, query.type),
        top_up=_load_top_up(desk, customer_id),
        currencies=scope.settings.currencies or CURRENCIES,
    )


@screen(
    blueprint,
    "POST",
    "/customers/<customer_id>/wallet/topups",
    action="customers.write",
    again=show_wallet,
)
def post_top_up(desk: Desk, customer_id: str) -> Response:
    """A page to pay, whose link the customer is sent."""
    scope = desk.scope
    load_customer(scope.store_id, scope.livemode, customer_id, None)
    given = desk.read(_Typed)
    top_up = TopUp(
        amount=desk.amount(given.currency),
        currency=given.currency,
        reference=given.reference,
        locale=None,
    )
    with rails_at_currency():
        session, _ = start_top_up(scope, customer_id, top_up)
    return desk.go(
        desk.path(f"/customers/{customer_id}/wallet?topup={session['id']}"), done="topup_created"
    )


class _Typed(TopUp):
    """The form: its amount is typed in the currency's own unit."""

    amount: Any = None


def _load_top_up(desk: Desk, customer_id: str) -> dict[str, Any] | None:
    """The top-up that the address names, if it is this customer's."""
    session_id = request.args.get("topup", "")
    row = is_id("cs", session_id) and one(
        f"SELECT session.*, {STORE_NOW} AS store_now FROM checkout_session AS session"  # noqa: S608
        " JOIN store ON store.id = session.store_id WHERE session.id = %(id)s"
        " AND session.store_id = %(store_id)s AND session.livemode = %(livemode)s"
        " AND session.customer_id = %(customer_id)s",
        id=session_id,
        store_id=desk.scope.store_id,
        livemode=desk.scope.livemode,
        customer_id=customer_id,
    )
    return session_object(row, now=row.store_now) if row else None
