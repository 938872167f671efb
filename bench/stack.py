"""The embedded stack, as `bin/run` starts it, on a folder that is removed afterwards."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import flask_migrate
import psycopg
from flask import Flask
from psycopg import sql

from bench.processes import cpu_seconds, family
from bin.stack.postgres import Postgres
from bin.stack.processes import (
    StackError,
    last_lines,
    says_it_lives,
    spawn,
    stop,
    wait_until,
)
from bin.stack.redis_server import Redis
from bin.stack.settings import make_environ
from checkout import create_app
from checkout.core.config import load_config
from checkout.core.db import db

ROOT = Path(__file__).resolve().parents[1]
_TEMPLATE = "bench_template"
_GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"]
COMMANDS = {
    "web": [*_GUNICORN, "wsgi:app"],
    "bare": [*_GUNICORN, "bench.bare_app:app"],
    "worker": [sys.executable, "worker.py"],
    "scheduler": [sys.executable, "worker.py", "scheduler"],
}
_SERVING = ("web", "bare")
_SETTLE_SECONDS = 20.0
_SLOW_COMMIT_SECONDS = 0.002


class Cluster:
    """A durable PostgreSQL and a durable Redis, shared by the benchmarks of a run."""

    def __init__(self) -> None:
        # Beside the product's own data, because /tmp may be memory and then costs no fsync.
        parent = ROOT / "var"
        parent.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres", durable=True)
        self.redis = Redis(self.folder / "redis", durable=True)

    def __enter__(self) -> Self:
        try:
            self.postgres.start()
            self.redis.start()
            self._make_template()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop both and remove everything."""
        self.redis.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database_url(self, name: str) -> str:
        return self.postgres.url(name)

    def make_database(self, name: str) -> str:
        """A migrated, empty database; returns its address."""
        self._run("CREATE DATABASE {} TEMPLATE {}", name, _TEMPLATE)
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _make_template(self) -> None:
        self._run("CREATE DATABASE {}", _TEMPLATE)
        app = create_app(load_config(self.environ(_TEMPLATE, port=1)))
        with app.app_context():
            flask_migrate.upgrade(directory=str(ROOT / "migrations"))
            db.engine.dispose()

    def environ(self, database: str, *, port: int) -> dict[str, str]:
        """What `bin/run` would give to the processes, on another database."""
        return make_environ(
            var_dir=self.folder,
            bind=f"127.0.0.1:{port}",
            url=f"http://127.0.0.1:{port}",
            database_url=self.database_url(database),
            redis_url=self.redis.url,
        ) | {"PYTHONPATH": str(ROOT)}

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.database_url("checkout"), autocommit=True) as connection:
            identifiers = [sql.Identifier(name) for name in names]
            connection.execute(sql.SQL(statement).format(*identifiers))


class Installation:
    """One database and the product's processes on it; `app` works on the same database here."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = f"bench_{name}"
        self.cluster = cluster
        cluster.drop_database(self.name)
        self.database_url = cluster.make_database(self.name)
        self.port = free_port()
        self.environ = cluster.environ(self.name, port=self.port)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._app: Flask | None = None

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def app(self) -> Flask:
        if self._app is None:
            self._app = create_app(load_config(self.environ))
        return self._app

    def connect(self) -> psycopg.Connection[Any]:
        """A connection that commits each statement, to look and to fill."""
        return psycopg.connect(self.database_url, autocommit=True)

    def start(self, *names: str) -> None:
        """Start processes; returns when those that serve answer."""
        for name in names:
            self.processes[name] = spawn(
                COMMANDS[name], environ=self.environ, log=self.log(name), folder=ROOT
            )
        for name in names:
            if name in _SERVING and not wait_until(
                lambda name=name: self._answers(name),  # type: ignore[misc]  # a bound default
                seconds=30,
                pause_seconds=0.05,
            ):
                raise StackError(f"{name} does not answer:\n{last_lines(self.log(name), 20)}")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process:
            stop(process, seconds=12)

    def log(self, name: str) -> Path:
        return self.cluster.folder / f"{self.name}-{name}.log"

    def pids(self, name: str) -> list[int]:
        """The processes behind a name; `postgres` and `redis` are the cluster's."""
        process = {
            "postgres": self.cluster.postgres.process,
            "redis": self.cluster.redis.process,
        }.get(name) or self.processes[name]
        return family(process.pid)

    def cpu(self, *names: str) -> dict[str, float]:
        """CPU seconds used so far by each of these."""
        return {name: cpu_seconds(self.pids(name)) for name in names}

    def close(self) -> None:
        """End the processes that were started here and drop the database."""
        for name in reversed(list(self.processes)):
            self.stop(name)
        if self._app:
            with self._app.app_context():
                db.engine.dispose()
        self.cluster.drop_database(self.name)

    def _answers(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            raise StackError(f"{name} ended:\n{last_lines(self.log(name), 20)}")
        return says_it_lives(self.address)


@contextmanager
def installation(cluster: Cluster, name: str, *processes: str) -> Iterator[Installation]:
    """An installation with these processes running, gone at the end."""
    made = Installation(cluster, name)
    try:
        made.start(*processes)
        yield made
    finally:
        made.close()


def settle_down(connection: psycopg.Connection[Any]) -> None:
    """Write out and count what was just filled in, so that measuring does not pay for it."""
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
    # The disk may still be writing for a while; commits tell when it has finished.
    deadline = time.monotonic() + _SETTLE_SECONDS
    best = slow = _commit_seconds(connection)
    while time.monotonic() < deadline and (slow > 1.5 * best or slow > _SLOW_COMMIT_SECONDS):
        time.sleep(0.5)
        slow = _commit_seconds(connection)
        best = min(best, slow)


def _commit_seconds(connection: psycopg.Connection[Any]) -> float:
    """The median of some commits that write next to nothing."""
    found = []
    for _ in range(40):
        started = time.perf_counter()
        # Gives the transaction a number, so that its commit has to reach the disk.
        connection.execute("SELECT pg_current_xact_id()")
        found.append(time.perf_counter() - started)
    return sorted(found)[len(found) // 2]


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
