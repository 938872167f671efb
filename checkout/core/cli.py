"""Commands: problems become one plain line, and nothing is half done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from flask.cli import AppGroup

from checkout.core.errors import Problem, invalid
from checkout.core.web import DATABASE_ERRORS

Mode = click.Choice(["test", "live"])


class Commands(AppGroup):
    """A group of commands; create one per `cli.py` as `group = Commands("name", help=...)`."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            where = f"{problem.param}: " if problem.param else ""
            raise click.ClickException(where + problem.message) from None
        except DATABASE_ERRORS:
            raise click.ClickException("The database cannot be reached.") from None


def read_pairs(words: tuple[str, ...]) -> Mapping[str, str]:
    """`name=value` words of a command line; raises `invalid_value`."""
    pairs: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise invalid("invalid_value", f"write it as name=value, not {word!r}")
        pairs[name] = value
    return pairs
