"""Emptying a test database between tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from flask import Flask
from sqlalchemy import event

_KEPT = ("alembic_version",)


class CommitWatch:
    """Knows whether anything was committed through the application's connections."""

    def __init__(self) -> None:
        self.committed = False

    def note(self, _connection: object) -> None:
        self.committed = True


@contextmanager
def watch_commits(app: Flask) -> Iterator[CommitWatch]:
    """Watch the engine of `app` for commits, whichever thread makes them."""
    from checkout.core.db import db

    watch = CommitWatch()
    with app.app_context():
        engine = db.engine
    event.listen(engine, "commit", watch.note)
    try:
        yield watch
    finally:
        event.remove(engine, "commit", watch.note)


def empty_database(url: str) -> None:
    """Delete every row (3 ms; TRUNCATE takes 77), triggers and foreign keys put aside."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%%I', tablename) FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> ALL(%s)",
            (list(_KEPT),),
        ).fetchall()
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("".join(f"DELETE FROM {name};" for (name,) in tables))  # type: ignore[arg-type]
