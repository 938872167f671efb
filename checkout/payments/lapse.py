"""Attempts whose own deadline passes while their session goes on: they lapse and are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.db import run, unit_of_work
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import Locked, lock_sessions
from checkout.sessions.states import LIVE

BATCH = 200

_DUE = """
SELECT attempt.session_id FROM attempt
JOIN checkout_session AS session ON session.id = attempt.session_id
WHERE attempt.status IN ('pending', 'requires_action') AND {due}
    AND session.expires_at > attempt.expires_at
ORDER BY attempt.expires_at LIMIT %(limit)s
"""
_DUE_NOW = _DUE.format(due="attempt.expires_at <= statement_timestamp()")
_DUE_IN_STORE = _DUE.format(
    due="attempt.store_id = %(store_id)s AND NOT attempt.livemode AND attempt.expires_at <="
    " clock_timestamp() + make_interval(secs => %(offset)s)"
)


def lapse_due() -> int:
    """Lapse what is due in every store; returns how many attempts."""
    with unit_of_work():
        lapsed = _lapse_due(run(_DUE_NOW, limit=BATCH))
    for store in run("SELECT id FROM store WHERE clock_offset_seconds > 0"):
        lapsed += lapse_in_store(store.id)
    return lapsed


def lapse_in_store(store_id: str) -> int:
    """Lapse what is due by a store's test clock."""
    with unit_of_work():
        offset = run(
            "SELECT clock_offset_seconds AS seconds FROM store WHERE id = %(id)s", id=store_id
        )
        return _lapse_due(
            run(
                _DUE_IN_STORE,
                store_id=store_id,
                offset=offset[0].seconds if offset else 0,
                limit=BATCH,
            )
        )


def lapse_attempts(pairs: Sequence[tuple[Locked, Any]]) -> None:
    """Lapse the attempts of locked sessions: expired, counted, the session open for a retry."""
    run(
        "UPDATE attempt SET status = 'expired', ended_at = expires_at WHERE id = ANY(%(ids)s)",
        ids=[attempt.id for _, attempt in pairs],
    )
    move_sessions(
        [
            plan_move(
                locked.session,
                "attempt_failed",
                actor="system",
                at=locked.now,
                reason="attempt_expired",
                attempts=locked.session.attempts + 1,
            )
            for locked, _ in pairs
        ]
    )


def _lapse_due(due: Sequence[Any]) -> int:
    if not due:
        return 0
    # Judging takes one store's sessions after another's: waiting for both would be a deadlock.
    # What is skipped now is found by the next sweep.
    ids = [row.session_id for row in due]
    locked = {one.session.id: one for one in lock_sessions(ids, wait=False)}
    attempts = run(
        "SELECT * FROM attempt WHERE session_id = ANY(%(ids)s)"
        " AND status IN ('pending', 'requires_action')",
        ids=list(locked),
    )
    # Read again under the lock: what was paid or superseded meanwhile is none of ours.
    pairs = [
        (locked[attempt.session_id], attempt)
        for attempt in attempts
        if attempt.expires_at <= locked[attempt.session_id].now
        and locked[attempt.session_id].session.status in LIVE
        and locked[attempt.session_id].now < locked[attempt.session_id].session.expires_at
    ]
    if pairs:
        lapse_attempts(pairs)
    return len(pairs)
