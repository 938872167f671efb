"""Migrations, without paying for Alembic (8 MB, 0.4 s) in every process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import Flask, g
from flask.cli import with_appcontext

from checkout.core.db import db


class DeferredMigrate:
    """Stands where Flask-Migrate keeps its settings and becomes them when they are read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._real: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._real is None:
            from flask_migrate import Migrate, _MigrateConfig  # noqa: PLC0415

            migrate = Migrate(db=db, directory=str(self._directory), compare_type=True)
            self._real = _MigrateConfig(migrate, db, **migrate.alembic_ctx_kwargs)
        return getattr(self._real, name)


class MigrationCommands(click.Group):
    """Flask-Migrate's commands, imported when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get_command(ctx, cmd_name)


def init_migrate(app: Flask, directory: Path) -> None:
    """Add the `flask db` commands; `flask_migrate.upgrade()` works inside the app's context."""
    app.extensions["migrate"] = DeferredMigrate(directory)
    app.cli.add_command(
        MigrationCommands("db", help="Database migrations.", callback=_without_options)
    )


@with_appcontext
def _without_options() -> None:
    """What Flask-Migrate's own group would set from its options, which nobody needs here."""
    g.directory = None
    g.x_arg = []


def _commands() -> click.Group:
    from flask_migrate.cli import db as commands  # noqa: PLC0415

    group: click.Group = commands
    return group
