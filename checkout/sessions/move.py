"""Move sessions: the only place that writes a session's status, and its history with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core.db import execute, jsonb, later, pipeline
from checkout.core.push import changed
from checkout.sessions.states import Event, next_status

Session = Any
"""A row of checkout_session, columns as attributes."""


class StaleSession(Exception):
    """The session changed since it was read; its row was not locked."""


@dataclass(frozen=True, slots=True)
class Move:
    """A session before and after one event."""

    before: Session
    after: Session
    event: Event
    actor: str
    at: datetime
    reason: str | None = None


def plan_move(
    session: Session,
    event: Event,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    **changes: Any,
) -> Move:
    """What a session becomes by an event: its status, `seq` + 1 and the named changes.

    Raises ValueError when the table in states.py does not allow it.
    """
    status = next_status(session.status, event)
    if status != session.status and status in ("completed", "expired", "abandoned", "cancelled"):
        changes.setdefault("ended_at", at)
    after = session._replace(status=status, seq=session.seq + 1, **changes)
    return Move(session, after, event, actor, at, reason)


MUTABLE = (
    "status",
    "payment_status",
    "seq",
    "expired_reason",
    "amount_received",
    "attempts",
    "ended_at",
    "fulfilment",
)

# The ids stand there twice, because the planner takes any JSON for a hundred rows and would
# rather read a whole small table.
_UPDATE = """
UPDATE checkout_session AS session SET
    status = row.status, payment_status = row.payment_status, seq = row.seq,
    expired_reason = row.expired_reason, amount_received = row.amount_received,
    attempts = row.attempts, ended_at = row.ended_at, fulfilment = row.fulfilment
FROM jsonb_to_recordset(%(rows)s) AS row (
    id text, old_status text, old_seq integer, status text, payment_status text, seq integer,
    expired_reason text, amount_received bigint, attempts integer, ended_at timestamptz,
    fulfilment jsonb)
WHERE session.id = row.id AND session.id = ANY(%(ids)s)
    AND session.status = row.old_status AND session.seq = row.old_seq
RETURNING session.id
"""


def move_sessions(moves: Sequence[Move]) -> None:
    """Carry out the moves, in their order, with one history row each.

    Several moves of one session may stand in a batch: the row is brought to the last of them
    and the history tells every step. Raises StaleSession when a row is no longer as it was
    before its first move; nothing may then be committed.
    """
    if moves:
        with pipeline():
            check = begin_moves(moves)
        check()


def begin_moves(moves: Sequence[Move]) -> Callable[[], None]:
    """Carry out moves (one at least) inside a `pipeline`; the check is due after it.

    The check raises StaleSession as move_sessions does.
    """
    first: dict[str, Move] = {}
    last: dict[str, Move] = {}
    for move in moves:
        first.setdefault(move.before.id, move)
        last[move.before.id] = move
    rows = [_row(first[id_].before, move.after) for id_, move in last.items()]
    moved = later(_UPDATE, rows=jsonb(rows), ids=list(last))
    record_history(moves)
    for session_id in first:
        changed(session_id)

    def check() -> None:
        if len(moved()) != len(rows):
            raise StaleSession(", ".join(first))

    return check


def record_history(moves: Sequence[Move]) -> None:
    """Add the history rows of moves."""
    execute(
        "INSERT INTO session_history (session_id, store_id, livemode, seq, from_status, to_status,"
        " event, actor, reason, at) SELECT * FROM jsonb_to_recordset(%(rows)s) AS row"
        " (session_id text, store_id text, livemode boolean, seq integer, from_status text,"
        " to_status text, event text, actor text, reason text, at timestamptz)",
        rows=jsonb([_history(move) for move in moves]),
    )


def _row(before: Session, after: Session) -> dict[str, Any]:
    row = {name: getattr(after, name) for name in MUTABLE}
    row["ended_at"] = after.ended_at and after.ended_at.isoformat()
    return {"id": after.id, "old_status": before.status, "old_seq": before.seq, **row}


def _history(move: Move) -> dict[str, Any]:
    return {
        "session_id": move.after.id,
        "store_id": move.after.store_id,
        "livemode": move.after.livemode,
        "seq": move.after.seq,
        "from_status": move.before.status,
        "to_status": move.after.status,
        "event": move.event,
        "actor": move.actor,
        "reason": move.reason,
        "at": move.at.isoformat(),
    }
