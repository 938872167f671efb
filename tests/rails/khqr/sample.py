"""Sample values of the KHQR tests, and clients that answer as they are told."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from checkout.rails.base import Account, Attempt, HttpAnswer
from checkout.rails.khqr.fake import FAKE
from checkout.rails.khqr.rail import RAIL
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf

ACCOUNT_ID = "Sok_Dara@abaa"
SETTINGS: dict[str, Any] = {
    **{setting.name: setting.default for setting in RAIL.settings},
    "bakong_account_id": ACCOUNT_ID,
    "merchant_name": "Sok Dara",
    "token": "dev-token",
    "email": "owner@shop.example",
}
PAGES = "https://pay.example/fake/khqr/ra_1"
MD5 = "d60f3db96913029a2af979a1662c1e72"
HASH = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9"


def make_account(**settings: Any) -> Account:
    return Account(
        id="ra_1",
        livemode=False,
        settings={**SETTINGS, **settings},
        code_prefixes=("HM",),
        provider_url="http://127.0.0.1:8000/fake/khqr/ra_1",
        provider_page_url=PAGES,
    )


def make_attempt(**changes: Any) -> Attempt:
    attempt = Attempt(
        id="att_1",
        session="cs_1",
        code="HM-7K2M9QX",
        memo="HM7K2M9QX",
        amount=1050,
        currency="USD",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=60),
        return_url="https://pay.example/return/khqr/att_1",
    )
    return replace(attempt, **changes)


def show(attempt: Attempt, account: Account, now: datetime = NOW) -> Attempt:
    """The attempt after its prompt has been opened."""
    prompt = RAIL.open(attempt, account, no_http, now)
    return replace(
        attempt, provider_reference=prompt.provider_reference, details=dict(prompt.details)
    )


def make_token(ends_at: datetime, **claims: Any) -> str:
    """A token in the shape of Bakong's."""
    parts = ({"alg": "HS256"}, {"exp": int(ends_at.timestamp()), **claims})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join((*(part.rstrip("=") for part in encoded), "c2ln"))


def transaction(**changes: Any) -> dict[str, Any]:
    """What Bakong tells of a paid code."""
    data = {
        "hash": HASH,
        "fromAccountId": "payer@devb",
        "toAccountId": ACCOUNT_ID,
        "currency": "USD",
        "amount": "10.5",
        "description": None,
        "createdDateMs": int(NOW.timestamp() * 1000),
        "acknowledgedDateMs": int(NOW.timestamp() * 1000) + 1000,
    }
    return {**data, **changes}


def told(data: object = None, *, error: int | None = None, status: int = 200) -> HttpAnswer:
    """An answer in Bakong's envelope."""
    body = {
        "responseCode": 0 if error is None else 1,
        "responseMessage": "",
        "errorCode": error,
        "data": data,
    }
    return HttpAnswer(status, {}, json.dumps(body).encode())


def no_http(method: str, url: str, **rest: Any) -> HttpAnswer:
    raise AssertionError("nobody is to be called")


class Scripted:
    """Gives the answers in order; remembers path and body of every call."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Any]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        self.calls.append((url.partition("/ra_1")[2], json.loads(body or b"null")))
        return self.answers.pop(0)


class ClosedList(HttpIntoFake):
    """A Bakong whose list route is not open to everybody."""

    def __call__(self, method: str, url: str, **rest: Any) -> HttpAnswer:
        if url.endswith("_list"):
            return HttpAnswer(403, {"content-type": "text/html"}, b"<html>403 Forbidden</html>")
        return super().__call__(method, url, **rest)


class World:
    """A merchant's account, its pretend Bakong, and the way there."""

    def __init__(self, **settings: Any) -> None:
        self.account = make_account(**settings)
        self.shelf = MemoryShelf()
        self.http = HttpIntoFake(FAKE, self.account, self.shelf)

    def pay(self, attempt: Attempt, **changes: Any) -> None:
        arguments: dict[str, Any] = {
            "amount": attempt.amount,
            "memo": None,
            "outcome": "success",
            "now": NOW,
            "sent_at": NOW,
        }
        assert list(FAKE.pay(attempt, self.account, self.shelf, **(arguments | changes))) == []
