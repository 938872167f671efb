"""`flask store …` and `flask rail …`."""

from __future__ import annotations

import json
from typing import Any

import click
from flask import Flask

from checkout.core.cli import Commands, Mode, read_pairs
from checkout.core.db import run, unit_of_work
from checkout.core.errors import invalid
from checkout.merchants.probe import probe_rail
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.settings import StoreSettings
from checkout.merchants.stores import change_store, create_store, find_store

ACTOR = "command"
WORDS = {"true": True, "yes": True, "false": False, "no": False}
"""How a switch is written."""

stores = Commands("store", help="Stores and their settings.")
rails = Commands("rail", help="Ways to pay and their accounts.")


def register(app: Flask) -> None:
    app.cli.add_command(stores)
    app.cli.add_command(rails)


@stores.command("create")
@click.argument("name")
@click.option("--slug", required=True, help="Its short name in addresses, such as my-shop.")
@click.argument("settings", nargs=-1)
def create(name: str, slug: str, settings: tuple[str, ...]) -> None:
    """Make a store; settings are key=value."""
    with unit_of_work():
        store = create_store(name, slug, read_changes(settings), actor=ACTOR)
    click.echo(store.id)


@stores.command("set")
@click.argument("store")
@click.argument("settings", nargs=-1, required=True)
def change(store: str, settings: tuple[str, ...]) -> None:
    """Change settings: key=value, lists with commas, switches as yes or no, tables as JSON."""
    with unit_of_work():
        changed = change_store(find_store(store).id, read_changes(settings), actor=ACTOR)
    _print_settings(changed.settings)


@stores.command("show")
@click.argument("store")
def show(store: str) -> None:
    """A store's settings, STORE being its id or slug."""
    found = find_store(store)
    click.echo(f"{found.id} {found.slug} {found.name}")
    _print_settings(found.settings)


@stores.command("list")
def list_stores() -> None:
    """All stores."""
    for row in run("SELECT id, slug, name FROM store ORDER BY id"):
        click.echo(f"{row.id} {row.slug} {row.name}")


@rails.command("configure")
@click.argument("store")
@click.argument("rail")
@click.argument("settings", nargs=-1)
@click.option("--mode", type=Mode, default="test", show_default=True)
@click.option("--enable/--disable", default=None, help="Offer it to shoppers, or no longer.")
def configure(
    store: str, rail: str, settings: tuple[str, ...], mode: str, enable: bool | None
) -> None:
    """Set the fields of a store's account on a RAIL, as key=value."""
    with unit_of_work():
        account_id = configure_rail(
            find_store(store).id,
            mode == "live",
            rail,
            read_pairs(settings),
            enabled=enable,
            actor=ACTOR,
        )
    click.echo(account_id)


@rails.command("test")
@click.argument("store")
@click.argument("rail")
@click.option("--mode", type=Mode, default="test", show_default=True)
def test_account(store: str, rail: str, mode: str) -> None:
    """Make one harmless call with a store's account on a RAIL and say what came back."""
    probe = probe_rail(find_store(store).id, mode == "live", rail)
    if not probe.ok:
        later = " (perhaps only for now)" if probe.temporary else ""
        raise click.ClickException(f"{probe.code}{later}: {probe.message}")
    click.echo(f"{rail} {probe.account_id} {mode}: {probe.message}")


@rails.command("list")
@click.argument("store", required=False)
def list_rails(store: str | None) -> None:
    """The rail accounts of one store or of all; secrets are never shown."""
    rows = run(
        "SELECT account.id, account.rail, account.livemode, account.enabled,"
        " account.superseded_at, store.slug"
        " FROM rail_account AS account JOIN store ON store.id = account.store_id"
        " WHERE %(store_id)s::text IS NULL OR account.store_id = %(store_id)s"
        " ORDER BY account.id",
        store_id=find_store(store).id if store else None,
    )
    for row in rows:
        state = "superseded" if row.superseded_at else "on" if row.enabled else "off"
        click.echo(f"{row.id} {row.slug} {row.rail} {'live' if row.livemode else 'test'} {state}")


def read_changes(words: tuple[str, ...]) -> dict[str, Any]:
    """Settings from `key=value` words, each of the type that its default shows."""
    defaults = StoreSettings().model_dump()
    changes: dict[str, Any] = {}
    for name, value in read_pairs(words).items():
        if name not in defaults:
            raise invalid("unknown_field", "a store has no such setting", name)
        changes[name] = _typed(name, value, defaults[name])
    return changes


def _typed(name: str, value: str, default: Any) -> Any:
    # Before the numbers: to Python a truth value is one of them.
    if isinstance(default, bool):
        if value.lower() not in WORDS:
            raise invalid("invalid_type", "this is true or false, yes or no", name)
        return WORDS[value.lower()]
    if isinstance(default, int):
        if not value.isascii() or not value.isdigit():
            raise invalid("invalid_type", "this is a whole number", name)
        return int(value)
    if isinstance(default, list):
        return [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(default, dict):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise invalid(
                "invalid_type", 'write it as JSON: {"VND": {"min": 1000}}', name
            ) from None
    return value or None


def _print_settings(settings: StoreSettings) -> None:
    for name, value in settings.model_dump().items():
        click.echo(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
