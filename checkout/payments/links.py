"""App links that a provider makes for a prompt: asked for once, and never waited for."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from checkout.core.db import jsonb, one, run, unit_of_work
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.health import calling
from checkout.rails.base import Deeplink, RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import folders, get_rail
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import lock_session
from checkout.sessions.states import LIVE

SWEEPER = "find_links"
BATCH = 20
SECONDS = 6.0
"""A link that takes longer is of no use to somebody who is about to pay."""


def find_links_due() -> int:
    """Ask for the links of prompts that have none yet; returns how many were tried."""
    rails = [name for name in folders() if get_rail(name).finds_links]
    with unit_of_work():
        # Marked before it is asked for: once is enough, whatever comes of it.
        due = run(
            "UPDATE attempt SET prompt = prompt || jsonb_build_object('links_asked', true)"
            " WHERE id IN (SELECT id FROM attempt WHERE rail = ANY(%(rails)s)"
            " AND status IN ('pending', 'requires_action') AND prompt->>'qr_payload' IS NOT NULL"
            " AND NOT prompt ? 'links_asked' AND created_at > clock_timestamp() - interval '1 day'"
            " ORDER BY id DESC LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING *",
            rails=rails,
            limit=BATCH,
        )
    for attempt in due:
        _find_links(attempt)
    return len(due)


def _find_links(attempt: Any) -> None:
    with unit_of_work():
        session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
        _, account = load_account(attempt.rail_account_id)
    try:
        with calling(account.id):
            links = get_rail(attempt.rail).find_links(
                attempt_facts(attempt, session), account, bounded_client(SECONDS)
            )
    except RailError as error:
        log("rail_links_failed", logging.WARNING, rail_account=account.id, code=error.code)
        return
    if links:
        _put_links(attempt, links)


def _put_links(attempt: Any, links: tuple[Deeplink, ...]) -> None:
    with unit_of_work():
        locked = lock_session(attempt.session_id)
        # Only onto the prompt that they are for: it may have been renewed meanwhile.
        changed = one(
            "UPDATE attempt SET prompt = prompt || jsonb_build_object('deeplinks', %(links)s)"
            " WHERE id = %(id)s AND prompt->>'qr_payload' = %(payload)s"
            " AND status IN ('pending', 'requires_action') RETURNING id",
            id=attempt.id,
            links=jsonb([asdict(link) for link in links]),
            payload=attempt.prompt["qr_payload"],
        )
        if changed is None or locked.session.status not in LIVE:
            return
        move_sessions(
            [
                plan_move(
                    locked.session, "prompt_changed", actor="system", at=locked.now, reason="links"
                )
            ]
        )
