"""The pretend VNPay's payment page: it believes signed URLs only, and those until they expire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from checkout.rails.base import (
    Account,
    Answer,
    FakeChoice,
    FakePage,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.vnpay.fake_orders import (
    add_payment,
    make_ipn,
    open_order,
    paid_payment,
    signed_result,
)
from checkout.rails.vnpay.signing import is_genuine_form, signed_query
from checkout.rails.vnpay.wire import CURRENCY, VERSION, read_wire_amount, read_wire_time

CHOICES = (
    FakeChoice("pay", primary=True),
    FakeChoice("decline"),
    FakeChoice("cancel"),
    FakeChoice("hold"),
    FakeChoice("twice"),
    FakeChoice("leave"),
)
RESULTS = {
    "pay": ("00", "00"),
    "twice": ("00", "00"),
    "hold": ("07", "07"),
    "decline": ("51", "02"),
    "cancel": ("24", "02"),
}
"""vnp_ResponseCode and vnp_TransactionStatus of each choice."""

_NEEDED = (
    *("vnp_TxnRef", "vnp_OrderInfo", "vnp_OrderType", "vnp_IpAddr", "vnp_Locale"),
    *("vnp_CreateDate", "vnp_ReturnUrl"),
)


def serve_page(request: FakeRequest, account: Account, shelf: Shelf, now: datetime) -> FakeReply:
    """The page for a signed URL, or what follows from the button that was pressed on it."""
    fields = request.query
    fault = _find_fault(fields, account, now)
    if fault is not None:
        return FakeReply(_refuse(fault))
    order = open_order(shelf, fields)
    if (order["amount"], order["create_date"]) != (fields["vnp_Amount"], fields["vnp_CreateDate"]):
        return FakeReply(_refuse("this reference belongs to another order"))
    paid = paid_payment(order)
    if paid is not None:
        # Who opens the page again after paying is sent back with the result.
        return FakeReply(_send_back(fields, signed_result(order, paid, account)))
    if request.method == "POST":
        return _choose(_choice_of(request.body), order, request, account, shelf, now)
    return FakeReply(_draw_page(request, account))


def _choose(
    choice: str,
    order: Mapping[str, Any],
    request: FakeRequest,
    account: Account,
    shelf: Shelf,
    now: datetime,
) -> FakeReply:
    if choice == "leave":
        return FakeReply(_send_back(request.query, ""))
    if choice not in RESULTS:
        return FakeReply(_refuse("there is no such choice"))
    code, status = RESULTS[choice]
    payment = add_payment(
        order,
        shelf,
        code=code,
        status=status,
        amount=order["amount"],
        now=now,
        numbered=choice != "cancel",
    )
    ipn = make_ipn(order, payment, account)
    return FakeReply(
        _send_back(request.query, signed_result(order, payment, account)),
        (ipn, ipn) if choice == "twice" else (ipn,),
    )


def _draw_page(request: FakeRequest, account: Account) -> FakePage:
    fields = request.query
    secret = str(account.settings.get("hash_secret") or "")
    return FakePage(
        brand="VNPay",
        amount=read_wire_amount(fields["vnp_Amount"]) or 0,
        currency=CURRENCY,
        reference=fields["vnp_TxnRef"],
        action=f"{request.path}?{signed_query(fields, secret)}",
        choices=CHOICES,
    )


def _find_fault(fields: Mapping[str, str], account: Account, now: datetime) -> str | None:
    if not is_genuine_form(fields, str(account.settings.get("hash_secret") or "")):
        return "the signature is wrong"
    fixed = {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_CurrCode": CURRENCY,
        "vnp_TmnCode": account.settings.get("tmn_code"),
    }
    wrong = [name for name, value in fixed.items() if fields.get(name) != value]
    wrong += [name for name in _NEEDED if not fields.get(name)]
    if read_wire_amount(fields.get("vnp_Amount", "")) is None:
        wrong.append("vnp_Amount")
    ends_at = read_wire_time(fields.get("vnp_ExpireDate", ""))
    if ends_at is None:
        wrong.append("vnp_ExpireDate")
    if wrong:
        return f"missing or wrong: {', '.join(wrong)}"
    return "the time to pay is over" if ends_at is not None and now >= ends_at else None


def _choice_of(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", "replace")).get("choice", [""])[0]


def _send_back(fields: Mapping[str, str], result: str) -> Answer:
    url = fields["vnp_ReturnUrl"]
    if result:
        url += ("&" if "?" in url else "?") + result
    return Answer(status=303, body=b"", headers={"Location": url})


def _refuse(fault: str) -> Answer:
    body = f"VNPay (pretend): {fault}.\n".encode()
    return Answer(status=400, body=body, content_type="text/plain; charset=utf-8")
