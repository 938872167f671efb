"""Sample values for the tests of the Stripe rail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from checkout.rails.base import (
    Account,
    Attempt,
    FakeCall,
    FakeReply,
    FakeRequest,
    HttpAnswer,
    Notice,
    Refund,
    Refusal,
)
from checkout.rails.stripe.fake import FAKE
from checkout.rails.stripe.fake_events import hook_headers
from checkout.rails.stripe.rail import RAIL
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf, deliver, make_attempt

PAGE_URL = "https://pay.example/fake/stripe/ra_1"
RETURN_URL = "https://pay.example/return/stripe/att_1"
SETTINGS: dict[str, Any] = {
    "secret_key": "sk_test_key",
    "webhook_secret": "whsec_dev",
    "webhook_secret_old": None,
    "methods": "card",
    "page_host": "checkout.stripe.com",
    "attempt_minutes": 30,
}


def make_account(*, livemode: bool = False, **settings: Any) -> Account:
    return Account(
        id="ra_1",
        livemode=livemode,
        settings={**SETTINGS, **settings},
        code_prefixes=("HM", "OLD"),
        provider_url="http://127.0.0.1:8000/fake/stripe/ra_1",
        provider_page_url=PAGE_URL,
    )


def card_attempt(**changes: Any) -> Attempt:
    """An attempt before `open`: the provider reference is our own id."""
    plain = make_attempt(return_url=RETURN_URL, provider_reference="att_1")
    return replace(plain, expires_at=NOW + timedelta(minutes=30), **changes)


class Stage:
    """A rail account, its pretend Stripe, and an attempt that has been opened there."""

    def __init__(self, account: Account | None = None, **changes: Any) -> None:
        self.account = account or make_account()
        self.shelf = MemoryShelf()
        self.http = HttpIntoFake(FAKE, self.account, self.shelf)
        self.prompt = RAIL.open(card_attempt(**changes), self.account, self.http, NOW)
        self.attempt = replace(
            card_attempt(**changes),
            provider_reference=self.prompt.provider_reference,
            details=self.prompt.details,
        )
        self.session_id = str(self.prompt.provider_reference)

    def visit(self, choice: str | None = None, query: Mapping[str, str] | None = None) -> FakeReply:
        """The shopper's browser on the hosted page."""
        request = FakeRequest(
            "GET" if choice is None else "POST",
            f"/pay/{self.session_id}",
            query or {},
            {},
            b"" if choice is None else urlencode({"choice": choice}).encode(),
        )
        return FAKE.serve(request, self.account, self.shelf, now=NOW, sent_at=NOW)

    def pay(
        self,
        *,
        amount: int | None = None,
        memo: str | None = None,
        outcome: Any = "success",
        now: datetime = NOW,
    ) -> FakeCall:
        (call,) = FAKE.pay(
            self.attempt,
            self.account,
            self.shelf,
            amount=self.attempt.amount if amount is None else amount,
            memo=memo,
            outcome=outcome,
            now=now,
            sent_at=NOW,
        )
        return call

    def hear(self, call: FakeCall) -> list[Notice]:
        notices = deliver(RAIL, call, self.account)
        assert not isinstance(notices, Refusal)
        return notices

    def check(self) -> list[Notice]:
        return list(RAIL.check([self.attempt], self.account, self.http, NOW))


def make_refund(intent_id: str, **changes: Any) -> Refund:
    refund = Refund(
        id="rf_1",
        amount=50_000,
        currency="VND",
        payment_amount=150_000,
        refunded_before=0,
        provider_reference=intent_id,
        attempt_reference="att_1",
        attempt_created_at=NOW,
        paid_at=NOW,
        created_at=NOW,
        details={"payment_intent": intent_id},
    )
    return replace(refund, **changes)


def session_object(**changes: Any) -> dict[str, Any]:
    """A paid Checkout Session as Stripe words it."""
    session = {
        "id": "cs_test_1",
        "object": "checkout.session",
        "amount_total": 150_000,
        "client_reference_id": "att_1",
        "currency": "vnd",
        "customer_details": {"name": "NGUYEN VAN A", "email": "a@example.com"},
        "livemode": False,
        "metadata": {"attempt": "att_1", "session": "cs_1", "code": "HM-7K2M9QX"},
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "status": "complete",
    }
    return {**session, **changes}


def event_object(kind: str, about: Any, **changes: Any) -> dict[str, Any]:
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(NOW.timestamp()),
        "livemode": False,
        "type": kind,
        "data": {"object": about},
    }
    return {**event, **changes}


def send_event(
    event: object, account: Account | None = None, now: datetime = NOW
) -> list[Notice] | Refusal:
    """Hand a signed event to the rail."""
    account = account or make_account()
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    call = FakeCall("POST", "/hooks/stripe/ra_1", hook_headers(body, account, NOW), body)
    return deliver(RAIL, call, account, now)


class Answers:
    """An HTTP client that gives prepared answers, one after another, and keeps the calls."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, str, dict[str, str], bytes | None]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        self.calls.append((method, url, dict(headers or {}), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer_of(status: int, body: object, **headers: str) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, {name.replace("_", "-"): text for name, text in headers.items()}, raw)
