"""Ask the providers: about attempts that still wait, and about whatever we may have missed.

Each rail's answers become notices and take the same road as its hook's; a movement that came
both ways is recognised by its fingerprint.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

from checkout.core import clock
from checkout.core.db import one, run, unit_of_work
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.judge import BATCH, judge_now
from checkout.payments.notices import store_notices
from checkout.rails.base import Notice, RailError
from checkout.rails.client import bounded_client, rail_client
from checkout.rails.registry import get_rail

CHECK_AT_ONCE = 50


def check_attempt(attempt: Any) -> int:
    """Ask the provider about one attempt now; returns how many new notices came of it.

    Raises RailError when the provider cannot be asked or does not answer.
    """
    account_row, account = load_account(attempt.rail_account_id)
    session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
    rail = get_rail(attempt.rail)
    if not rail.can_ask(account):
        raise RailError(
            "provider_not_configured",
            "This account has no access to the provider's list.",
            temporary=False,
        )
    _release()
    notices = rail.check(
        [attempt_facts(attempt, session)], account, bounded_client(), clock.utc_now()
    )
    return take_notices(account_row, notices)


def can_ask(account_id: str) -> bool:
    """Whether an account has what asking its provider needs, such as a token."""
    account_row, account = load_account(account_id)
    return get_rail(account_row.rail).can_ask(account)


def ask_live_attempts() -> int:
    """Ask about every attempt that waits for money, some at a time for each account."""
    found = 0
    for account_id, attempts in _live_attempts():
        account_row, account = load_account(account_id)
        rail = get_rail(account_row.rail)
        if not rail.can_ask(account):
            continue
        for some in _chunks(attempts, CHECK_AT_ONCE):
            facts = [attempt_facts(attempt, attempt) for attempt in some]
            _release()
            try:
                found += take_notices(
                    account_row, rail.check(facts, account, rail_client, clock.utc_now())
                )
            except RailError as error:
                log("rail_check_failed", logging.WARNING, rail_account=account_id, code=error.code)
                break
    return found


def backfill_all(*, hours: int) -> int:
    """List every account's movements of the last hours; returns how many were new."""
    now = clock.now()
    found = 0
    # Also those that are offered no more: their codes are still on shoppers' screens.
    for row in run("SELECT id FROM rail_account ORDER BY id"):
        try:
            found += backfill_account(row.id, since=now - timedelta(hours=hours), until=now)
        except RailError as error:
            log("rail_backfill_failed", logging.WARNING, rail_account=row.id, code=error.code)
    return found


def backfill_account(account_id: str, *, since: datetime, until: datetime) -> int:
    """List one account's movements in a range of time; returns how many were new.

    What was listed before an error is kept. Raises RailError.
    """
    account_row, account = load_account(account_id)
    rail = get_rail(account_row.rail)
    if not rail.can_ask(account):
        return 0
    _release()
    # In test mode the pretend bank dates its movements by the store's own clock.
    shift = clock.now(account_row.store_id, account_row.livemode) - clock.now()
    _release()
    notices = rail.backfill(account, since, until + shift, rail_client)
    return sum(take_notices(account_row, some) for some in _chunks(notices, BATCH))


def take_notices(account_row: Any, notices: Sequence[Notice]) -> int:
    """Store notices that were asked for and judge them; returns how many were new.

    What the hook had told of already, under another id, is not.
    """
    if not notices:
        return 0
    with unit_of_work():
        stored = store_notices(account_row, notices)
    fresh = [inbox_id for inbox_id, new in stored if new]
    judged = judge_now(fresh)
    return sum(judged.get(inbox_id) != "repeated" for inbox_id in fresh)


def _live_attempts() -> list[tuple[str, list[Any]]]:
    rows = run(
        "SELECT attempt.*, session.description, session.reference, session.locale"
        " FROM attempt JOIN checkout_session AS session ON session.id = attempt.session_id"
        " WHERE attempt.status IN ('pending', 'requires_action')"
        " ORDER BY attempt.rail_account_id, attempt.id"
    )
    return [
        (account_id, list(group))
        for account_id, group in groupby(rows, key=lambda row: row.rail_account_id)
    ]


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some


def _release() -> None:
    """End the reading transaction: nothing is held open while a provider is asked."""
    with unit_of_work():
        pass
