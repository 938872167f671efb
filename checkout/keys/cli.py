"""`flask key …`."""

from __future__ import annotations

import sys

import click

from checkout.core.cli import Commands, Mode
from checkout.core.db import one, run, unit_of_work
from checkout.core.errors import missing
from checkout.core.scope import KeyKind
from checkout.keys.create import create_key
from checkout.keys.import_key import import_key
from checkout.keys.revoke import revoke_key
from checkout.merchants.roles import KEY_ACTIONS
from checkout.merchants.stores import find_store

ACTOR = "command"

LONGEST_LINE = 1000

group = Commands("key", help="API keys.")
named = click.option("--name", default="", help="What it is for.")
restricted = click.option(
    "--scope",
    "scopes",
    type=click.Choice(KEY_ACTIONS),
    multiple=True,
    help="The one action that the key can do; give it several times for several.",
)


@group.command("create")
@click.argument("store")
@click.option("--mode", type=Mode, default="test", show_default=True)
@click.option("--kind", type=click.Choice(["secret", "publishable"]), default="secret")
@named
@restricted
def create(store: str, mode: str, kind: KeyKind, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it; it cannot be read again. Without --scope it can do everything."""
    with unit_of_work():
        _, plain = create_key(
            find_store(store).id, mode == "live", kind, name, scopes=scopes or None, actor=ACTOR
        )
    click.echo(plain)


@group.command("import")
@click.argument("store")
@named
@restricted
def import_one(store: str, name: str, scopes: tuple[str, ...]) -> None:
    """Keep a key that was made elsewhere, read from standard input, and print its id.

    Its beginning (sk_live_, sk_test_, pk_live_, pk_test_) says the kind and the mode. The same
    one again changes nothing, so that what sets an installation up can be run once more.
    """
    plain = _read_key()
    with unit_of_work():
        row = import_key(find_store(store).id, plain, name, scopes=scopes or None, actor=ACTOR)
    click.echo(row.id)


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
        "SELECT id, kind, livemode, last4, name, scopes, revoked_at FROM api_key"
        " WHERE store_id = %(store_id)s ORDER BY id",
        store_id=find_store(store).id,
    )
    for row in rows:
        mode = "live" if row.livemode else "test"
        state = "revoked" if row.revoked_at else "active"
        can = "all" if row.scopes is None else ",".join(row.scopes)
        click.echo(f"{row.id} {row.kind} {mode} …{row.last4} {state} {can} {row.name}".rstrip())


def _read_key() -> str:
    """Never an argument: those stand in the shell's history and in `ps`."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Key", hide_input=True)
        return typed.strip()
    return sys.stdin.buffer.readline(LONGEST_LINE).decode(errors="replace").strip()
