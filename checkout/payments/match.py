"""Find the attempt that a notice names. Reading is tolerant; between two it never guesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from checkout.core.db import run
from checkout.payments.codes import with_hyphen
from checkout.rails.base import Match, Notice
from checkout.sessions.states import LIVE

Attempts = Mapping[tuple[str, str], Any]
"""(kind, value) of a match → the attempt that it names."""


# What matching and the account's check ask; prompts stay where they are.
_NAMED = """
SELECT id, session_id, number, rail, rail_account_id, code, provider_reference FROM attempt
WHERE store_id = %(store_id)s AND livemode = %(livemode)s
    AND (code = ANY(%(codes)s) OR provider_reference = ANY(%(references)s))
"""


def find_attempts(
    store_id: str, livemode: bool, notices: Iterable[Notice]
) -> dict[tuple[str, str], Any]:
    """Look up every attempt of a store and mode that any of the notices may name."""
    matches = [match for notice in notices for match in notice.matches]
    codes = {with_hyphen(match.value): match.value for match in matches if match.kind == "code"}
    references = [match.value for match in matches if match.kind == "reference"]
    rows = run(
        _NAMED,
        store_id=store_id,
        livemode=livemode,
        codes=[code for code in codes if code],
        references=references,
    )
    found = {("code", codes[row.code]): row for row in rows if row.code in codes}
    found |= {("reference", row.provider_reference): row for row in rows if row.provider_reference}
    return found


def choose_attempt(notice: Notice, known: Attempts, sessions: Mapping[str, Any]) -> Any | None:
    """The one attempt that the notice names, or None.

    Tiers are asked in order and the first that knows an attempt decides. Where it knows
    several, the one session that waits for this very amount is taken, else none: a person
    decides. A weak reading needs an open attempt of exactly this amount even when it stands
    alone.
    """
    for _, tier in groupby(sorted(notice.matches, key=lambda match: match.tier), _tier_of):
        named = _named_by(list(tier), notice, known, sessions)
        if len(named) > 1:
            fitting = [attempt for attempt in named.values() if _fits(attempt, notice, sessions)]
            # Two codes of one session, such as the one before a retry beside it, are no riddle.
            if len({attempt.session_id for attempt in fitting}) != 1:
                return None
            return max(fitting, key=lambda attempt: attempt.number)
        if named:
            return next(iter(named.values()))
    return None


def _tier_of(match: Match) -> int:
    return match.tier


def _named_by(
    tier: Sequence[Match], notice: Notice, known: Attempts, sessions: Mapping[str, Any]
) -> dict[str, Any]:
    named = {}
    for match in tier:
        attempt = known.get((match.kind, match.value))
        if attempt is None or (match.exact_only and not _fits(attempt, notice, sessions)):
            continue
        named[attempt.id] = attempt
    return named


def _fits(attempt: Any, notice: Notice, sessions: Mapping[str, Any]) -> bool:
    """Whether the attempt's session still waits for exactly this amount."""
    session = sessions[attempt.session_id]
    return (
        session.status in LIVE
        and session.currency == notice.currency
        and session.amount - session.amount_received == notice.amount
    )
