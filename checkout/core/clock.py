"""Time. Deadlines are judged by the database's clock, which every process shares.

A store in test mode has its own clock: the database's plus an offset that only grows.
"""

from __future__ import annotations

from datetime import UTC, datetime

from checkout.core.db import one


def utc_now() -> datetime:
    """This machine's time: for signatures and logs, never for a deadline."""
    return datetime.now(UTC)


def now(store_id: str | None = None, livemode: bool = True) -> datetime:
    """The database's time, moved by the store's test clock outside live mode."""
    row = one(
        "SELECT clock_timestamp() + make_interval(secs => coalesce("
        "(SELECT clock_offset_seconds FROM store WHERE id = %(store_id)s AND NOT %(livemode)s), 0))"
        " AS at",
        store_id=store_id,
        livemode=livemode,
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM always has its row
    moment: datetime = row.at
    return moment


def rfc3339(moment: datetime | None) -> str | None:
    """A time as the API writes it: UTC, seconds, Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
