"""`flask key …`."""

from __future__ import annotations

import click

from checkout.core.cli import Commands, Mode
from checkout.core.db import one, run, unit_of_work
from checkout.core.errors import missing
from checkout.core.scope import KeyKind
from checkout.keys.create import create_key
from checkout.keys.revoke import revoke_key
from checkout.merchants.stores import find_store

ACTOR = "command"

group = Commands("key", help="API keys.")


@group.command("create")
@click.argument("store")
@click.option("--mode", type=Mode, default="test", show_default=True)
@click.option("--kind", type=click.Choice(["secret", "publishable"]), default="secret")
@click.option("--name", default="", help="What it is for.")
def create(store: str, mode: str, kind: KeyKind, name: str) -> None:
    """Make a key and print it; it cannot be read again."""
    with unit_of_work():
        _, plain = create_key(find_store(store).id, mode == "live", kind, name, actor=ACTOR)
    click.echo(plain)


@group.command("revoke")
@click.argument("key")
def revoke(key: str) -> None:
    """End the key with that id (key_…) within a second."""
    with unit_of_work():
        row = one("SELECT store_id FROM api_key WHERE id = %(id)s", id=key)
        if row is None:
            raise missing("key", "key")
        revoke_key(row.store_id, key, actor=ACTOR)
    click.echo(f"{key} is revoked")


@group.command("list")
@click.argument("store")
def list_keys(store: str) -> None:
    """A store's keys by their last four characters."""
    rows = run(
        "SELECT id, kind, livemode, last4, name, revoked_at, last_used_at FROM api_key"
        " WHERE store_id = %(store_id)s ORDER BY id",
        store_id=find_store(store).id,
    )
    for row in rows:
        mode = "live" if row.livemode else "test"
        state = "revoked" if row.revoked_at else "active"
        click.echo(f"{row.id} {row.kind} {mode} …{row.last4} {state} {row.name}".rstrip())
