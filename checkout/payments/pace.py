"""How often one account's provider is asked by ourselves: never faster than it bears.

The next free moment is a row, so that all processes together keep the pace. Shoppers who start
to pay do not wait for it; they only move it on.
"""

from __future__ import annotations

from checkout.core.db import one, run, unit_of_work
from checkout.rails.base import RailError

BACKOFF_SECONDS = (1, 2, 4, 8, 16, 30)
"""Waits after the first, second … call in a row without an answer."""
MISTAKE_SECONDS = 10
"""After an answer that says that we asked wrongly."""
MOST_WAIT_SECONDS = 300
"""However long a provider asks us to wait."""


def reserve_call(rail_account_id: str, per_minute: int, *, ahead_seconds: float) -> float | None:
    """Reserve the account's next call; the seconds until it may begin.

    None when that is further ahead than `ahead_seconds`: nothing is reserved then.
    """
    with unit_of_work():
        row = one(
            "INSERT INTO rail_health AS health (rail_account_id, next_call_at)"
            " VALUES (%(id)s, clock_timestamp() + %(gap)s * interval '1 second')"
            " ON CONFLICT (rail_account_id) DO UPDATE SET next_call_at ="
            " greatest(coalesce(health.next_call_at, clock_timestamp()), clock_timestamp())"
            " + %(gap)s * interval '1 second'"
            " WHERE coalesce(health.next_call_at, clock_timestamp())"
            " <= clock_timestamp() + %(ahead)s * interval '1 second'"
            " RETURNING extract(epoch FROM next_call_at - clock_timestamp())::float - %(gap)s"
            " AS wait_seconds",
            id=rail_account_id,
            gap=60.0 / per_minute,
            ahead=ahead_seconds,
        )
    return None if row is None else max(0.0, row.wait_seconds)


def pause_asking(rail_account_id: str, error: RailError) -> None:
    """Ask no more for a while: the longer the more calls in a row brought no answer."""
    with unit_of_work():
        run(
            "INSERT INTO rail_health AS health (rail_account_id, next_call_at)"
            " VALUES (%(id)s, clock_timestamp() + make_interval(secs => %(wanted)s))"
            " ON CONFLICT (rail_account_id) DO UPDATE SET next_call_at = clock_timestamp()"
            " + make_interval(secs => greatest(%(wanted)s,"
            " (%(waits)s::int[])[least(greatest(health.failures, 1), %(most)s)]))",
            id=rail_account_id,
            wanted=_wanted_seconds(error),
            waits=list(BACKOFF_SECONDS),
            most=len(BACKOFF_SECONDS),
        )


def _wanted_seconds(error: RailError) -> int:
    if not error.temporary:
        return MISTAKE_SECONDS
    return min(error.retry_after_seconds or 0, MOST_WAIT_SECONDS)
