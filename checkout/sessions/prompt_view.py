"""An attempt's prompt as the page shows it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from checkout.core.config import config

LIVE_ATTEMPT = ("pending", "requires_action")


@dataclass(frozen=True, slots=True)
class Link:
    """A bank-app button; `hue` colours its letter."""

    name: str
    url: str
    fills: bool
    hue: int


@dataclass(frozen=True, slots=True)
class PromptView:
    """What there is to pay with right now."""

    attempt_id: str
    rail: str
    code: str
    kind: str
    qr_payload: str | None
    details: Mapping[str, str]
    links: Sequence[Link]
    redirect_url: str | None
    remaining_seconds: int
    total_seconds: int
    renews: bool
    """Whether another one follows when its time is over."""

    @property
    def memo(self) -> str:
        """What the transfer must carry: what banks keep of the code."""
        return self.details.get("memo") or self.code.replace("-", "")

    @property
    def typed(self) -> bool:
        """Whether a payer may type the transfer in, message and all; else only the code is known
        again when its money comes.
        """
        return bool(self.details.get("bank_code") and self.details.get("memo"))

    @property
    def mark(self) -> str:
        """Changes when there is another code to scan."""
        return f"{zlib.crc32((self.qr_payload or '').encode()):x}"


def read_prompt(row: Any) -> PromptView | None:
    """The prompt of a page's row while it can be paid; None before and after."""
    prompt = row.attempt_prompt
    ends_at = prompt_ends_at(row)
    if row.attempt_status not in LIVE_ATTEMPT or not prompt or row.store_now >= ends_at:
        return None
    begun = prompt.get("opened_at")
    begun_at = datetime.fromisoformat(begun) if begun else row.attempt_created_at
    return PromptView(
        attempt_id=row.attempt_id,
        rail=row.attempt_rail,
        code=row.attempt_code,
        kind=prompt["kind"],
        qr_payload=prompt.get("qr_payload"),
        details={
            name: value for name, value in (prompt.get("transfer_details") or {}).items() if value
        },
        links=[_read_link(link) for link in prompt.get("deeplinks") or ()],
        redirect_url=web_url(prompt.get("redirect_url")),
        remaining_seconds=_seconds(row.store_now, ends_at),
        total_seconds=max(1, _seconds(begun_at, ends_at)),
        renews=ends_at < _attempt_ends_at(row),
    )


def prompt_ends_at(row: Any) -> datetime:
    """When the prompt can be paid no more: its own end, its attempt's or its session's."""
    ends = _attempt_ends_at(row)
    own = (row.attempt_prompt or {}).get("expires_at")
    return min(ends, datetime.fromisoformat(own)) if own else ends


def web_url(url: object) -> str | None:
    """A link that came from data, if it is one that a page may show: https, or http outside
    production. Anything else (`javascript:`, `data:`) is None.
    """
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    plain = parts.scheme == "http" and config().environment != "production"
    return url if (parts.scheme == "https" or plain) and parts.netloc else None


def _attempt_ends_at(row: Any) -> datetime:
    ends: datetime = min(row.attempt_expires_at, row.expires_at)
    return ends


def _read_link(link: Mapping[str, Any]) -> Link:
    name = str(link["name"])
    # Eight colours; the same bank always has the same one.
    hue = sum(name.encode()) % 8
    return Link(name, web_url(link["url"]) or "#", bool(link.get("fills")), hue)


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))
