"""Fail an attempt: the provider said no, or could not be asked."""

from __future__ import annotations

from checkout.core.db import one
from checkout.core.outbox import Event, record_event
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.objects import attempt_object
from checkout.sessions.queries import lock_session
from checkout.sessions.states import LIVE


def fail_attempt(attempt_id: str, *, code: str, message: str, actor: str, counts: bool) -> bool:
    """End a live attempt as failed; returns whether it was live.

    A provider that could not be reached does not count against the session's attempts. A
    success is never undone: an attempt that has ended stays as it is.
    """
    attempt = one("SELECT session_id FROM attempt WHERE id = %(id)s", id=attempt_id)
    if attempt is None:
        return False
    locked = lock_session(attempt.session_id)
    row = one(
        "UPDATE attempt SET status = 'failed', ended_at = %(now)s, failure = %(failure)s"
        " WHERE id = %(id)s AND status IN ('pending', 'requires_action') RETURNING *",
        id=attempt_id,
        now=locked.now,
        failure={"code": code, "message": message},
    )
    if row is None:
        return False
    session = locked.session
    if session.status in LIVE:
        move = plan_move(
            session,
            "attempt_failed",
            actor=actor,
            at=locked.now,
            reason=code,
            attempts=session.attempts + (1 if counts else 0),
        )
        move_sessions([move])
    record_event(
        Event(
            type="payment.failed",
            store_id=row.store_id,
            livemode=row.livemode,
            subject=row.id,
            object=attempt_object(row),
            at=locked.now,
        )
    )
    return True
