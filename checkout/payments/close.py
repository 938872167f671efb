"""Tell a provider that nobody shall pay an attempt any more.

Each reference once, outside of any transaction, and again only where the provider did not
answer. Money that was faster is a notice like any other.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from checkout.core import clock
from checkout.core.db import execute, plan_anew, run, unit_of_work
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account
from checkout.payments.ask import note_told, release, take_notices
from checkout.payments.facts import attempt_facts
from checkout.payments.health import calling
from checkout.payments.lease import FREE, give_back, lease_references
from checkout.rails.base import Notice, RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_rail, names

BATCH = 20
AGAIN_SECONDS = 30.0

_ENDED = f"""
SELECT known.id FROM attempt_reference AS known JOIN attempt ON attempt.id = known.attempt_id
WHERE known.rail = ANY(%(rails)s) AND known.closed_at IS NULL AND {FREE}
    AND known.ask_until > clock_timestamp()
    AND attempt.status IN ('superseded', 'expired', 'cancelled', 'failed')
ORDER BY known.id LIMIT %(limit)s
"""  # noqa: S608 - constants


def close_ended() -> int:
    """Close what has ended unpaid; returns how many references were closed or tried."""
    rails = [name for name in names() if get_rail(name).closes]
    if not rails:
        return 0
    with unit_of_work():
        plan_anew()
        ended = [row.id for row in run(_ENDED, rails=rails, limit=BATCH)]
        rows = lease_references(ended, most=BATCH, condition=f"{FREE} AND known.closed_at IS NULL")
    for row in rows:
        _close(row)
    return len(rows)


def _close(row: Any) -> None:
    account_row, account = load_account(row.rail_account_id)
    facts = replace(attempt_facts(row, row), provider_reference=row.known_reference)
    release()
    notices: list[Notice] = []
    try:
        with calling(account.id):
            notices += get_rail(row.rail).close(facts, account, bounded_client(), clock.utc_now())
    except RailError as error:
        log("rail_close_failed", logging.WARNING, rail_account=account.id, code=error.code)
        if error.temporary:
            give_back([row], wait_seconds=AGAIN_SECONDS)
            return
    take_notices(account_row, notices)
    with unit_of_work():
        note_told([row], notices)
        execute(
            "UPDATE attempt_reference SET closed_at = clock_timestamp(), leased_until = NULL"
            " WHERE id = %(id)s",
            id=row.known_id,
        )
