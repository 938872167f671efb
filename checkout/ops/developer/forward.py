"""An event to an address on the developer's own machine, signed as a delivery is."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from checkout.core.clock import utc_now
from checkout.core.http import OutsideError, send
from checkout.webhooks.attempt import TIMEOUT_SECONDS
from checkout.webhooks.sign import signed_headers


@dataclass(frozen=True, slots=True)
class Told:
    """What the address made of it."""

    status: int | None
    text: str
    """For people."""
    nobody: bool = False
    """Nothing listens there; the event was not received."""

    @property
    def well(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def forward(event: dict[str, Any], url: str, secret: str) -> Told:
    """POST the event with the headers of a delivery; every failure is an answer."""
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Checkout-Webhooks/1",
        **signed_headers(event["id"], utc_now(), body, (secret,)),
    }
    started = time.monotonic()
    try:
        answer = send(
            "POST", url, headers=headers, body=body, timeout_seconds=TIMEOUT_SECONDS, vet=False
        )
    except OutsideError as error:
        return Told(None, error.message, nobody=error.kind in ("connect_failed", "name_not_found"))
    return Told(answer.status, f"{answer.status} in {(time.monotonic() - started) * 1000:.0f} ms")
