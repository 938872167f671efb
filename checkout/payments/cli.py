"""`flask rails …`: ask the providers what we may have missed."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from checkout.core import clock
from checkout.core.cli import Commands
from checkout.core.db import run
from checkout.merchants.stores import find_store
from checkout.payments.backfill import backfill_account, can_ask
from checkout.rails.base import RailError
from checkout.rails.registry import folders

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=90)

group = Commands("rails", help="Ask the providers about money.")


class Since(click.ParamType[timedelta | datetime]):
    """How far back: 40m, 36h, 3d, or a moment such as 2026-11-20T08:00Z."""

    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        if isinstance(value, (timedelta, datetime)):
            return value
        if found := re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value):
            return timedelta(**{UNITS[found[2]]: int(found[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("write 40m, 36h, 3d, or a moment such as 2026-11-20T08:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@group.command("backfill")
@click.option("--since", default="48h", show_default=True, type=Since(), help=Since.__doc__)
@click.option("--store", default=None, help="Only the accounts of this store, by id or slug.")
def backfill_command(since: timedelta | datetime, store: str | None) -> None:
    """Ask for all money since then, account by account, and book what is missing."""
    now = clock.now()
    begin = now - since if isinstance(since, timedelta) else since
    if not now - LONGEST <= begin < now:
        raise click.BadParameter(f"at most {LONGEST.days} days back", param_hint="--since")
    accounts = run(
        "SELECT id, rail FROM rail_account WHERE rail = ANY(%(rails)s)"
        " AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s) ORDER BY id",
        rails=list(folders()),
        store_id=find_store(store).id if store else None,
    )
    total = silent = unasked = 0
    for number, account in enumerate(accounts, start=1):
        click.echo(f"[{number}/{len(accounts)}] {account.rail} {account.id} … ", nl=False)
        if not can_ask(account.id):
            unasked += 1
            click.echo("not asked: it has no access to the provider's list")
            continue
        try:
            found = backfill_account(account.id, since=begin, until=now, progress=_tell)
        except RailError as error:
            silent += 1
            click.echo(f"cannot be asked: {error.message}")
            continue
        click.echo(f"{found} new")
        total += found
    click.echo(f"{total} new movements from {len(accounts) - silent - unasked} accounts.")
    if silent:
        raise click.ClickException(f"{silent} accounts could not be asked; run this again later.")


def _tell(done: int, total: int) -> None:
    """How far an account is, on a line of its own where somebody watches."""
    if sys.stdout.isatty():
        click.echo(f"{done} of {total} asked about … ", nl=False)
