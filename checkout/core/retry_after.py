"""Retry-After: how long another server asks to be left alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """What a Retry-After header asks for: seconds or an HTTP date; 0 when it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment.astimezone(now.tzinfo) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def read_wait(headers: Mapping[str, str]) -> int | None:
    """The whole seconds that an answer asks us to wait from now; None when it does not.

    `headers` have their names in lower case. The caller bounds it: a header may name years.
    """
    return math.ceil(retry_after_seconds(headers.get("retry-after"), datetime.now(UTC))) or None
