"""What the rail tests share: sample values, a shelf in memory, an HTTP client into a fake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Fake,
    FakeCall,
    FakeRequest,
    HttpAnswer,
    Match,
    Notice,
    Rail,
    Refusal,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
PROVIDER_URL = "http://127.0.0.1:8000/fake/vietqr/ra_1"
VIETQR_SETTINGS: dict[str, Any] = {
    "bank": "VCB",
    "account_number": "0123499999",
    "account_name": "CÔNG TY TNHH HOA MAI",
    "auth": "apikey",
    "api_key": "dev-key-123",
    "webhook_secret": "dev-webhook-secret",
    "api_token": "dev-token",
    "attempt_minutes": 15,
}


def load_vectors(name: str) -> list[dict[str, Any]]:
    vectors = json.loads((HERE / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
    return list(vectors["vectors"])


def make_account(prefixes: tuple[str, ...] = ("HM",), **settings: Any) -> Account:
    return Account(
        id="ra_1",
        livemode=False,
        settings={**VIETQR_SETTINGS, **settings},
        code_prefixes=prefixes,
        provider_url=PROVIDER_URL,
    )


def make_attempt(**changes: Any) -> Attempt:
    attempt = Attempt(
        id="att_1",
        session="cs_1",
        code="HM-7K2M9QX",
        memo="HM7K2M9QX",
        amount=150_000,
        currency="VND",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        return_url="https://shop.example/return?order=1&x=2",
    )
    return replace(attempt, **changes)


class MemoryShelf:
    """A shelf that keeps its records as JSON, as the real one does."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], str] = {}
        self.number = 0

    def put(self, kind: str, key: str, data: Mapping[str, Any]) -> None:
        self.records[kind, key] = json.dumps(data)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        found = self.records.get((kind, key))
        return None if found is None else dict(json.loads(found))

    def list(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(data) for (one, _), data in self.records.items() if one == kind]

    def next_number(self) -> int:
        self.number += 1
        return self.number


class HttpIntoFake:
    """Carries a rail's calls to its fake and keeps the list of them."""

    def __init__(self, fake: Fake, account: Account, shelf: MemoryShelf) -> None:
        self.fake = fake
        self.account = account
        self.shelf = shelf
        self.calls: list[FakeRequest] = []
        self.notices: list[FakeCall] = []
        """What the fake has sent to the hook because of these calls."""

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        assert url.startswith(self.account.provider_url)
        parts = urlsplit(url)
        path = parts.path.removeprefix(urlsplit(self.account.provider_url).path)
        request = FakeRequest(
            method, path, dict(parse_qsl(parts.query)), headers or {}, body or b""
        )
        self.calls.append(request)
        reply = self.fake.serve(request, self.account, self.shelf, now=NOW, sent_at=NOW)
        self.notices += reply.calls
        assert isinstance(reply.answer, Answer)
        return to_http_answer(reply.answer)


def to_http_answer(answer: Answer) -> HttpAnswer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return HttpAnswer(answer.status, headers, answer.body)


def deliver(
    rail: Rail, call: FakeCall, account: Account, now: datetime = NOW
) -> list[Notice] | Refusal:
    """Hand a fake's call to the rail as the hook view would."""
    headers = {name.lower(): value for name, value in call.headers.items()}
    answer = rail.read_hook(headers, {}, call.body, account, now)
    return answer if isinstance(answer, Refusal) else list(answer)


def resolve(
    matches: Iterable[Match], *, amount: int, open_amounts: Mapping[str, int]
) -> str | None:
    """Which known code the matches name: the code, None, or 'ambiguous'.

    The rule of matching in small: the first tier that knows a code decides, two known ones in
    it are never guessed between, weak readings need an open attempt of exactly the amount.
    """
    tiers: dict[int, set[str]] = {}
    for match in matches:
        known = match.value in open_amounts
        if known and (not match.exact_only or open_amounts[match.value] == amount):
            tiers.setdefault(match.tier, set()).add(match.value)
    if not tiers:
        return None
    codes = tiers[min(tiers)]
    return codes.pop() if len(codes) == 1 else "ambiguous"
