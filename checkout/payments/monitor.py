"""The monitor: every reference that may still bring money is asked about, in time.

Each worker looks about once a second at what is due. A call takes as many references as the
provider allows: half of them those that somebody looks at or that are fresh, half those that
have waited longest, so that neither a crowd nor a long silence makes anybody wait for ever.
References are leased, so that no two workers ask about the same one; a call that brings no
answer gives them back as they were, and the account is left alone for ever longer.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterable
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from flask import Flask, current_app

from checkout.core.crew import Crew
from checkout.core.db import execute, plan_anew, run, unit_of_work
from checkout.core.jobs import wake_here
from checkout.core.logs import log
from checkout.core.presence import on_screen
from checkout.merchants.rail_accounts import load_account
from checkout.payments.ask import ask_about
from checkout.payments.lease import DUE, give_back, lease_references
from checkout.payments.pace import pause_asking, reserve_call
from checkout.payments.watch import SWEEPER
from checkout.rails.base import RailError
from checkout.rails.registry import get_rail, names

THREADS = 16
PER_ACCOUNT = 4
AHEAD_SECONDS = 1.0
"""So far ahead calls are reserved: the next look comes within that time."""
WINDOW = 1_000
UNASKABLE_SECONDS = 60


def ask_due() -> int:
    """Begin the calls that are due and allowed; returns how many.

    It does not wait for their answers: they run on threads of their own.
    """
    crew = _crew()
    begun = 0
    _leave_settled()
    for row in _due_accounts():
        rail, account_id = get_rail(row.rail), row.rail_account_id
        if not _can_ask(account_id):
            continue
        for _ in range(_calls(row, rail.ask_at_once, crew)):
            wait_seconds = reserve_call(
                account_id, rail.asks_per_minute, ahead_seconds=AHEAD_SECONDS
            )
            if wait_seconds is None:
                break
            crew.start(account_id, partial(ask_some, account_id, wait_seconds))
            begun += 1
    return begun


def finish_asking(seconds: float) -> int:
    """Wait so long for the calls that run; the lease of a longer one lapses."""
    _crew().wait(seconds)
    return 0


def ask_some(rail_account_id: str, wait_seconds: float = 0.0) -> int:
    """Ask one question about what is due at an account; returns how many movements were new."""
    time.sleep(wait_seconds)
    rail = get_rail(load_account(rail_account_id)[0].rail)
    wanted = _in_order(_candidates(rail_account_id))
    with unit_of_work():
        rows = lease_references(wanted, most=rail.ask_at_once, condition=DUE)
    if not rows:
        return 0
    try:
        return ask_about(rail_account_id, rows).found
    except RailError as error:
        log("rail_check_failed", logging.WARNING, rail_account=rail_account_id, code=error.code)
        # Our own mistake may be one reference's alone: the others have their turn first.
        give_back(rows, wait_seconds=0.0 if error.temporary else rail.ask_seconds[-1])
        pause_asking(rail_account_id, error)
        return 0


def _due_accounts() -> list[Any]:
    with unit_of_work():
        plan_anew()
        return run(
            "SELECT known.rail, known.rail_account_id, count(*) AS waiting,"  # noqa: S608 - constants
            " coalesce(max(health.failures), 0) AS failures"
            " FROM attempt_reference AS known LEFT JOIN rail_health AS health"
            " ON health.rail_account_id = known.rail_account_id"
            f" WHERE {DUE} AND known.rail = ANY(%(rails)s)"
            " AND coalesce(health.next_call_at <= clock_timestamp()"
            " + %(ahead)s * interval '1 second', true)"
            " AND coalesce(health.resting_until <= clock_timestamp(), true)"
            " GROUP BY known.rail, known.rail_account_id ORDER BY random()",
            rails=list(names()),
            ahead=AHEAD_SECONDS,
        )


def _leave_settled() -> None:
    """A notice that came by itself settles its attempt's reference, where there is but one."""
    single = [name for name in names() if not get_rail(name).renews]
    with unit_of_work():
        plan_anew()
        execute(
            "UPDATE attempt_reference SET done_at = clock_timestamp() WHERE id IN"  # noqa: S608 - a constant
            " (SELECT known.id FROM attempt_reference AS known"
            " JOIN attempt ON attempt.id = known.attempt_id"
            f" WHERE attempt.status = 'succeeded' AND known.rail = ANY(%(rails)s) AND {DUE}"
            " FOR UPDATE OF known SKIP LOCKED)",
            rails=single,
        )


def _calls(row: Any, size: int, crew: Crew) -> int:
    """How many calls may begin now; one at a time while the provider does not answer."""
    room = crew.room(row.rail_account_id)
    if row.failures:
        room = int(room == PER_ACCOUNT)
    waiting: int = row.waiting
    return min(room, math.ceil(waiting / size))


def _can_ask(rail_account_id: str) -> bool:
    """Whether the account has what asking needs; else it is looked at again in a minute."""
    account_row, account = load_account(rail_account_id)
    if get_rail(account_row.rail).can_ask(account):
        return True
    with unit_of_work():
        execute(
            "INSERT INTO rail_health (rail_account_id, next_call_at)"
            " VALUES (%(id)s, clock_timestamp() + make_interval(secs => %(wait)s))"
            " ON CONFLICT (rail_account_id) DO UPDATE SET next_call_at = excluded.next_call_at",
            id=rail_account_id,
            wait=UNASKABLE_SECONDS,
        )
    return False


def _candidates(rail_account_id: str) -> list[Any]:
    """What is due: those that have waited longest, and those asked about least, newest first."""
    columns = "known.id, known.asks, known.next_ask_at, attempt.session_id"
    source = (
        f"SELECT {columns} FROM attempt_reference AS known"  # noqa: S608 - constants
        " JOIN attempt ON attempt.id = known.attempt_id"
        f" WHERE known.rail_account_id = %(id)s AND {DUE} ORDER BY"
    )
    with unit_of_work():
        plan_anew()
        return run(
            f"({source} known.next_ask_at LIMIT %(window)s) UNION"
            f" ({source} known.asks, known.id DESC LIMIT %(window)s)",
            id=rail_account_id,
            window=WINDOW,
        )


def _in_order(candidates: list[Any]) -> list[int]:
    """The ids as they are to be asked about: in turns who looks or is fresh, and who waits."""
    seen = on_screen({row.session_id for row in candidates})
    wanted = sorted(candidates, key=lambda row: (row.session_id not in seen, row.asks, -row.id))
    patient = sorted(candidates, key=lambda row: row.next_ask_at)
    turns = [wanted, patient]
    random.shuffle(turns)
    return list(dict.fromkeys(row.id for row in _alternate(*turns)))


def _alternate(first: Iterable[Any], second: Iterable[Any]) -> Iterable[Any]:
    return (row for row in chain.from_iterable(zip_longest(first, second)) if row is not None)


def _crew() -> Crew:
    """This process's threads for questions, made when they are first needed."""
    crew: Crew | None = current_app.extensions.get("checkout_askers")
    if crew is None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the application behind the proxy, to be kept
        crew = Crew(app, threads=THREADS, per_key=PER_ACCOUNT, bell=partial(wake_here, SWEEPER))
        current_app.extensions["checkout_askers"] = crew
    return crew
