"""`/dashboard/…/customers/<customer>`: all that the shop knows of one customer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from checkout.core.db import run
from checkout.customers.queries import load_customer, render_customer
from checkout.merchants.screens import Desk, screen
from checkout.sessions.ways import label_of
from checkout.wallets.balance import list_balances
from checkout.wallets.schemas import TransactionList
from checkout.wallets.transactions import list_transactions

blueprint = Blueprint("customer_dashboard", __name__)

SHOWN = 10

_NEWEST = (
    "SELECT * FROM {} WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
    " AND customer_id = %(customer_id)s ORDER BY id DESC LIMIT %(most)s"
)


@screen(blueprint, "GET", "/customers/<customer_id>", action="customers.read")
def show_customer(desk: Desk, customer_id: str) -> Response:
    """Facts, wallet, and the newest of what they were asked for and paid."""
    scope = desk.scope
    customer = load_customer(scope.store_id, scope.livemode, customer_id, None)
    moves = list_transactions(scope, customer_id, TransactionList(limit=5), None)
    return desk.render(
        "customers/customer",
        customer=render_customer(customer),
        known_since=customer.created_at,
        balances=list_balances(scope.store_id, scope.livemode, customer_id),
        moves=moves["data"],
        sessions=_newest("checkout_session", desk, customer_id),
        payments=_newest("payment", desk, customer_id),
        label_of=label_of,
    )


def _newest(table: str, desk: Desk, customer_id: str) -> list[Any]:
    return run(
        _NEWEST.format(table),
        store_id=desk.scope.store_id,
        livemode=desk.scope.livemode,
        customer_id=customer_id,
        most=SHOWN,
    )
