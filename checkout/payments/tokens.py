"""Settings that providers issue anew, such as a token that runs out: fetched and kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from checkout.core import clock
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.logs import log
from checkout.merchants.rail_accounts import load_account, load_successor, refresh_settings
from checkout.payments.health import calling
from checkout.rails.base import Account, Rail, RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import folders, get_rail

PAUSE_SECONDS = 600
"""A token that was refused is renewed at most so often, never in a loop."""
FAILED_PAUSE_SECONDS = 86_400
"""A provider that will not renew may write to the merchant each time it is asked."""


def renew_all() -> int:
    """Let each account that is asked renew what runs out; returns how many did."""
    rails = [name for name in folders() if type(get_rail(name)).renew_settings is not _NOTHING]
    with unit_of_work():
        rows = run(
            "SELECT id FROM rail_account AS account WHERE rail = ANY(%(rails)s)"
            " AND (superseded_at IS NULL OR EXISTS (SELECT FROM attempt_reference AS known"
            " WHERE known.rail_account_id = account.id AND known.done_at IS NULL"
            " AND known.next_ask_at IS NOT NULL)) ORDER BY id",
            rails=rails,
        )
        # What is asked with today's settings needs none of its own.
        wanted = [
            row.id for row in rows if find_today(row.id) is None and not _failed_lately(row.id)
        ]
    return sum(renew_account(account_id) for account_id in wanted)


def find_today(rail_account_id: str) -> str | None:
    """The id of the account that stands today for a replaced one and is the same at the provider.

    A merchant who enters a new token or secret means it for the payments that wait as well.
    """
    row, account = load_account(rail_account_id)
    today = load_successor(row)
    rail = get_rail(row.rail)
    same = today is not None and rail.accounts_of(today) == rail.accounts_of(account)
    return today.id if today is not None and same else None


def renew_account(rail_account_id: str) -> bool:
    """Fetch and keep what the provider has issued anew; whether there was anything.

    Never raises for a provider that cannot or will not: that is logged for the operator.
    """
    account_row, account = load_account(rail_account_id)
    rail = get_rail(account_row.rail)
    if not rail.can_ask(account):
        return False
    with unit_of_work():
        pass  # Nothing is held open while a provider is asked.
    try:
        with calling(account.id):
            changed = rail.renew_settings(account, bounded_client(), clock.utc_now())
    except RailError as error:
        log("rail_renewal_failed", logging.ERROR, rail_account=account.id, code=error.code)
        if not error.temporary:
            _note_failed(account.id)
        return False
    if not changed:
        return False
    with unit_of_work():
        for id_ in (account.id, *_sharers(account_row, account, changed)):
            refresh_settings(id_, changed, actor=f"rail:{rail.name}")
    log("rail_settings_renewed", rail_account=account.id, names=sorted(changed))
    return True


def _sharers(row: Any, account: Account, changed: Mapping[str, Any]) -> list[str]:
    """The store's other accounts that had the very values which are replaced now.

    A replaced account and the one after it live on one token: if each fetched its own, the
    provider might take the other's for outdated.
    """
    others = run(
        "SELECT id FROM rail_account WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND rail = %(rail)s AND id <> %(id)s ORDER BY id",
        store_id=row.store_id,
        livemode=row.livemode,
        rail=row.rail,
        id=row.id,
    )
    before = {name: account.settings.get(name) for name in changed}
    return [
        other.id
        for other in others
        if {name: load_account(other.id)[1].settings.get(name) for name in changed} == before
    ]


def renew_refused(rail_account_id: str) -> bool:
    """The same after a call whose token was refused; at most once in a while per account."""
    with unit_of_work():
        turn = one(
            "INSERT INTO rail_health AS health (rail_account_id, notes)"
            " VALUES (%(id)s, jsonb_build_object('renewed_at', %(now)s::float))"
            " ON CONFLICT (rail_account_id) DO UPDATE SET notes = health.notes || excluded.notes"
            " WHERE coalesce((health.notes ->> 'renewed_at')::float, 0) < %(now)s - %(pause)s"
            " AND coalesce((health.notes ->> 'renewal_failed_at')::float, 0) < %(now)s - %(failed)s"
            " RETURNING rail_account_id",
            id=rail_account_id,
            now=time.time(),
            pause=PAUSE_SECONDS,
            failed=FAILED_PAUSE_SECONDS,
        )
    return turn is not None and renew_account(rail_account_id)


def _note_failed(rail_account_id: str) -> None:
    with unit_of_work():
        execute(
            "INSERT INTO rail_health AS health (rail_account_id, notes)"
            " VALUES (%(id)s, jsonb_build_object('renewal_failed_at', %(now)s::float))"
            " ON CONFLICT (rail_account_id) DO UPDATE SET notes = health.notes || excluded.notes",
            id=rail_account_id,
            now=time.time(),
        )


def _failed_lately(rail_account_id: str) -> bool:
    """Whether the provider would not renew this account's settings within the last day."""
    found = one(
        "SELECT rail_account_id FROM rail_health WHERE rail_account_id = %(id)s"
        " AND (notes ->> 'renewal_failed_at')::float > %(now)s - %(pause)s",
        id=rail_account_id,
        now=time.time(),
        pause=FAILED_PAUSE_SECONDS,
    )
    return found is not None


_NOTHING = Rail.renew_settings
