"""One PostgreSQL for a test run, one database and one Redis for each xdist worker."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bin.stack.postgres import Postgres
from bin.stack.redis_server import Redis

_FOLDER = "CHECKOUT_TESTS_FOLDER"
_POSTGRES = "CHECKOUT_TESTS_POSTGRES"
TEMPLATE = "checkout_template"


class RunStack:
    """What the whole run shares. The first process makes it; xdist workers find it."""

    def __init__(self) -> None:
        self.owner = _FOLDER not in os.environ
        if self.owner:
            os.environ[_FOLDER] = tempfile.mkdtemp(prefix="checkout-tests-")
            Path(os.environ[_FOLDER]).chmod(0o755)
        self.folder = Path(os.environ[_FOLDER])
        self.postgres: Postgres | None = None

    def start_postgres(self) -> None:
        """Start the cluster, once; it stops with the process that started it."""
        if _POSTGRES in os.environ:
            return
        self.postgres = Postgres(self.folder / "postgres", durable=False)
        self.postgres.start()
        os.environ[_POSTGRES] = self.postgres.url("{}")

    def close(self) -> None:
        """Stop and remove everything; only the owner does."""
        if not self.owner:
            return
        if self.postgres:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(_FOLDER, None)
        os.environ.pop(_POSTGRES, None)

    def database_url(self, name: str) -> str:
        """The address of one database of the cluster."""
        self.start_postgres()
        return os.environ[_POSTGRES].replace("{}", name).replace("%7B%7D", name)

    def make_database(self, name: str) -> str:
        """Clone the migrated template (some 90 ms) under `name`; returns its address."""
        self._make_template()
        with self._server() as server:
            for statement in (
                "DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                "CREATE DATABASE {name} TEMPLATE {template}",
            ):
                server.execute(
                    sql.SQL(statement).format(
                        name=sql.Identifier(name), template=sql.Identifier(TEMPLATE)
                    )
                )
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Remove a clone, with whoever is still connected to it."""
        with self._server() as server:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def start_redis(self, name: str) -> Redis:
        """A Redis of one's own; whoever starts it stops it."""
        redis = Redis(self.folder / f"redis-{name}", durable=False)
        redis.start()
        return redis

    def _make_template(self) -> None:
        with self._locked("template"):
            done = self.folder / "template-made"
            if done.exists():
                return
            self.drop_database(TEMPLATE)
            with self._server() as server:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            migrate(self.database_url(TEMPLATE))
            done.touch()

    @contextmanager
    def _server(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(self.database_url("checkout"), autocommit=True) as server:
            yield server

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def migrate(database_url: str) -> None:
    """Bring an empty database to the newest schema, the way production does."""
    import flask_migrate

    from checkout import create_app
    from checkout.core.db import db
    from tests.support.settings import make_config

    app = create_app(make_config(database_url=database_url, redis_url="redis://127.0.0.1:1/0"))
    with app.app_context():
        flask_migrate.upgrade(directory=str(Path("migrations").absolute()))
        db.engine.dispose()
