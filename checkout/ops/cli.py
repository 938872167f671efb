"""`flask ops …`: what an operator does from a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from checkout.core.cli import Commands
from checkout.core.config import config
from checkout.core.crypto import SealBroken
from checkout.core.db import unit_of_work
from checkout.ops.checks import CHECKS
from checkout.ops.demo import make_demo
from checkout.ops.rotate import rotate_seals
from checkout.ops.verify import verify

group = Commands("ops", help="Verify the books, make the demo store, rotate encryption keys.")


@group.command("verify")
def verify_command() -> None:
    """Check the rules of money on the live database; ends with 1 when one is broken."""
    broken = 0
    with unit_of_work():
        for result in verify():
            mark = "ok  " if not result.count else "FAIL"
            click.echo(f"{mark}  {result.check.name}: {result.check.rule}")
            broken += result.count
            for row in result.breaches:
                fields = {k: v for k, v in row._asdict().items() if k != "breaches"}
                click.echo("      " + "  ".join(f"{k}={v}" for k, v in fields.items()))
            if result.count > len(result.breaches):
                click.echo(f"      … and {result.count - len(result.breaches)} more")
    click.echo(f"{len(CHECKS)} rules checked, {broken} breaches.")
    sys.exit(1 if broken else 0)


@group.command("demo")
@click.option("--base-url", default=None, help="Where the demo is reached.")
def demo_command(base_url: str | None) -> None:
    """Make (or refresh) the demo store and write demo.json."""
    if config().environment == "production":
        raise click.ClickException("The demo store is not for production.")
    path = make_demo(Path(config().var_dir), base_url or config().public_url)
    click.echo(f"Written: {path}")


@group.command("rotate-keys")
def rotate_command() -> None:
    """Seal everything anew with the first of ENCRYPTION_KEYS; the old one may go afterwards."""
    try:
        for label, changed in rotate_seals():
            click.echo(f"{label}: {changed} sealed anew")
    except SealBroken as error:
        raise click.ClickException(f"{error}. Nothing after it was sealed anew.") from None
