"""What the pretend VNPay remembers: orders, the payments tried on each, the refunds of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, FakeCall, Shelf
from checkout.rails.vnpay.signing import signed_query
from checkout.rails.vnpay.wire import PAID, to_wire_time

ORDER = "order"
BANK = "NCB"
FIRST_NUMBER = 14_000_000
NO_NUMBER = "0"
"""VNPay's transaction number where the payer turned back before any."""


def open_order(shelf: Shelf, fields: Mapping[str, str]) -> dict[str, Any]:
    """The order that a payment URL names; noted when its page is opened for the first time."""
    reference = fields["vnp_TxnRef"]
    order = shelf.get(ORDER, reference)
    if order is None:
        order = {
            "reference": reference,
            "amount": fields["vnp_Amount"],
            "create_date": fields["vnp_CreateDate"],
            "order_info": fields["vnp_OrderInfo"],
            "payments": [],
            "refunds": [],
        }
        shelf.put(ORDER, reference, order)
    return order


def add_payment(
    order: Mapping[str, Any],
    shelf: Shelf,
    *,
    code: str,
    status: str,
    amount: str,
    now: datetime,
    numbered: bool = True,
) -> dict[str, str]:
    """Note one try to pay an order, with its two codes; `now` is the bank's time."""
    number = str(FIRST_NUMBER + shelf.next_number()) if numbered else NO_NUMBER
    payment = {
        "number": number,
        "amount": amount,
        "code": code,
        "status": status,
        "pay_date": to_wire_time(now),
    }
    changed = {**order, "payments": [*order["payments"], payment]}
    shelf.put(ORDER, order["reference"], changed)
    return payment


def paid_payment(order: Mapping[str, Any]) -> dict[str, str] | None:
    """The order's latest payment that succeeded."""
    paid = [payment for payment in order["payments"] if payment["status"] == PAID]
    return paid[-1] if paid else None


def signed_result(order: Mapping[str, Any], payment: Mapping[str, str], account: Account) -> str:
    """The signed query that tells how a payment went: to the shop's server and to the browser."""
    fields = {
        "vnp_TmnCode": str(account.settings.get("tmn_code") or ""),
        "vnp_Amount": payment["amount"],
        "vnp_BankCode": BANK,
        "vnp_BankTranNo": "" if payment["number"] == NO_NUMBER else f"VNP{payment['number']}",
        "vnp_CardType": "ATM",
        "vnp_PayDate": payment["pay_date"],
        "vnp_OrderInfo": order["order_info"],
        "vnp_TransactionNo": payment["number"],
        "vnp_ResponseCode": payment["code"],
        "vnp_TransactionStatus": payment["status"],
        "vnp_TxnRef": order["reference"],
    }
    return signed_query(fields, str(account.settings.get("hash_secret") or ""))


def make_ipn(order: Mapping[str, Any], payment: Mapping[str, str], account: Account) -> FakeCall:
    """The call that tells the shop's server how a payment went."""
    return FakeCall(
        method="GET",
        path=f"/hooks/vnpay/{account.id}?{signed_result(order, payment, account)}",
        headers={"User-Agent": "VNPAY-IPN"},
        body=b"",
    )
