"""Reading a Bakong token: when it runs out. Nothing is verified; only Bakong could."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta

EARLY = timedelta(days=5)
"""Renewed so long before its end; Bakong itself reminds three days before."""
_LATEST = 253_402_300_799
"""The last second that a date can name."""


def token_end(token: str) -> datetime | None:
    """When a token runs out, in UTC; None for one that does not say."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, RecursionError, binascii.Error):
        return None
    ends = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(ends, bool) or not isinstance(ends, int) or not 0 <= ends <= _LATEST:
        return None
    return datetime.fromtimestamp(ends, UTC)


def runs_out(token: str, now: datetime) -> bool:
    """Whether a token is about to run out, or has done so."""
    ends_at = token_end(token)
    return ends_at is not None and ends_at - EARLY <= now
