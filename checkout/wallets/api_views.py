"""`/api/v1/customers/{id}/wallet`: what a customer has, how it came, and how more comes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.lists import ListOf
from checkout.customers.queries import load_customer
from checkout.ledger.balances import wallet_balance
from checkout.sessions.schemas import SessionAnswer
from checkout.wallets.balance import list_balances
from checkout.wallets.schemas import (
    CanPay,
    CanPayAnswer,
    TopUp,
    TransactionAnswer,
    TransactionList,
    WalletsAnswer,
)
from checkout.wallets.top_up import start_top_up
from checkout.wallets.transactions import list_transactions

blueprint = Blueprint("wallets_api", __name__, url_prefix="/api/v1")
TAG = "Wallets"


@operation(
    blueprint,
    "GET",
    "/customers/<customer_id>/wallet",
    summary="Read a customer's wallet",
    answer=WalletsAnswer,
    tag=TAG,
    description="One balance a currency; a currency that never came is not listed.",
)
def get_wallet(call: Call, customer_id: str) -> dict[str, Any]:
    """Balances and pending top-ups in minor units."""
    _own_customer(call, customer_id)
    data = list_balances(call.scope.store_id, call.scope.livemode, customer_id)
    return {"object": "list", "data": data, "has_more": False, "next_cursor": None}


@operation(
    blueprint,
    "POST",
    "/customers/<customer_id>/wallet/topups",
    summary="Top up a customer's wallet",
    body=TopUp,
    answer=SessionAnswer,
    status=201,
    also=(200,),
    errors=(
        "amount_mismatch",
        "amount_too_small",
        "amount_too_large",
        "rail_not_available",
        "missing_required_field",
        "invalid_url",
        "host_not_allowed",
        "coupon_invalid",
    ),
    tag=TAG,
    description="A checkout session with mode `topup`, within the store's bounds of top-ups."
    " The wallet is credited when it completes; what comes beyond its amount is held.",
)
def post_topup(call: Call, customer_id: str) -> tuple[dict[str, Any], int]:
    """201 with the new session, 200 with the one that `reuse_open` found."""
    session, new = start_top_up(call.scope, customer_id, call.body)
    return session, 201 if new else 200


@operation(
    blueprint,
    "GET",
    "/customers/<customer_id>/wallet/transactions",
    summary="List a wallet's transactions",
    query=TransactionList,
    answer=ListOf[TransactionAnswer],
    tag=TAG,
)
def get_transactions(call: Call, customer_id: str) -> dict[str, Any]:
    """Newest first; `balance_after` is of the wallet in the transaction's currency."""
    _own_customer(call, customer_id)
    return list_transactions(call.scope, customer_id, call.query, call.query.type)


@operation(
    blueprint,
    "GET",
    "/customers/<customer_id>/wallet/can-pay",
    summary="Ask whether a wallet covers an amount",
    query=CanPay,
    answer=CanPayAnswer,
    tag=TAG,
    description="A hint: the payment itself decides, and another one may come before it.",
)
def get_can_pay(call: Call, customer_id: str) -> dict[str, Any]:
    """Whether the balance, in minor units, covers the amount now."""
    _own_customer(call, customer_id)
    balance = wallet_balance(
        call.scope.store_id, call.scope.livemode, customer_id, call.query.currency
    )
    return {"can_pay": balance >= call.query.amount, "balance": balance}


def _own_customer(call: Call, customer_id: str) -> None:
    load_customer(call.scope.store_id, call.scope.livemode, customer_id, None)
