"""What we may have missed while nothing of ours ran, or while a notice was lost.

Rails that list are read again from where they were read last, with a margin, because banks
write some movements down later. Rails that only answer questions need no such reading: their
references wait in rows, and the monitor asks about each once more after its time is over,
however long we were away. By hand every reference of a time is asked about again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from flask import Flask, current_app

from checkout.core import clock
from checkout.core.crew import Crew
from checkout.core.db import execute, run, unit_of_work
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account
from checkout.payments.ask import ask_about, release, take_notices
from checkout.payments.health import calling
from checkout.payments.judge import BATCH
from checkout.payments.lease import give_back, lease_references
from checkout.payments.pace import pause_asking, reserve_call
from checkout.rails.base import RailError
from checkout.rails.client import rail_client
from checkout.rails.registry import folders, get_rail

THREADS = 8
EVERY_SECONDS = 300
AGAIN_SECONDS = 60
"""After a provider that did not answer, and while somebody else is at it."""
MARGIN = timedelta(hours=1)
FIRST = timedelta(hours=48)
KEPT = timedelta(days=31)
"""A replaced account's codes may be paid as long as the longest grace of a store."""
LONGEST_WAIT_SECONDS = 600

Progress = Callable[[int, int], None]
"""Told how many of how many references have been asked about."""


def can_ask(rail_account_id: str) -> bool:
    """Whether an account has what asking its provider needs, such as a token."""
    account_row, account = load_account(rail_account_id)
    return get_rail(account_row.rail).can_ask(account)


def ask_live_attempts() -> int:
    """List every account on which somebody may be paying now; returns how many were new."""
    with unit_of_work():
        rows = run(
            "SELECT rail_account_id AS id,"
            " greatest(min(created_at), clock_timestamp() - %(margin)s) AS since FROM attempt"
            " WHERE status IN ('pending', 'requires_action') AND rail = ANY(%(rails)s)"
            # The monitor asks about those that have references.
            " AND NOT EXISTS (SELECT FROM attempt_reference WHERE attempt_id = attempt.id)"
            " GROUP BY rail_account_id ORDER BY random()",
            rails=_listing_rails(),
            margin=MARGIN,
        )
        now = clock.now()
    return _list_all((row.id, row.since, now) for row in rows)


def backfill_all(*, hours: int) -> int:
    """List every account's movements of the last hours; returns how many were new."""
    with unit_of_work():
        now = clock.now()
        # Also those that are offered no more: their codes are still on shoppers' screens.
        rows = run(
            "SELECT id FROM rail_account WHERE rail = ANY(%(rails)s) ORDER BY id",
            rails=_listing_rails(),
        )
    return _list_all((row.id, now - timedelta(hours=hours), now) for row in rows)


def backfill_due() -> int:
    """List each account from where it was listed last, one worker at a time; how many were."""
    with unit_of_work():
        # The first to claim an account lists it; should it die, another does soon after.
        rows = run(
            "INSERT INTO rail_health AS health (rail_account_id, next_backfill_at)"
            " SELECT account.id, clock_timestamp() + make_interval(secs => %(every)s)"
            " FROM rail_account AS account"
            " LEFT JOIN rail_health AS known ON known.rail_account_id = account.id"
            " WHERE account.rail = ANY(%(rails)s)"
            " AND coalesce(known.next_backfill_at <= clock_timestamp(), true)"
            " AND coalesce(account.superseded_at > clock_timestamp() - %(kept)s, true)"
            " ORDER BY account.id"
            " ON CONFLICT (rail_account_id) DO UPDATE SET next_backfill_at ="
            " excluded.next_backfill_at"
            " WHERE coalesce(health.next_backfill_at <= clock_timestamp(), true)"
            " RETURNING rail_account_id AS id,"
            " coalesce(backfilled_until, clock_timestamp() - %(first)s) AS since,"
            " clock_timestamp() AS now",
            every=EVERY_SECONDS,
            rails=_listing_rails(),
            kept=KEPT,
            first=FIRST - MARGIN,
        )
    _in_turns(partial(_backfill_one, row.id, row.since - MARGIN, row.now) for row in rows)
    return len(rows)


def backfill_account(
    rail_account_id: str,
    *,
    since: datetime,
    until: datetime,
    progress: Progress | None = None,
) -> int:
    """List one account's movements of a time, or ask about all references that lived in it.

    Returns how many movements were new. What was told before an error is kept. Raises
    RailError.
    """
    account_row, account = load_account(rail_account_id)
    rail = get_rail(account_row.rail)
    if not rail.can_ask(account):
        return 0
    # In test mode the pretend provider dates its movements by the store's own clock.
    shift = clock.now(account_row.store_id, account_row.livemode) - clock.now()
    if not rail.lists:
        return _ask_known(rail_account_id, since, until + shift, progress)
    release()
    with calling(account.id):
        notices = rail.backfill(account, since, until + shift, rail_client)
        return sum(take_notices(account_row, some) for some in _chunks(notices, BATCH))


def _listing_rails() -> list[str]:
    return [name for name in folders() if get_rail(name).lists]


def _list_all(ranges: Iterable[tuple[str, datetime, datetime]]) -> int:
    found: list[int] = []
    _in_turns(partial(_list_one, *each, found) for each in ranges)
    return sum(found)


def _list_one(account_id: str, since: datetime, until: datetime, found: list[int]) -> bool:
    try:
        found.append(backfill_account(account_id, since=since, until=until))
    except RailError as error:
        log("rail_backfill_failed", logging.WARNING, rail_account=account_id, code=error.code)
        return False
    return True


def _backfill_one(account_id: str, since: datetime, until: datetime) -> None:
    if not can_ask(account_id):
        return
    listed = _list_one(account_id, since, until, [])
    with unit_of_work():
        if listed:
            execute(
                "UPDATE rail_health SET backfilled_until = %(until)s"
                " WHERE rail_account_id = %(id)s AND coalesce(backfilled_until < %(until)s, true)",
                id=account_id,
                until=until,
            )
        else:
            execute(
                "UPDATE rail_health SET next_backfill_at = clock_timestamp()"
                " + make_interval(secs => %(again)s) WHERE rail_account_id = %(id)s",
                id=account_id,
                again=AGAIN_SECONDS,
            )


def _ask_known(account_id: str, since: datetime, until: datetime, progress: Progress | None) -> int:
    rail = get_rail(load_account(account_id)[0].rail)
    known = [
        row.id
        for row in run(
            "SELECT id FROM attempt_reference WHERE rail_account_id = %(id)s"
            " AND done_at IS NULL AND created_at <= %(until)s AND ask_until >= %(since)s"
            " ORDER BY id DESC",
            id=account_id,
            since=since,
            until=until,
        )
    ]
    release()
    found = done = 0
    for some in _chunks(known, rail.ask_at_once):
        _wait_for_turn(account_id, rail.asks_per_minute)
        found += _ask_chunk(account_id, some)
        done += len(some)
        if progress is not None:
            progress(done, len(known))
    return found


def _ask_chunk(account_id: str, known_ids: list[int]) -> int:
    with unit_of_work():
        rows = lease_references(known_ids, most=len(known_ids))
    if not rows:
        return 0
    try:
        return ask_about(account_id, rows).found
    except RailError as error:
        give_back(rows)
        pause_asking(account_id, error)
        raise


def _wait_for_turn(account_id: str, per_minute: int) -> None:
    wait_seconds = reserve_call(account_id, per_minute, ahead_seconds=LONGEST_WAIT_SECONDS)
    time.sleep(LONGEST_WAIT_SECONDS if wait_seconds is None else wait_seconds)


def _in_turns(tasks: Iterable[Callable[[], Any]]) -> None:
    """Run tasks, some beside each other, and wait for all: one silent provider holds up none."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the application behind the proxy, to be kept
    crew = Crew(app, threads=THREADS, per_key=THREADS)
    for task in tasks:
        crew.start_in_turn("backfill", task)
    while not crew.wait(LONGEST_WAIT_SECONDS):
        log("backfill_is_long", logging.WARNING)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
