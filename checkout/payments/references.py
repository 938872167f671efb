"""The references under which providers know our attempts: written once, watched to the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checkout.core.db import execute
from checkout.merchants.stores import load_store
from checkout.rails.registry import get_rail

LEAST_GRACE = timedelta(days=1)
"""Providers acknowledge late: so long after its end a reference is still asked about."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference of an attempt; `now` and `expires_at` are the store's time."""

    attempt: Any
    reference: str
    now: datetime
    expires_at: datetime


def write_reference(known: Reference) -> None:
    """Note a reference of an attempt, and when its provider is to be asked about it.

    The same one again changes nothing.
    """
    attempt = known.attempt
    settings = load_store(attempt.store_id).settings
    grace = max(LEAST_GRACE, timedelta(minutes=settings.late_grace_minutes))
    execute(
        "INSERT INTO attempt_reference (store_id, livemode, attempt_id, rail, rail_account_id,"
        " reference, created_at, expires_at, next_ask_at, ask_until)"
        " VALUES (%(store_id)s, %(livemode)s, %(attempt_id)s, %(rail)s, %(account_id)s,"
        " %(reference)s, %(now)s, %(expires_at)s,"
        " clock_timestamp() + make_interval(secs => %(first_ask)s),"
        " clock_timestamp() + %(watched)s)"
        " ON CONFLICT (store_id, livemode, rail, reference) DO NOTHING",
        store_id=attempt.store_id,
        livemode=attempt.livemode,
        attempt_id=attempt.id,
        rail=attempt.rail,
        account_id=attempt.rail_account_id,
        reference=known.reference,
        now=known.now,
        expires_at=known.expires_at,
        first_ask=get_rail(attempt.rail).ask_seconds[0],
        watched=known.expires_at - known.now + grace,
    )
