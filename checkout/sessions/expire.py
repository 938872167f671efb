"""Expiry: sessions end at their deadline, by batches, exactly once.

Every worker sweeps about once a second; a store's test clock is swept when it moves and, for
stores whose clock is ahead, in the same sweep. What the page and the API refuse after the
deadline does not wait for the sweep (see end.refuse_ended).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core.db import run, unit_of_work
from checkout.sessions.end import close_attempts
from checkout.sessions.move import Move, move_sessions, plan_move
from checkout.sessions.tell import tell_moves

BATCH = 500

_DUE = """
SELECT session.*, (SELECT attempt.id FROM attempt WHERE attempt.session_id = session.id
    AND attempt.status IN ('pending', 'requires_action')) AS live_attempt
FROM checkout_session AS session
WHERE session.status IN ('open', 'processing', 'awaiting_action') AND {due}
ORDER BY session.expires_at LIMIT %(limit)s FOR UPDATE OF session SKIP LOCKED
"""
_DUE_NOW = _DUE.format(due="session.expires_at <= %(now)s")
_DUE_IN_STORE = _DUE.format(
    due="session.store_id = %(store_id)s AND NOT session.livemode AND session.expires_at <= %(now)s"
)


def expire_due() -> int:
    """End what is due, a batch a transaction; returns how many sessions ended."""
    with unit_of_work():
        ended = _expire(_DUE_NOW, now=_clock(0))
    for store in run("SELECT id FROM store WHERE clock_offset_seconds > 0"):
        ended += expire_in_store(store.id, batches=1)
    return ended


def expire_in_store(store_id: str, *, batches: int = 40) -> int:
    """End what is due by a store's test clock; used when the clock is moved."""
    ended = 0
    for _ in range(batches):
        with unit_of_work():
            offset = run(
                "SELECT clock_offset_seconds AS seconds FROM store WHERE id = %(id)s", id=store_id
            )
            count = _expire(
                _DUE_IN_STORE, now=_clock(offset[0].seconds if offset else 0), store_id=store_id
            )
        ended += count
        if count < BATCH:
            break
    return ended


def _clock(offset_seconds: int) -> datetime:
    moment: datetime = run(
        "SELECT clock_timestamp() + make_interval(secs => %(offset)s) AS at", offset=offset_seconds
    )[0].at
    return moment


def _expire(statement: str, *, now: datetime, **params: Any) -> int:
    due = run(statement, now=now, limit=BATCH, **params)
    if not due:
        return 0
    moves = [_plan(session, now) for session in due]
    move_sessions(moves)
    close_attempts([session.id for session in due], status="expired", at=now)
    tell_moves("checkout.session.expired", moves)
    return len(due)


def _plan(session: Any, now: datetime) -> Move:
    # An attempt that was live at the deadline lapses with the session: it is counted, but it
    # is not what ended the session.
    exhausted = session.attempts >= session.max_attempts
    return plan_move(
        session,
        "timed_out",
        actor="system",
        at=now,
        ended_at=session.expires_at,
        expired_reason="attempts_exhausted" if exhausted else "timeout",
        attempts=session.attempts + (1 if session.live_attempt else 0),
    )
