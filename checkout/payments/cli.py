"""`flask rails …`: ask the providers what we may have missed."""

from __future__ import annotations

from datetime import timedelta

import click

from checkout.core import clock
from checkout.core.cli import Commands
from checkout.core.db import run
from checkout.merchants.stores import find_store
from checkout.payments.ask import backfill_account, can_ask
from checkout.rails.base import RailError

group = Commands("rails", help="Ask the providers about money.")


@group.command("backfill")
@click.option("--hours", default=48, show_default=True, type=click.IntRange(1, 24 * 90))
@click.option("--store", default=None, help="Only the accounts of this store, by id or slug.")
def backfill_command(hours: int, store: str | None) -> None:
    """List every account's movements of the last hours and book what is missing."""
    now = clock.now()
    accounts = run(
        "SELECT id, rail FROM rail_account"
        " WHERE %(store_id)s::text IS NULL OR store_id = %(store_id)s ORDER BY id",
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
            found = backfill_account(account.id, since=now - timedelta(hours=hours), until=now)
        except RailError as error:
            silent += 1
            click.echo(f"cannot be asked: {error.message}")
            continue
        click.echo(f"{found} new")
        total += found
    click.echo(f"{total} new movements from {len(accounts) - silent - unasked} accounts.")
    if silent:
        raise click.ClickException(f"{silent} accounts could not be asked; run this again later.")
