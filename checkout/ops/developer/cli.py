"""`checkout listen`, `trigger`, `events resend`, `logs tail`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from checkout.core.ids import is_id
from checkout.ops.developer.client import Api, Trouble, connect
from checkout.ops.developer.cursor import open_cursor
from checkout.ops.developer.listen import Listener
from checkout.ops.developer.log_lines import find_files, parse, read_last
from checkout.ops.developer.resend import resend_here, resend_to_endpoints
from checkout.ops.developer.scenarios import find_scenario, list_scenarios
from checkout.ops.developer.stage import Stage
from checkout.ops.developer.trigger import trigger
from checkout.webhooks.types import is_pattern

LOOK_SECONDS = 0.3
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def group() -> None:
    """Connect a shop: hear its events, make things happen, read the logs."""


def connection(command: Command) -> Command:
    """The options that say which installation and whose key."""
    for option in (
        click.option("--var", "var_dir", envvar="CHECKOUT_VAR", default="var", type=Path),
        click.option("--key", help="A secret key; without it that of the demo shop."),
        click.option("--url", help="Where the product is; without it what bin/run started."),
    ):
        command = option(command)
    return command


def check_patterns(
    _context: click.Context, _option: click.Parameter, patterns: tuple[str, ...]
) -> tuple[str, ...]:
    """Event types and groups, several separated by commas."""
    found = tuple(part.strip() for given in patterns for part in given.split(",") if part.strip())
    for pattern in found:
        if not is_pattern(pattern):
            raise click.BadParameter(f"{pattern} is no event type: write payment.* or *.")
    return found or ("*",)


def check_target(
    _context: click.Context, _option: click.Parameter, target: str | None
) -> str | None:
    """An address that can be posted to."""
    if target is not None and not target.startswith(("http://", "https://")):
        raise click.BadParameter("write the whole address, such as http://127.0.0.1:3000/hook.")
    return target


@group.command("listen")
@click.option("--forward-to", callback=check_target, help="Where your shop takes webhooks.")
@click.option("--events", multiple=True, callback=check_patterns, help="Such as payment.*")
@connection
def listen_command(
    forward_to: str | None,
    events: tuple[str, ...],
    url: str | None,
    key: str | None,
    var_dir: Path,
) -> None:
    """Show each event and send it to your shop, signed as a delivery is."""
    api = connect(url, key, var_dir)
    cursor, known = open_cursor(var_dir / "listen.json", api)
    click.echo(f"Listening at {api.url}, from {'where it stopped' if known else 'now on'}.")
    if forward_to:
        click.echo(f"Signing secret for your shop: {cursor.secret}")
    listener = Listener(api, cursor, forward_to, events)
    end_on_interrupt(listener)
    listener.run()
    click.echo(f"\n{listener.count} events. The next start goes on from here.")


def end_on_interrupt(listener: Listener) -> None:
    """The first Ctrl-C lets the event at hand be told and counted; a second one ends at once."""

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        listener.stop()

    signal.signal(signal.SIGINT, end)


@group.command("trigger")
@click.argument("what", required=False)
@click.option("--amount", default=150_000, show_default=True, type=click.IntRange(2))
@click.option("--currency", default="VND", show_default=True)
@click.option("--rail", help="The way to pay; without it the first that can do it.")
@connection
def trigger_command(
    what: str | None,
    amount: int,
    currency: str,
    rail: str | None,
    url: str | None,
    key: str | None,
    var_dir: Path,
) -> None:
    """Make an event or a case happen by really doing it; without a name, list them."""
    if what is None:
        click.echo(list_scenarios())
        return
    scenario = find_scenario(what)
    trigger(scenario, Stage(connect(url, key, var_dir), amount, currency.upper(), rail))


@group.group("events")
def events_group() -> None:
    """What has happened."""


def check_event(_context: click.Context, _argument: click.Parameter, event: str) -> str:
    """What has the shape of an event's id."""
    if not is_id("evt", event):
        raise click.BadParameter("an event's id begins with evt_; GET /api/v1/events lists them.")
    return event


@events_group.command("resend")
@click.argument("event", callback=check_event)
@click.option("--forward-to", callback=check_target, help="To this address instead.")
@connection
def resend_command(
    event: str, forward_to: str | None, url: str | None, key: str | None, var_dir: Path
) -> None:
    """Send EVENT once more, with the same id."""
    api: Api = connect(url, key, var_dir)
    if forward_to is None:
        resend_to_endpoints(api, event, click.echo)
        return
    cursor, _ = open_cursor(var_dir / "listen.json", api)
    resend_here(api, event, forward_to, cursor.secret, click.echo)


@group.group("logs")
def logs_group() -> None:
    """What the processes of bin/run write."""


@logs_group.command("tail")
@click.option("--lines", default=50, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--follow/--no-follow", default=True, show_default=True)
@click.option("--trouble", is_flag=True, help="Only warnings and errors.")
@click.option("--var", "var_dir", envvar="CHECKOUT_VAR", default="var", type=Path)
def tail_command(lines: int, follow: bool, trouble: bool, var_dir: Path) -> None:
    """Show all logs together, as they are written."""
    files = find_files(var_dir / "log")
    if not files:
        raise Trouble(
            f"There are no logs in {var_dir}/log: start bin/run, or say --var. In containers it"
            " is: docker compose logs --follow."
        )
    for line in read_last(files, lines):
        if line.is_trouble or not trouble:
            click.echo(line.shown())
    try:
        while follow:
            for file in files:
                for line in parse(file, file.read_new()):
                    if line.is_trouble or not trouble:
                        click.echo(line.shown())
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        click.echo()
