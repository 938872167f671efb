"""One try to deliver: a signed POST, and what came back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checkout.core.clock import utc_now
from checkout.core.http import OutsideError, send
from checkout.webhooks.sign import signed_headers

TIMEOUT_SECONDS = 10.0
KEPT_BYTES = 4096
KEPT_HEADERS = 40
KEPT_HEADER_LETTERS = 500
NEVER_KEPT = ("set-cookie", "set-cookie2")
"""What a receiver gives to a visitor is none of the log's business."""


@dataclass(frozen=True, slots=True)
class Try:
    """A leased delivery, with all that is needed to send it without the database."""

    delivery_id: str
    event_id: str
    endpoint_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    """The valid ones, the newest first; none when they could not be unsealed."""
    number: int
    manual: bool
    private_targets: tuple[str, ...]
    lease_until: datetime
    """As the database wrote it: the token that says whose lease it is."""
    leased_at: float
    """In seconds of the monotonic clock, from before the lease was taken."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended."""

    item: Try
    at: datetime
    duration_ms: int = 0
    status: int | None = None
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    error: str | None = None
    """Why there was no answer, as a word for programs."""
    returned: bool = False
    """Not tried at all: its lease would have ended first."""

    @classmethod
    def given_back(cls, item: Try) -> Result:
        return cls(item, utc_now(), returned=True)

    @property
    def well(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver says that there is nobody here any more."""
        return self.status == 410


def attempt_delivery(item: Try) -> Result:
    """Send it and report; every failure is a result."""
    at, started = utc_now(), time.monotonic()
    if not item.secrets:
        return Result(item, at, error="secret_unreadable")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Checkout-Webhooks/1",
        **signed_headers(item.event_id, at, item.body, item.secrets),
    }
    try:
        answer = send(
            "POST",
            item.url,
            headers=headers,
            body=item.body,
            timeout_seconds=TIMEOUT_SECONDS,
            vet=True,
            private_targets=item.private_targets,
            reuse=True,
        )
    except OutsideError as error:
        return Result(item, at, _milliseconds(started), sent_headers=headers, error=error.kind)
    return Result(
        item,
        at,
        _milliseconds(started),
        status=answer.status,
        sent_headers=headers,
        headers=answer.headers,
        body=_kept_text(answer.body),
    )


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _kept_text(body: bytes) -> str:
    """The beginning of an answer."""
    return _storable(body[:KEPT_BYTES].decode("utf-8", "replace"))


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The beginning of an answer's headers, without cookies."""
    kept = [(name, value) for name, value in headers.items() if name.lower() not in NEVER_KEPT]
    return {
        _storable(name[:KEPT_HEADER_LETTERS]): _storable(value[:KEPT_HEADER_LETTERS])
        for name, value in kept[:KEPT_HEADERS]
    }


def _storable(text: str) -> str:
    """PostgreSQL's texts cannot hold a zero byte."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
