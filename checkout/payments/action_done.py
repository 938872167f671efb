"""The provider says that the shopper has done their part and that the money is on its way."""

from __future__ import annotations

from checkout.core.db import one
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import lock_session


def note_action_done(attempt_id: str, *, actor: str) -> bool:
    """Let a session that awaits the shopper's action wait for its money; whether it did.

    Only a provider's own notice says so: a browser that comes back proves nothing.
    """
    attempt = one("SELECT session_id FROM attempt WHERE id = %(id)s", id=attempt_id)
    if attempt is None:
        return False
    locked = lock_session(attempt.session_id)
    row = one(
        "UPDATE attempt SET status = 'pending' WHERE id = %(id)s AND status = 'requires_action'"
        " RETURNING id",
        id=attempt_id,
    )
    if row is None or locked.session.status != "awaiting_action":
        return False
    move_sessions([plan_move(locked.session, "action_completed", actor=actor, at=locked.now)])
    return True
