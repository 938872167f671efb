"""Suggest to which session held money belongs: by its code, its amount, its time, who paid.

One statement finds the candidates: sessions whose code is one slip away from the message, and
of the sessions made around the same time those that wait for such an amount or whose reference
the message holds. Each suggestion says in words why it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from checkout.core.db import run
from checkout.core.errors import Problem
from checkout.core.scope import Scope
from checkout.payments.near import Near, fold, near_codes
from checkout.payments.resolution import decide_assign
from checkout.sessions.objects import amount_due

BEFORE, AFTER = 5000, 500
"""So many of the sessions made before the money was heard of, and after it, are looked at."""
CANDIDATES = 40
SHOWN = 5
LEAST_POINTS = 25
NEAR_PERCENT = 3
LEAST_REFERENCE = 4
"""Shorter references stand in too many messages by chance."""

OF_TIME = ("just", "minutes", "hours", "days")
CODE_POINTS = {
    "none": 100,
    "swapped": 90,
    "other": 85,
    "missing": 80,
    "extra": 80,
    "prefix": 75,
    "cut": 70,
}

_FIND = """
WITH near AS (
    SELECT DISTINCT ON (session_id) session_id, code FROM attempt
    WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND code = ANY(%(codes)s)
    ORDER BY session_id, number DESC
), around AS (
    (SELECT id, status, currency, amount - amount_received AS due,
        upper(translate(reference, ' -_./#', '')) AS word
        FROM checkout_session WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        AND id < %(here)s ORDER BY id DESC LIMIT %(before)s)
    UNION ALL
    (SELECT id, status, currency, amount - amount_received,
        upper(translate(reference, ' -_./#', ''))
        FROM checkout_session WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        AND id >= %(here)s ORDER BY id LIMIT %(after)s)
), fitting AS (
    SELECT id FROM around WHERE status <> 'completed' AND currency = %(currency)s
        AND (due BETWEEN %(low)s AND %(high)s OR due = ANY(%(slips)s)
            OR (length(word) >= %(least)s AND strpos(%(squeezed)s, word) > 0))
    ORDER BY (length(word) >= %(least)s AND strpos(%(squeezed)s, word) > 0) IS TRUE DESC,
        abs(due - %(amount)s), id DESC LIMIT %(candidates)s
)
SELECT session.id, session.status, session.mode, session.currency, session.amount,
    session.amount_received, session.reference, session.description, session.created_at,
    session.expires_at, session.customer_id, customer.name AS customer_name,
    customer.email AS customer_email, near.code AS near_code, newest.code, newest.shown_at
FROM checkout_session AS session
LEFT JOIN near ON near.session_id = session.id
LEFT JOIN customer ON customer.id = session.customer_id
LEFT JOIN LATERAL (SELECT code, created_at AS shown_at FROM attempt
    WHERE attempt.session_id = session.id ORDER BY number DESC LIMIT 1) AS newest ON true
WHERE session.id IN (SELECT session_id FROM near UNION SELECT id FROM fitting
        UNION SELECT %(named)s::text)
    AND session.store_id = %(store_id)s AND session.livemode = %(livemode)s
    AND session.status <> 'completed'
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a session may be meant: the name of a sentence and what stands in it."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A session that held money may belong to."""

    session: Any
    due: int
    """What it waits for, in minor units of its currency."""
    points: int
    reasons: tuple[Reason, ...]
    refusal: str = ""
    """The code of the problem that assigning would meet; empty where it can be done."""


def suggest_sessions(transfer: Any, scope: Scope) -> list[Suggestion]:
    """The likeliest sessions for a transfer's held money, best first; at most five.

    Only sessions of this store and mode that are not paid. Money that names a session which
    can simply accept it is no riddle, so that session is not among them.
    """
    if transfer.amount is None or not transfer.held:
        return []
    prefixes = [scope.settings.code_prefix, *scope.settings.past_code_prefixes]
    near = near_codes(transfer.memo, list(dict.fromkeys(prefixes)))
    found = [
        _weigh(session, transfer, near, scope)
        for session in _find(transfer, list(near), scope)
        if not _is_own(session, transfer)
    ]
    likely = [one for one in found if one.points >= LEAST_POINTS and _says_more_than_time(one)]
    likely.sort(key=lambda one: (not one.refusal, one.points, one.session.id), reverse=True)
    return likely[:SHOWN]


def _find(transfer: Any, codes: Sequence[str], scope: Scope) -> list[Any]:
    amount = transfer.held
    return run(
        _FIND,
        store_id=scope.store_id,
        livemode=scope.livemode,
        codes=list(codes),
        # Ids begin with their time, so a transfer's stands among the sessions' own.
        here="cs_" + transfer.id.removeprefix("trf_"),
        before=BEFORE,
        after=AFTER,
        currency=transfer.currency,
        amount=amount,
        low=amount - amount * NEAR_PERCENT // 100,
        high=amount + amount * NEAR_PERCENT // 100,
        slips=sorted(amount_slips(amount)),
        least=LEAST_REFERENCE,
        squeezed=_squeeze(transfer.memo),
        candidates=CANDIDATES,
        named=transfer.session_id,
    )


def amount_slips(amount: int) -> set[int]:
    """Amounts that one slip of the finger makes of this one: a digit, a swap, a zero."""
    digits = str(amount)
    found = {digits + "0", digits + "000"}
    if digits.endswith("0"):
        found.add(digits[:-1])
    if digits.endswith("000"):
        found.add(digits[:-3])
    for place, digit in enumerate(digits):
        found |= {digits[:place] + other + digits[place + 1 :] for other in "0123456789"}
        if place and digits[place - 1] != digit:
            found.add(digits[: place - 1] + digit + digits[place - 1] + digits[place + 1 :])
    return {int(text) for text in found if text and int(text) > 0} - {amount}


def _is_own(session: Any, transfer: Any) -> bool:
    """Whether the money is this session's part already, or `accept` would give it to it."""
    named = session.id == transfer.session_id
    return session.id == transfer.part_of or (named and transfer.disposition in ("late", "partial"))


def _weigh(session: Any, transfer: Any, near: dict[str, Near], scope: Scope) -> Suggestion:
    weighed = [
        *_by_code(session, transfer, near),
        *_by_amount(session, transfer),
        *_by_words(session, transfer),
        *_by_time(session, transfer),
    ]
    return Suggestion(
        session=session,
        due=amount_due(session),
        points=sum(points for points, _ in weighed),
        reasons=tuple(reason for _, reason in weighed),
        refusal=_refusal(session, transfer, scope),
    )


def _by_code(session: Any, transfer: Any, near: dict[str, Near]) -> Iterator[tuple[int, Reason]]:
    found = near.get(session.near_code or "")
    if found is not None:
        values = {"code": found.code, "read": found.read}
        yield CODE_POINTS[found.slip], Reason(f"code_{found.slip}", values)
    elif session.id == transfer.session_id:
        yield CODE_POINTS["none"], Reason("named")


def _by_amount(session: Any, transfer: Any) -> Iterator[tuple[int, Reason]]:
    if session.currency != transfer.currency:
        return
    due, held = amount_due(session), transfer.held
    if due == held:
        yield 40, Reason("amount_exact")
    elif abs(due - held) * 100 <= held * NEAR_PERCENT:
        kind = "amount_little_more" if held > due else "amount_little_less"
        yield 20, Reason(kind, {"difference": abs(due - held)})
    elif due in amount_slips(held):
        yield 20, Reason("amount_slip")


def _by_words(session: Any, transfer: Any) -> Iterator[tuple[int, Reason]]:
    squeezed = _squeeze(transfer.memo)
    word = _squeeze(session.reference or "")
    if len(word) >= LEAST_REFERENCE and word in squeezed:
        yield 50, Reason("reference", {"reference": session.reference})
    payer = _squeeze(str((transfer.payer or {}).get("name") or ""))
    name = _squeeze(session.customer_name or "")
    if len(name) >= LEAST_REFERENCE and (name == payer or name in squeezed):
        yield 25, Reason("payer", {"name": session.customer_name})


def _by_time(session: Any, transfer: Any) -> Iterator[tuple[int, Reason]]:
    shown_at = session.shown_at or session.created_at
    waited = transfer.occurred_at - shown_at
    if waited < timedelta(minutes=-1):
        return
    minutes = max(0, int(waited.total_seconds() // 60))
    if minutes < 1:
        yield 20, Reason("just")
    elif minutes < 60:
        yield 20 if minutes < 15 else 15, Reason("minutes", {"count": minutes})
    elif minutes < 24 * 60:
        yield 10, Reason("hours", {"count": minutes // 60})
    elif minutes < 7 * 24 * 60:
        yield 5, Reason("days", {"count": minutes // (24 * 60)})


def _refusal(session: Any, transfer: Any, scope: Scope) -> str:
    try:
        decide_assign(transfer, session, scope.settings.late_grace_minutes)
    except Problem as problem:
        return problem.code
    return ""


def _says_more_than_time(one: Suggestion) -> bool:
    return any(reason.kind not in OF_TIME for reason in one.reasons)


def _squeeze(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", fold(text))
