"""What VNPay's tests share: an account, an attempt, queries signed as VNPay signs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    FakeCall,
    FakePage,
    FakeReply,
    FakeRequest,
    HttpAnswer,
    Notice,
    Refusal,
)
from checkout.rails.vnpay.fake import FAKE
from checkout.rails.vnpay.rail import RAIL, SETTINGS
from checkout.rails.vnpay.signing import HASH, QUERY_ANSWER_NAMES, sign_form, sign_message
from tests.rails import kit
from tests.rails.kit import NOW, MemoryShelf

SECRET = "DEVSECRETDEVSECRETDEVSECRET00001"
TERMINAL = "DEVTMN01"
ROOT = "http://127.0.0.1:8000/fake/vnpay/ra_1"
RETURN_URL = "https://pay.example.vn/return/vnpay/att_1"

PAID_IPN = {
    "vnp_Amount": "15000000",
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP14226112",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan HM7K2M9QX",
    "vnp_PayDate": "20261120140312",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": TERMINAL,
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": "HM7K2M9QX",
}
PAID_ANSWER = {
    "vnp_ResponseId": "resp1",
    "vnp_Command": "querydr",
    "vnp_ResponseCode": "00",
    "vnp_Message": "QueryDR Success",
    "vnp_TmnCode": TERMINAL,
    "vnp_TxnRef": "HM7K2M9QX",
    "vnp_Amount": "15000000",
    "vnp_BankCode": "NCB",
    "vnp_PayDate": "20261120140312",
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionType": "01",
    "vnp_TransactionStatus": "00",
    "vnp_OrderInfo": "Thanh toan HM7K2M9QX",
}


def make_account(**settings: Any) -> Account:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    return Account(
        id="ra_1",
        livemode=False,
        settings={**defaults, "tmn_code": TERMINAL, "hash_secret": SECRET, **settings},
        code_prefixes=("HM",),
        provider_url=ROOT,
        provider_page_url=ROOT,
    )


def make_attempt(**changes: Any) -> Attempt:
    made = kit.make_attempt(return_url=RETURN_URL, provider_reference="HM7K2M9QX")
    return replace(made, **changes)


def sign(fields: Mapping[str, str], secret: str = SECRET) -> dict[str, str]:
    return {**fields, HASH: sign_form(fields, secret)}


def read(fields: Mapping[str, str], account: Account | None = None) -> Notice:
    """The notice of an IPN that has to be genuine."""
    (notice,) = RAIL.read_hook({}, sign(fields), b"", account or make_account(), NOW)
    assert isinstance(notice, Notice)
    return notice


def query_of(call: FakeCall) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(call.path).query))


def deliver(call: FakeCall, account: Account | None = None) -> Notice:
    """Hand the pretend VNPay's IPN to the rail as the hook view would."""
    (notice,) = RAIL.read_hook({}, query_of(call), call.body, account or make_account(), NOW)
    assert isinstance(notice, Notice)
    return notice


def is_refused(query: Mapping[str, str], account: Account | None = None) -> bool:
    return isinstance(RAIL.read_hook({}, query, b"", account or make_account(), NOW), Refusal)


def code_of(answer: Answer) -> str:
    assert (answer.status, answer.content_type) == (200, "application/json")
    body = json.loads(answer.body)
    assert set(body) == {"RspCode", "Message"}
    return str(body["RspCode"])


class Browser:
    """A shopper on the pretend VNPay's page."""

    def __init__(self, url: str, shelf: MemoryShelf, account: Account | None = None) -> None:
        parts = urlsplit(url)
        assert url.startswith(ROOT)
        self.path = parts.path.removeprefix(urlsplit(ROOT).path)
        self.query = dict(parse_qsl(parts.query))
        self.shelf = shelf
        self.account = account or make_account()

    def send(self, method: str, body: bytes = b"", **changes: Any) -> FakeReply:
        request = FakeRequest(method, self.path, self.query, {}, body)
        times = {"now": NOW, "sent_at": NOW, **changes}
        return FAKE.serve(request, self.account, self.shelf, **times)

    def look(self) -> FakePage | Answer:
        return self.send("GET").answer

    def choose(self, choice: str, **changes: Any) -> FakeReply:
        return self.send("POST", f"choice={choice}".encode(), **changes)


def open_page(
    shelf: MemoryShelf, attempt: Attempt | None = None, account: Account | None = None
) -> Browser:
    """A browser that has followed the attempt's redirect."""
    account = account or make_account()
    prompt = RAIL.open(attempt or make_attempt(), account, no_http, NOW)
    assert prompt.redirect_url is not None
    browser = Browser(prompt.redirect_url, shelf, account)
    browser.look()
    return browser


def no_http(*args: Any, **options: Any) -> HttpAnswer:
    raise AssertionError("nobody is to be called")


class Scripted:
    """A provider that gives one answer, signed on demand, and keeps what it was asked."""

    def __init__(
        self, fields: Mapping[str, Any] | bytes, *, status: int = 200, secret: str | None = SECRET
    ) -> None:
        self.status = status
        self.fields = fields
        self.secret = secret
        self.asked: list[dict[str, str]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        assert (method, url) == ("POST", f"{ROOT}/merchant_webapi/api/transaction")
        assert dict(headers or {}) == {"Content-Type": "application/json"}
        self.asked.append(json.loads(body or b""))
        return HttpAnswer(self.status, {"retry-after": "7"}, self._body())

    def _body(self) -> bytes:
        if isinstance(self.fields, bytes):
            return self.fields
        fields = dict(self.fields)
        if self.secret is not None:
            fields[HASH] = sign_message(fields, QUERY_ANSWER_NAMES, self.secret)
        return json.dumps(fields).encode()
