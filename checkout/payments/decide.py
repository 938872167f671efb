"""Decide what a transfer is. Pure: facts in, a decision out; nothing is ever dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Disposition = Literal[
    "matched",
    "partial",
    "over",
    "late",
    "duplicate",
    "unknown_code",
    "wrong_currency",
    "wrong_account",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class Money:
    """A transfer as far as the decision needs it; `amount` in minor units."""

    amount: int
    currency: str
    occurred_at: datetime
    """The bank's own time, never later than when we heard of it."""
    account_ok: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The store's own rules."""

    late_grace_minutes: int
    underpayment: Literal["wait", "fail"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the transfer is and what follows for its session."""

    disposition: Disposition
    counts: bool = False
    """It adds to what the session has received."""
    completes: bool = False
    late: bool = False
    fails_attempt: bool = False
    surplus: int = 0


def decide(money: Money, session: Any | None, rules: Rules) -> Decision:  # noqa: PLR0911 - one line a case
    """Judge a transfer against the session that it names (None when it names none)."""
    if not money.account_ok:
        return Decision("wrong_account")
    if session is None:
        return Decision("unknown_code")
    if money.currency != session.currency:
        return Decision("wrong_currency")
    if session.status == "completed":
        return Decision("duplicate")
    if session.status == "cancelled":
        # The merchant has taken the offer back: only a person may still accept the money.
        return Decision("late")
    late = money.occurred_at >= deadline_of(session)
    if late and money.occurred_at >= deadline_of(session) + timedelta(
        minutes=rules.late_grace_minutes
    ):
        return Decision("late", late=True)
    return judge_sum(money.amount, session, rules, late=late)


def judge_sum(amount: int, session: Any, rules: Rules, *, late: bool) -> Decision:
    """Short, exact or over, together with what the session has received before."""
    total = session.amount_received + amount
    if total < session.amount:
        if rules.underpayment == "fail":
            return Decision("partial", late=late, fails_attempt=True)
        return Decision("partial", counts=True, late=late)
    surplus = total - session.amount
    return Decision(
        "over" if surplus else "matched",
        counts=True,
        completes=True,
        late=late,
        surplus=surplus,
    )


def deadline_of(session: Any) -> datetime:
    """When money stops being in time: the deadline, or the merchant's own earlier end of it."""
    deadline: datetime = session.expires_at
    if session.status == "expired" and session.ended_at is not None:
        deadline = min(deadline, session.ended_at)
    return deadline
