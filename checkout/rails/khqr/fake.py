"""The pretend Bakong: an account that codes pay into, its Open API, and a bank app's page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Fake,
    FakeCall,
    FakeChoice,
    FakePage,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.khqr.fake_api import answer_call, json_answer
from checkout.rails.khqr.fake_book import CODE, Payment, record_failure, record_payment
from checkout.rails.khqr.fake_call import ApiCall
from checkout.rails.khqr.movement import read_amount
from checkout.rails.khqr.payload import md5_of
from checkout.rails.khqr.reading import KhqrContent, read_payload

LINK_PATH = r"/d/([0-9a-f]{32})"
CHOICES = (FakeChoice("pay", primary=True), FakeChoice("decline"), FakeChoice("leave"))


class FakeBakong(Fake):
    """Whoever knows a code pays it, also after its end, as some bank apps do."""

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        return {
            "bakong_account_id": "homestay_may@abaa",
            "merchant_name": "Homestay May",
            "local_name": "ផ្ទះស្នាក់ ម៉ៃ",
            "token": new_secret(),
            "email": "owner@homestay.example",
            # With it the pretend bank app leads back to the page, as the real ones do.
            "app_icon_url": "https://homestay.example/icon.png",
        }

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
        md5 = _md5_for(attempt, memo)
        if outcome == "failure":
            record_failure(shelf, md5)
        else:
            paid = Payment(md5, amount, attempt.currency, description=memo, at=now)
            record_payment(shelf, paid, account)
        # Bakong sends no notices: whoever wants to know has to ask.
        return ()

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        return call

    def accepted(self, status: int, body: bytes) -> bool:
        return status == 200

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        link = re.fullmatch(LINK_PATH, request.path)
        if link is not None and request.method in ("GET", "POST"):
            return FakeReply(_serve_app(link[1], request, account, shelf, now))
        return FakeReply(answer_call(request, ApiCall(account, shelf, now, sent_at)))


def _md5_for(attempt: Attempt, memo: str | None) -> str:
    """The code that is paid: the attempt's newest, unless the memo speaks of another one."""
    words = re.sub(r"[^0-9A-Z]", "", (memo or attempt.memo).upper())
    if attempt.memo in words and attempt.provider_reference:
        return attempt.provider_reference.lower()
    return hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()


def _serve_app(
    md5: str, request: FakeRequest, account: Account, shelf: Shelf, now: datetime
) -> Answer | FakePage:
    known = shelf.get(CODE, md5)
    if known is None:
        return json_answer(404, {"message": "Not found"})
    content = read_payload(known["qr"])
    amount = _amount_of(content)
    if request.method == "GET":
        return _make_page(content, amount, md5, choices=CHOICES)
    choice = parse_qs(request.body.decode("utf-8", "replace")).get("choice", [""])[0]
    if choice == "pay":
        paid = Payment(md5_of(known["qr"]), amount, content.currency or "", None, now)
        record_payment(shelf, paid, account)
    elif choice == "decline":
        record_failure(shelf, md5)
    if known["callback"]:
        return Answer(303, b"", headers={"Location": known["callback"]})
    return _make_page(content, amount, md5, choices=())


def _make_page(
    content: KhqrContent, amount: int, md5: str, *, choices: tuple[FakeChoice, ...]
) -> FakePage:
    return FakePage(
        brand="Bakong",
        amount=amount,
        currency=content.currency or "",
        reference=content.bill_number or md5[:8],
        action=f"/d/{md5}",
        choices=choices,
    )


def _amount_of(content: KhqrContent) -> int:
    return read_amount(content.amount, content.currency or "")


FAKE = FakeBakong()
