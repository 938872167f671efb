"""Prompts that run out inside their attempt are opened again; the old reference stays watched."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from checkout.core.db import one, run, unit_of_work
from checkout.core.jobs import ring
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.links import SWEEPER as LINKS
from checkout.payments.prompts import prompt_end, put_prompt
from checkout.rails.base import RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import folders, get_rail
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import Locked, lock_session
from checkout.sessions.states import LIVE as LIVE_SESSION

BATCH = 50
AHEAD = timedelta(seconds=20)
"""Renewed so long before its end: nobody should scan a code that lapses in their hands."""
LEAST = timedelta(seconds=30)
"""With less than this left of its attempt a prompt is not worth renewing."""
LIVE = ("pending", "requires_action")


def renew_due() -> int:
    """Renew the prompts that are about to run out; returns how many."""
    rails = [name for name in folders() if get_rail(name).renews]
    with unit_of_work():
        due = run(
            "SELECT attempt.id FROM attempt JOIN store ON store.id = attempt.store_id"
            " WHERE attempt.rail = ANY(%(rails)s)"
            " AND attempt.status IN ('pending', 'requires_action')"
            " AND (attempt.prompt->>'expires_at')::timestamptz < least(attempt.expires_at,"
            " clock_timestamp() + CASE WHEN attempt.livemode THEN interval '0' ELSE"
            " make_interval(secs => store.clock_offset_seconds) END + %(ahead)s)"
            " ORDER BY attempt.expires_at LIMIT %(limit)s",
            rails=rails,
            ahead=AHEAD,
            limit=BATCH,
        )
    return sum(renew_prompt(row.id) for row in due)


def renew_prompt(attempt_id: str) -> bool:
    """Open an attempt's prompt again if it is about to run out; whether it was renewed.

    Rails that renew build their prompts without asking anybody, so the row stays locked.
    """
    with unit_of_work():
        found = one("SELECT session_id FROM attempt WHERE id = %(id)s", id=attempt_id)
        if found is None:
            return False
        locked = lock_session(found.session_id)
        # Read again under the lock: somebody may have renewed or ended it.
        attempt = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt_id)
        if attempt is None or not needs_renewal(attempt, locked):
            return False
        rail, (_, account) = get_rail(attempt.rail), load_account(attempt.rail_account_id)
        try:
            prompt = rail.open(
                attempt_facts(attempt, locked.session), account, bounded_client(), locked.now
            )
        except RailError as error:
            log("rail_cannot_open", logging.ERROR, rail_account=account.id, code=error.code)
            return False
        put_prompt(locked, attempt, prompt)
        move_sessions(
            [
                plan_move(
                    locked.session,
                    "prompt_changed",
                    actor="system",
                    at=locked.now,
                    reason="renewed",
                )
            ]
        )
        if get_rail(attempt.rail).finds_links:
            ring(LINKS)
    return True


def needs_renewal(attempt: Any, locked: Locked) -> bool:
    """Whether a live attempt's prompt is about to run out, long enough before its attempt."""
    own_end = prompt_end(attempt)
    return (
        get_rail(attempt.rail).renews
        and attempt.status in LIVE
        and locked.session.status in LIVE_SESSION
        and own_end is not None
        and own_end <= locked.now + AHEAD
        and locked.now + LEAST <= min(attempt.expires_at, locked.session.expires_at)
    )
