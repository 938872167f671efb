"""Fixtures that every test may use.

`app` and `client` are the application in this process, on a database and a Redis of this
xdist worker; whatever a test commits is deleted after it. `live_server` is a running
installation shared by the tests of a worker, `own_server` one that a test may kill.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.database import empty_database, watch_commits
from tests.support.live import LiveServer
from tests.support.live import live_server as run_live_server
from tests.support.network import close_network
from tests.support.settings import make_config
from tests.support.stack import RunStack

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from bin.stack.redis_server import Redis

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_RUN: pytest.StashKey[RunStack] = pytest.StashKey()
_numbers = itertools.count(1)
# How fast an example runs says something about the machine and nothing about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-routes", action="store_true", help="write the list of routes anew, to look at"
    )


def pytest_configure(config: pytest.Config) -> None:
    close_network()
    run = config.stash[_RUN] = RunStack()
    if run.owner and getattr(config.option, "numprocesses", None):
        # The xdist workers share the cluster, so the process that outlives them starts it.
        run.start_postgres()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _RUN in config.stash:
        config.stash[_RUN].close()


@pytest.fixture(scope="session")
def run_stack(pytestconfig: pytest.Config) -> RunStack:
    """PostgreSQL of this run; makes databases and Redis servers on demand."""
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="session")
def database_url(run_stack: RunStack) -> str:
    """This worker's database, migrated."""
    return run_stack.make_database(f"test_{WORKER}")


@pytest.fixture(scope="session")
def redis_server(run_stack: RunStack) -> Iterator[Redis]:
    """This worker's Redis."""
    redis = run_stack.start_redis(WORKER)
    yield redis
    redis.stop()


@pytest.fixture(scope="session")
def session_app(database_url: str, redis_server: Redis, run_stack: RunStack) -> Iterator[Flask]:
    """The application, made once; use `app`, which cleans up."""
    from checkout import create_app
    from checkout.core.db import db

    var_dir = run_stack.folder / f"var-{WORKER}"
    var_dir.mkdir()
    app = create_app(
        make_config(database_url=database_url, redis_url=redis_server.url, var_dir=var_dir)
    )
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(session_app: Flask, database_url: str, redis_server: Redis) -> Iterator[Flask]:
    """The application with its context pushed; what it has kept goes afterwards."""
    import redis

    from checkout.core.limits import init_limits

    with watch_commits(session_app) as watch, session_app.app_context():
        yield session_app
    if watch.committed:
        empty_database(database_url)
    init_limits(session_app)
    session_app.extensions["checkout_refusals"].clear()
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushdb()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without cookies or key."""
    return app.test_client()


@pytest.fixture
def db_clean(app: Flask, database_url: str) -> Iterator[None]:
    """For tests that write around the application: empties the database in any case."""
    yield
    empty_database(database_url)


@pytest.fixture(scope="session")
def live_server(run_stack: RunStack) -> Iterator[LiveServer]:
    """Web and worker processes, started by the first test that asks; make your own store."""
    with run_live_server(run_stack, f"live_{WORKER}", "web", "worker") as server:
        yield server


@pytest.fixture
def own_server(run_stack: RunStack) -> Iterator[Callable[..., LiveServer]]:
    """`own_server("web", "worker")` starts an installation that the test may kill at will."""
    servers: list[LiveServer] = []

    def start(*processes: str, changes: dict[str, str] | None = None) -> LiveServer:
        name = f"own_{WORKER}_{next(_numbers)}"
        servers.append(LiveServer(run_stack, name, changes=changes))
        servers[-1].start(*processes)
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The browser that bin/test found, and what it needs inside a container."""
    path = os.environ.get("CHECKOUT_BROWSER", "")
    arguments = ["--disable-dev-shm-usage", "--no-sandbox"]
    chosen = {"executable_path": path} if path and Path(path).exists() else {}
    return {**browser_type_launch_args, **chosen, "args": arguments}
