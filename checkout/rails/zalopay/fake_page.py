"""The pretend ZaloPay's gateway: its page for the shopper's browser, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from checkout.rails.base import (
    Account,
    Answer,
    FakeCall,
    FakeChoice,
    FakePage,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.zalopay.fake_orders import (
    CANCELLED,
    CHANNEL,
    DECLINED,
    EXPIRED,
    ORDER,
    fail_order,
    is_over,
    key_of,
    pay_order,
)
from checkout.rails.zalopay.mac import RETURN, join_fields, make_mac

PAGE = "/gateway"
PAID = 1
OPEN_CHOICES = (
    FakeChoice("pay", primary=True),
    FakeChoice("twice"),
    FakeChoice("decline"),
    FakeChoice("cancel"),
    FakeChoice("leave"),
)
OVER_CHOICES = (FakeChoice("leave", primary=True),)


def serve_gateway(request: FakeRequest, account: Account, shelf: Shelf, now: datetime) -> FakeReply:
    """Show an order's page, or do what was chosen on it."""
    order = shelf.get(ORDER, request.query.get("order", ""))
    if order is None:
        return FakeReply(Answer(404, b"There is no such order.", "text/plain"))
    open_ = _state_of(order, now) is None
    if request.method == "POST":
        choice = dict(parse_qsl(request.body.decode("utf-8", "replace"))).get("choice", "")
        return _choose(choice if open_ else "leave", order, account, shelf, now)
    page = FakePage(
        brand="ZaloPay",
        amount=order["amount"],
        currency="VND",
        reference=order["app_trans_id"],
        action=f"{PAGE}?{urlencode({'order': order['app_trans_id']})}",
        choices=OPEN_CHOICES if open_ else OVER_CHOICES,
    )
    return FakeReply(page)


def _choose(
    choice: str, order: Mapping[str, Any], account: Account, shelf: Shelf, now: datetime
) -> FakeReply:
    if choice in ("pay", "twice"):
        call = pay_order(order, account, shelf, amount=order["amount"], now=now)
        return _go_back(order, account, PAID, calls=(call,) * (2 if choice == "twice" else 1))
    if choice in ("decline", "cancel"):
        status = DECLINED if choice == "decline" else CANCELLED
        fail_order(order, shelf, status)
        return _go_back(order, account, status)
    # Whoever leaves an open order brings nothing back; the others hear how it ended.
    return _go_back(order, account, _state_of(order, now))


def _state_of(order: Mapping[str, Any], now: datetime) -> int | None:
    """The status with which an order has ended; None while it may be paid."""
    if order.get("payment"):
        return PAID
    if order.get("failure"):
        return int(order["failure"])
    return EXPIRED if is_over(order, now) else None


def _go_back(
    order: Mapping[str, Any],
    account: Account,
    status: int | None,
    calls: tuple[FakeCall, ...] = (),
) -> FakeReply:
    url = str(json.loads(order["embed_data"]).get("redirecturl") or "")
    if not url.startswith(("https://", "http://")):
        return FakeReply(Answer(200, b"You may close this page.", "text/plain"), calls)
    if status is not None:
        url += ("&" if "?" in url else "?") + urlencode(sign_return(order, account, status))
    return FakeReply(Answer(303, b"", headers={"Location": url}), calls)


def sign_return(order: Mapping[str, Any], account: Account, status: int) -> dict[str, str]:
    """What ZaloPay adds to the address that the browser goes back to."""
    query = {
        "appid": str(order["app_id"]),
        "apptransid": str(order["app_trans_id"]),
        "pmcid": str(CHANNEL),
        "bankcode": "",
        "amount": str(order["amount"]),
        "discountamount": "0",
        "status": str(status),
    }
    return {**query, "checksum": make_mac(key_of(account, "key2"), join_fields(query, RETURN))}
