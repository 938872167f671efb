"""Move a store's test clock, and let happen at once what falls due by it."""

from __future__ import annotations

from checkout.core.db import one, unit_of_work
from checkout.core.facts import tell_fact
from checkout.merchants.stores import advance_clock
from checkout.payments.lapse import lapse_in_store
from checkout.sessions.expire import expire_in_store


def move_test_clock(store_id: str, seconds: int) -> int:
    """Forward only; returns by how many seconds the clock is ahead of the real one then.

    Opens its own units of work. Attempts have lapsed and sessions expired when this returns;
    webhooks' retries are brought forward. Raises 422 `invalid_value`.
    """
    with unit_of_work():
        advance_clock(store_id, seconds)
        tell_fact("test_clock_moved", store_id=store_id, seconds=seconds)
    lapse_in_store(store_id)
    expire_in_store(store_id)
    return read_offset(store_id)


def read_offset(store_id: str) -> int:
    """By how many seconds a store's test clock is ahead of the real one."""
    row = one("SELECT clock_offset_seconds AS seconds FROM store WHERE id = %(id)s", id=store_id)
    return int(row.seconds) if row is not None else 0
