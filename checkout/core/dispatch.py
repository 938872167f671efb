"""Events on their way out of the outbox: every one of them, once, to whoever reacts."""

from __future__ import annotations

import logging
from typing import Any

from checkout.core.db import execute, run, unit_of_work
from checkout.core.jobs import sweeper
from checkout.core.logs import log
from checkout.core.outbox import DISPATCH, react

BATCH = 200
LONGEST_WAIT_SECONDS = 60

LEASE = (
    "SELECT id, store_id, livemode, type, subject, body, created_at, tries FROM outbox"
    " WHERE dispatched_at IS NULL AND next_try_at <= statement_timestamp()"
    " ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
)


@sweeper(DISPATCH, batch=BATCH)
def dispatch_events() -> int:
    """Hand a batch of events to their reactions; returns how many were looked at.

    A batch in which one event fails is done again one by one, so that the others go on; the
    failing one is tried again ever more slowly and never given up.
    """
    try:
        return _dispatch(BATCH)
    except Exception:  # noqa: BLE001 - a reaction may fail in any way; the next step tells which
        return _dispatch_singly()


def _dispatch(limit: int) -> int:
    with unit_of_work():
        rows = run(LEASE, limit=limit)
        if rows:
            react(rows)
            _mark(rows)
    return len(rows)


def _dispatch_singly() -> int:
    """One transaction an event. An error that is not the event's own is raised."""
    handled = 0
    while handled < BATCH:
        leased: list[Any] = []
        try:
            with unit_of_work():
                leased = run(LEASE, limit=1)
                if leased:
                    react(leased)
                    _mark(leased)
        except Exception:
            if not leased:
                raise
            _put_off(leased[0])
        if not leased:
            break
        handled += 1
    return handled


def _mark(rows: list[Any]) -> None:
    execute(
        "UPDATE outbox SET dispatched_at = clock_timestamp() WHERE id = ANY(%(ids)s)",
        ids=[row.id for row in rows],
    )


def _put_off(row: Any) -> None:
    log("event_failed", logging.ERROR, exc_info=True, event_id=row.id, event_type=row.type)
    with unit_of_work():
        execute(
            "UPDATE outbox SET tries = tries + 1,"
            " next_try_at = clock_timestamp() + %(wait)s * interval '1 second'"
            " WHERE id = %(id)s AND dispatched_at IS NULL",
            id=row.id,
            wait=min(LONGEST_WAIT_SECONDS, 2 ** min(row.tries, 6)),
        )
