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
"""What a match says, as (`code`, value) or (`reference:<rail>`, value) → the attempt named."""


# What matching and the account's check ask; prompts stay where they are.
_NAMED = """
SELECT id, session_id, number, rail, rail_account_id, code FROM attempt
WHERE store_id = %(store_id)s AND livemode = %(livemode)s
    AND code = ANY(%(codes)s)
"""
_KNOWN_BY = """
SELECT attempt.id, attempt.session_id, attempt.number, attempt.rail, attempt.rail_account_id,
    attempt.code, known.reference
FROM attempt_reference AS known JOIN attempt ON attempt.id = known.attempt_id
WHERE known.store_id = %(store_id)s AND known.livemode = %(livemode)s
    AND known.rail = ANY(%(rails)s) AND known.reference = ANY(%(references)s)
"""


def find_attempts(store_id: str, livemode: bool, told: Iterable[tuple[str, Notice]]) -> Attempts:
    """Look up every attempt of a store and mode that any of the (rail, notice) may name.

    A code names its attempt on every rail that carries codes; a reference only on its own rail.
    """
    named = [(rail, match) for rail, notice in told for match in notice.matches]
    codes = {with_hyphen(match.value): match.value for _, match in named if match.kind == "code"}
    found: dict[tuple[str, str], Any] = {}
    if wanted := [code for code in codes if code]:
        for row in run(_NAMED, store_id=store_id, livemode=livemode, codes=wanted):
            found["code", codes[row.code]] = row
    if references := [(rail, match.value) for rail, match in named if match.kind == "reference"]:
        for row in run(
            _KNOWN_BY,
            store_id=store_id,
            livemode=livemode,
            rails=list({rail for rail, _ in references}),
            references=[reference for _, reference in references],
        ):
            found[f"reference:{row.rail}", row.reference] = row
    return found


def choose_attempt(
    rail: str, notice: Notice, known: Attempts, sessions: Mapping[str, Any]
) -> Any | None:
    """The one attempt that a rail's notice names, or None.

    Tiers are asked in order and the first that knows an attempt decides. Where it knows
    several, the one session that waits for this very amount is taken, else none: a person
    decides. A weak reading needs an open attempt of exactly this amount even when it stands
    alone.
    """
    for _, tier in groupby(sorted(notice.matches, key=lambda match: match.tier), _tier_of):
        named = _named_by(rail, list(tier), notice, known, sessions)
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


def find_named(rail: str, match: Match, known: Attempts) -> Any | None:
    """The attempt that one match of a rail's notice names, if it is known."""
    kind = f"reference:{rail}" if match.kind == "reference" else match.kind
    return known.get((kind, match.value))


def _named_by(
    rail: str,
    tier: Sequence[Match],
    notice: Notice,
    known: Attempts,
    sessions: Mapping[str, Any],
) -> dict[str, Any]:
    named = {}
    for match in tier:
        attempt = find_named(rail, match, known)
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
