"""Judge stored notices: lease them, settle them, note what became of each.

The process that received notices judges them at once (intake.py), many in one transaction.
What crashes or is left over is found by the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from checkout.core.db import one, run, unit_of_work
from checkout.core.inbox import lease_incoming, mark_failed, mark_judged
from checkout.core.jobs import ring_now
from checkout.core.logs import log
from checkout.payments.action_done import note_action_done
from checkout.payments.arrival import Arrival
from checkout.payments.fail import fail_attempt
from checkout.payments.match import find_attempts
from checkout.payments.notices import read_notice
from checkout.payments.proof import account_fits
from checkout.payments.settle import settle

BATCH = 50
NO_MONEY = ("failed", "pending")
"""Outcomes that say something about an attempt and move nothing."""
SWEEPER = "judge_inbox"
HEAD_START_SECONDS = 1.0
"""For so long the process that stored a notice may judge it before a sweep takes it up."""


def judge_now(inbox_ids: Sequence[str]) -> dict[str, str]:
    """Judge just-stored notices; inbox id → disposition, without those that must wait.

    Never raises: the notices are stored, and the sweep finds them.
    """
    if not inbox_ids:
        return {}
    try:
        return judge_batch(inbox_ids)
    except Exception:  # noqa: BLE001 - whatever it was, the notices are stored and wait
        log("judge_failed", logging.ERROR, exc_info=True, count=len(inbox_ids))
        ring_now(SWEEPER)
        return {}


def judge_batch(
    inbox_ids: Sequence[str] | None = None, *, due_seconds: float = 0.0
) -> dict[str, str]:
    """Judge waiting notices in one transaction; a poisoned one is set apart from the others.

    Without ids: those that have been due for at least so many seconds.
    """
    try:
        with unit_of_work():
            rows = lease_incoming(inbox_ids, limit=BATCH, due_seconds=due_seconds)
            apart = [row.id for row in rows if row.notice["outcome"] in NO_MONEY]
            results = _judge([row for row in rows if row.notice["outcome"] not in NO_MONEY])
        # What moves no money locks its own session: in a transaction of its own it waits for nobody
        # while holding what a settled batch holds.
        return results | _judge_apart(apart)
    except Exception:
        if inbox_ids is not None and len(inbox_ids) == 1:
            raise
        with unit_of_work():
            rows = lease_incoming(inbox_ids, limit=BATCH, due_seconds=due_seconds)
            apart = [row.id for row in rows]
        log("judge_batch_failed", logging.ERROR, exc_info=True, count=len(apart))
    return _judge_apart(apart)


def _judge_apart(inbox_ids: Sequence[str]) -> dict[str, str]:
    """One transaction each, so that what cannot be judged stops nobody else's money."""
    results: dict[str, str] = {}
    for inbox_id in inbox_ids:
        try:
            with unit_of_work():
                judged = _judge(lease_incoming([inbox_id], limit=1))
            results |= judged
        except Exception as error:  # noqa: BLE001 - any crash is noted and tried again
            log("judge_notice_failed", logging.ERROR, exc_info=True, inbox=inbox_id)
            with unit_of_work():
                mark_failed(inbox_id, f"{type(error).__name__}: {error}")
    return results


def _judge(rows: Sequence[Any]) -> dict[str, str]:
    results: dict[str, str] = {}
    by_store = sorted(rows, key=lambda row: (row.store_id, row.livemode))
    for (store_id, livemode), group in groupby(
        by_store, key=lambda row: (row.store_id, row.livemode)
    ):
        offset = timedelta(0) if livemode else _test_offset(store_id)
        arrivals = [_arrival(row, offset) for row in group]
        money = [a for a in arrivals if a.notice.outcome in ("succeeded", "unreadable")]
        settled = settle(money) if money else {}
        others = {
            arrival.inbox_id: _judge_without_money(arrival)
            for arrival in arrivals
            if arrival.inbox_id not in settled
        }
        mark_judged(others)
        results |= settled | others
    return results


def _arrival(row: Any, offset: timedelta) -> Arrival:
    received_at: datetime = row.received_at + offset
    return Arrival(
        inbox_id=row.id,
        store_id=row.store_id,
        livemode=row.livemode,
        rail=row.rail,
        rail_account_id=row.rail_account_id,
        notice=read_notice(row),
        received_at=received_at,
    )


def _test_offset(store_id: str) -> timedelta:
    row = one("SELECT clock_offset_seconds AS seconds FROM store WHERE id = %(id)s", id=store_id)
    return timedelta(seconds=row.seconds if row is not None else 0)


def _judge_without_money(arrival: Arrival) -> str:
    """The provider says that an attempt failed, or that the shopper has done their part.

    Only what names exactly one attempt is believed.
    """
    if arrival.notice.outcome not in NO_MONEY:
        return "ignored"
    told = [(arrival.rail, arrival.notice)]
    known = find_attempts(arrival.store_id, arrival.livemode, told)
    attempts = {
        attempt.id: attempt
        for attempt in known.values()
        # Providers go on calling the address that they were given first.
        if account_fits(arrival, attempt)
    }
    if not known:
        return "unknown_attempt"
    if len(attempts) != 1:
        return "ignored"
    attempt_id, details = next(iter(attempts)), arrival.notice.details
    if arrival.notice.outcome == "pending":
        note_action_done(attempt_id, actor=f"rail:{arrival.rail}")
        return "ignored"
    failed = fail_attempt(
        attempt_id,
        code=str(details.get("failure_code") or "declined"),
        message=str(details.get("failure_message") or "The provider declined the payment."),
        actor=f"rail:{arrival.rail}",
        counts=True,
    )
    return "failed" if failed else "ignored"


def pending_count() -> int:
    """How many notices wait to be judged."""
    return int(run("SELECT count(*) AS count FROM inbox WHERE judged_at IS NULL")[0].count)
