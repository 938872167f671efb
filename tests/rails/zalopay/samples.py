"""Sample values of the ZaloPay tests: an account at the pretend provider, an attempt, a refund."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    Refund,
    Refusal,
)
from checkout.rails.zalopay.fake import FAKE
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import HttpIntoFake, MemoryShelf

NOW = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
KEY1 = "devKey1-devKey1-devKey1-devKey11"
KEY2 = "devKey2-devKey2-devKey2-devKey22"
TRANS_ID = "261120_HM7K2M9QX"
PAGES = "http://localhost:8000/fake/zalopay/ra_1"
SETTINGS: dict[str, Any] = {
    "app_id": 2553,
    "key1": KEY1,
    "key2": KEY2,
    "environment": "sandbox",
    "base_url": None,
    "payment_methods": None,
    "bank_code": None,
    "bank_links": False,
    "attempt_minutes": 15,
}


def make_account(*, livemode: bool = False, hook_url: str = "", **settings: Any) -> Account:
    return Account(
        id="ra_1",
        livemode=livemode,
        settings={**SETTINGS, **settings},
        code_prefixes=("HM",),
        provider_url="http://127.0.0.1:8000/fake/zalopay/ra_1",
        provider_page_url=PAGES,
        hook_url=hook_url,
    )


def make_attempt(**changes: Any) -> Attempt:
    attempt = Attempt(
        id="att_1",
        session="cs_01JCX4Q5T9Z8Y7W6V5U4T3S2R1",
        code="HM-7K2M9QX",
        memo="HM7K2M9QX",
        amount=150_000,
        currency="VND",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        description="Homestay Mây",
        return_url="https://pay.example.vn/return/zalopay/att_1",
    )
    return replace(attempt, **changes)


def make_refund(**changes: Any) -> Refund:
    refund = Refund(
        id="re_01JCX4Q5T9Z8Y7W6V5U4T3S2R1",
        amount=50_000,
        currency="VND",
        payment_amount=150_000,
        refunded_before=0,
        provider_reference="261120000000123",
        attempt_reference=TRANS_ID,
        attempt_created_at=NOW,
        paid_at=NOW,
        created_at=NOW,
        reason="Khách đổi ngày",
    )
    return replace(refund, **changes)


class Says:
    """An HTTP client to whom ZaloPay says always the same, or each thing in turn."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, Any]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        self.sent.append({"method": method, "url": url, "fields": json.loads(body or b"null")})
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def says(**fields: Any) -> HttpAnswer:
    return HttpAnswer(200, {}, json.dumps(fields).encode())


class Pretend:
    """The pretend provider with its shelf, as the rail, a browser and the simulator meet it."""

    def __init__(self, **settings: Any) -> None:
        self.account = make_account(**settings)
        self.shelf = MemoryShelf()
        self.http = HttpIntoFake(FAKE, self.account, self.shelf)

    def open(self, **changes: Any) -> Attempt:
        """An attempt with its order, as it is known afterwards."""
        attempt = make_attempt(**changes)
        prompt = RAIL.open(attempt, self.account, self.http, attempt.created_at)
        return replace(
            attempt, provider_reference=prompt.provider_reference, details=prompt.details
        )

    def pay(self, attempt: Attempt, **changes: Any) -> list[FakeCall]:
        arguments: dict[str, Any] = {
            "amount": attempt.amount,
            "memo": None,
            "outcome": "success",
            "now": NOW,
            "sent_at": NOW,
        }
        return list(FAKE.pay(attempt, self.account, self.shelf, **(arguments | changes)))

    def check(self, *attempts: Attempt, now: datetime = NOW) -> list[Notice]:
        return list(RAIL.check(attempts, self.account, self.http, now))

    def hear(self, call: FakeCall) -> Notice:
        read = RAIL.read_hook({}, {}, call.body, self.account, NOW)
        assert not isinstance(read, Refusal)
        (notice,) = read
        return notice

    def browse(self, url: str, choice: str | None = None, now: datetime = NOW) -> FakeReply:
        parts = urlsplit(url)
        request = FakeRequest(
            method="GET" if choice is None else "POST",
            path=parts.path.removeprefix(urlsplit(PAGES).path),
            query=dict(parse_qsl(parts.query)),
            headers={},
            body=f"choice={choice}".encode() if choice else b"",
        )
        return FAKE.serve(request, self.account, self.shelf, now=now, sent_at=now)

    def choices(self, url: str, now: datetime = NOW) -> list[str]:
        page = self.browse(url, now=now).answer
        assert isinstance(page, FakePage)
        return [choice.name for choice in page.choices]


def query_of(reply: FakeReply) -> dict[str, str]:
    """What the browser brings back to us."""
    assert isinstance(reply.answer, Answer)
    assert reply.answer.status == 303
    return dict(parse_qsl(urlsplit(reply.answer.headers["Location"]).query, keep_blank_values=True))
