"""End sessions by somebody's word: the merchant cancels or expires, the shopper leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core.audit import record_audit
from checkout.core.db import run
from checkout.core.errors import Problem, conflict
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import Locked, lock_session
from checkout.sessions.states import LIVE, Event, Rule, outcome_of
from checkout.sessions.tell import tell_moves


def cancel_session(session_id: str, *, store_id: str, livemode: bool, actor: str) -> None:
    """The merchant takes the offer back. Money that still arrives is held for a person.

    Raises 404; 409 `session_expired` or `session_not_active` when it has ended otherwise.
    """
    locked = lock_session(session_id, store_id=store_id, livemode=livemode)
    if _end(locked, "cancelled", "checkout.session.cancelled", actor):
        _note_person(locked.session, actor, "session.cancelled")


def expire_session(session_id: str, *, store_id: str, livemode: bool, actor: str) -> None:
    """The merchant ends the session before its deadline; grace for late money begins now."""
    locked = lock_session(session_id, store_id=store_id, livemode=livemode)
    ended = _end(
        locked,
        "expired_by_merchant",
        "checkout.session.expired",
        actor,
        expired_reason="merchant",
    )
    if ended:
        _note_person(locked.session, actor, "session.expired")


def abandon_session(session_id: str, *, actor: str = "shopper") -> None:
    """The shopper leaves by the page's own button. What they paid all the same still counts."""
    _end(lock_session(session_id), "abandoned", "checkout.session.abandoned", actor)


def refuse_ended(session: Any, now: datetime) -> None:
    """Raise what a call on a session that cannot be paid any more is told."""
    problem = ended_problem(session, now)
    if problem is not None:
        raise problem


def ended_problem(session: Any, now: datetime) -> Problem | None:
    """409 `session_expired` from the deadline on, `session_not_active` after any other end.

    The deadline holds to the moment, whether or not the sweep has been here.
    """
    if session.status == "expired" or (session.status in LIVE and now >= session.expires_at):
        return conflict("session_expired", "The session has expired. Please start a new one.")
    if session.status not in LIVE:
        return conflict(
            "session_not_active", f"The session is {session.status} and takes no further attempt."
        )
    return None


def _note_person(session: Any, actor: str, action: str) -> None:
    """The history tells of every end; the audit trail of those that a person decided."""
    if actor.startswith("user:"):
        record_audit(session.store_id, actor, action, target=session.id, livemode=session.livemode)


def _end(locked: Locked, event: Event, event_type: str, actor: str, **changes: Any) -> bool:
    """Whether it ended now; False for a harmless repeat."""
    outcome = outcome_of(locked.session.status, event)
    if outcome is Rule.REPEAT:
        return False
    if isinstance(outcome, Rule) or event != "expired_by_merchant":
        refuse_ended(locked.session, locked.now)
    move = plan_move(locked.session, event, actor=actor, at=locked.now, **changes)
    move_sessions([move])
    close_attempts([move.after.id], status="cancelled", at=locked.now)
    tell_moves(event_type, [move])
    return True


def close_attempts(session_ids: list[str], *, status: str, at: datetime) -> None:
    """The live attempts of ended sessions end with them; their codes stay watched for ever."""
    run(
        "UPDATE attempt SET status = %(status)s, ended_at = %(at)s WHERE session_id = ANY(%(ids)s)"
        " AND status IN ('pending', 'requires_action')",
        status=status,
        at=at,
        ids=session_ids,
    )
