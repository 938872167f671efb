"""The pretend VNPay: its payment page, its IPN and its query and refund API."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Fake,
    FakeCall,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.vnpay.fake_api import serve_api
from checkout.rails.vnpay.fake_orders import add_payment, make_ipn, open_order
from checkout.rails.vnpay.fake_page import RESULTS, serve_page
from checkout.rails.vnpay.url import api_address, page_address, path_of, payment_fields
from checkout.rails.vnpay.wire import to_wire_amount


class FakeVNPay(Fake):
    """A payment page on which anybody may press any button."""

    retry_minutes = (5,) * 9

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        return {"tmn_code": "DEMOSHOP", "hash_secret": new_secret(), "environment": "sandbox"}

    def pay(
        self,
        attempt: Attempt,
        account: Account,
        shelf: Shelf,
        *,
        amount: int,
        memo: str | None,
        outcome: Literal["success", "failure"],
        now: datetime,
        sent_at: datetime,
    ) -> Sequence[FakeCall]:
        fields = payment_fields(attempt, account.settings)
        if memo is not None:
            fields["vnp_TxnRef"] = memo
        code, status = RESULTS["pay" if outcome == "success" else "decline"]
        order = open_order(shelf, fields)
        payment = add_payment(
            order, shelf, code=code, status=status, amount=to_wire_amount(amount), now=now
        )
        return (make_ipn(order, payment, account),)

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        # An IPN carries no time of sending: its retry is the same to the byte.
        return call

    def accepted(self, status: int, body: bytes) -> bool:
        if status != 200:
            return False
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return isinstance(answer, dict) and answer.get("RspCode") in ("00", "02")

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        place = (request.method, request.path)
        page, api = page_address(account.settings), api_address(account.settings)
        if place in (("GET", path_of(page)), ("POST", path_of(page))):
            return serve_page(request, account, shelf, now)
        if place == ("POST", path_of(api)):
            return FakeReply(serve_api(request.body, account, shelf, now))
        return FakeReply(Answer(status=404, body=b"{}"))


FAKE = FakeVNPay()
