"""An installation of one's own whose database and Redis a test may stop and start."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bin.stack.postgres import Postgres
from bin.stack.processes import wait_until
from tests.factories.till import Till, make_till
from tests.support.live import LiveServer
from tests.support.stack import RunStack, migrate

_numbers = itertools.count(1)
ALL = ("web", "worker", "scheduler")


class OwnCluster(RunStack):
    """A PostgreSQL that only one server uses; its one database is the cluster's own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.owner = False
        self.folder = folder
        self.postgres = Postgres(folder / "postgres", durable=True)

    def make_database(self, name: str) -> str:
        assert self.postgres is not None
        self.postgres.start()
        migrate(self.postgres.url())
        return self.postgres.url()

    def drop_database(self, name: str) -> None:
        assert self.postgres is not None
        self.postgres.stop()


@dataclass
class Installation:
    """A running server with a till, and HTTP calls that never raise for a status."""

    server: LiveServer
    till: Till
    postgres: Postgres | None = None

    def call(self, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        """One request; nobody waits longer than `timeout` seconds for its answer."""
        more.setdefault("timeout", 20)
        return urllib3.request(
            method, self.server.url + path, retries=False, redirect=False, **more
        )

    def api(self, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        """The same with the shop's key."""
        headers = self.till.shop.headers | more.pop("headers", {})
        return self.call(method, f"/api/v1{path}", headers=headers, **more)

    def tell(self, notice: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """SePay's notice, signed."""
        return self.call(
            "POST",
            f"/hooks/vietqr/{self.till.account}",
            json=notice,
            headers={"Authorization": f"Apikey {self.till.rail['api_key']}"},
        )

    def becomes(self, session_id: str, status: str) -> bool:
        """Whether a session gets there within a minute."""
        return wait_until(
            lambda: self.api("GET", f"/checkout/sessions/{session_id}").json()["status"] == status,
            seconds=60,
        )

    def is_healthy(self) -> bool:
        return self.call("GET", "/health").status == 200


def start_installation(
    cluster: RunStack, name: str, *processes: str, **changes: str
) -> Installation:
    server = LiveServer(cluster, name, changes=changes)
    try:
        server.start(*processes)
        with server.app.app_context():
            till = make_till(server.app.test_client())
    except BaseException:
        server.close()
        raise
    return Installation(server, till, cluster.postgres)


@pytest.fixture
def installation(run_stack: RunStack) -> Iterator[Installation]:
    """Web, worker and scheduler on a PostgreSQL of their own."""
    name = f"fault_{next(_numbers)}"
    made = start_installation(OwnCluster(run_stack.folder / f"cluster_{name}"), name, *ALL)
    yield made
    made.server.close()
