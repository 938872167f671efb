"""What resolving held money means for a session. Pure: rows in, a decision out."""

from __future__ import annotations

from typing import Any

from checkout.core.errors import conflict, invalid
from checkout.payments.decide import Decision, Rules, judge_sum
from checkout.sessions.states import LIVE


def received_without(transfer: Any, session: Any) -> int:
    """What a session has received beside a part that is still held of this transfer."""
    part = transfer.held if transfer.part_of == session.id else 0
    return int(session.amount_received) - int(part)


def decide_accept(transfer: Any, session: Any | None) -> Decision | None:
    """How accepting completes the session that the money named.

    None where no session waits for it: then it goes into the store's balance.
    """
    waits = (
        session is not None
        and session.status != "completed"
        and session.currency == transfer.currency
        and transfer.disposition in ("late", "partial")
    )
    if session is None or not waits:
        return None
    surplus = max(0, received_without(transfer, session) + transfer.held - session.amount)
    return Decision(
        "over" if surplus else "matched",
        counts=True,
        completes=True,
        late=transfer.disposition == "late",
        surplus=surplus,
    )


def decide_assign(transfer: Any, session: Any, late_grace_minutes: int) -> Decision:
    """What held money is for another session; raises 409 or 422 where it cannot be its."""
    if transfer.part_of == session.id:
        raise invalid("invalid_value", "The money is that session's already.", "session")
    if session.status == "completed":
        raise conflict("session_not_active", "That session has been paid already.")
    if session.currency != transfer.currency:
        raise invalid("wrong_currency", f"That session is in {session.currency}.", "session")
    ended = session.status not in LIVE
    rules = Rules(late_grace_minutes, "wait")
    decision = judge_sum(transfer.held, session, rules, late=ended)
    if ended and not decision.completes:
        raise invalid(
            "amount_too_small", "That session has ended and this does not cover it.", "session"
        )
    return decision
