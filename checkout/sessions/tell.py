"""Tell the world of a session's moves: one event each, in the transaction of the move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.outbox import Event, record_events
from checkout.sessions.move import Move
from checkout.sessions.queries import expand

WATCHED = ("status", "payment_status", "amount_received", "attempts", "expired_reason")


def session_event(type: str, move: Move, object: dict[str, Any]) -> Event:  # noqa: A002
    """The event of a move; `previous` holds the watched fields that it changed."""
    previous = {
        name: getattr(move.before, name)
        for name in WATCHED
        if getattr(move.before, name) != getattr(move.after, name)
    }
    return Event(
        type=type,
        store_id=move.after.store_id,
        livemode=move.after.livemode,
        subject=move.after.id,
        object=object,
        at=move.at,
        previous=previous or None,
    )


def tell_moves(type: str, moves: Sequence[Move]) -> None:  # noqa: A002
    """Record the same kind of event for many sessions, attempts and payments expanded."""
    objects = expand([move.after for move in moves], now=moves[0].at) if moves else []
    record_events(
        session_event(type, move, shown) for move, shown in zip(moves, objects, strict=True)
    )
