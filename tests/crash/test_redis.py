"""Redis emptied, stopped and back: everything goes on, at the cost of a moment."""

from __future__ import annotations

import time

import pytest
import redis
import urllib3

from tests.crash.provider import call
from tests.factories.books import check_books, read_one
from tests.factories.till import make_till, memo_of

pytestmark = pytest.mark.kill


def walk_through(server, till) -> str:
    """A session created, shown, started and paid over HTTP; its id. Nothing is a 5xx."""
    api, key = f"{server.url}/api/v1", till.shop.headers
    status, session = call(
        "POST", f"{api}/checkout/sessions", {"amount": 5000, "currency": "VND"}, key
    )
    assert status == 201
    page = urllib3.request("GET", f"{server.url}/pay/{session['id']}", retries=False)
    assert page.status == 200
    status, attempt = call(
        "POST", f"{api}/checkout/sessions/{session['id']}/attempts", {"rail": "vietqr"}, key
    )
    assert status == 201
    panel = urllib3.request("GET", f"{server.url}/pay/{session['id']}/panel", retries=False)
    assert panel.status == 200
    status, answer = call(
        "POST",
        f"{server.url}/hooks/vietqr/{till.account}",
        till.notice(memo_of(attempt), 5000),
        {"Authorization": f"Apikey {till.rail['api_key']}"},
    )
    assert (status, answer) == (200, {"success": True})
    assert wait_until_completed(f"{api}/checkout/sessions/{session['id']}", key)
    return str(session["id"])


def wait_until_completed(url: str, key: dict[str, str]) -> bool:
    """The provider hears success once its notice is stored; judging it may come a moment later."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        status, session = call("GET", url, headers=key)
        assert status == 200
        if session["status"] == "completed":
            return True
        time.sleep(0.1)
    return False


def test_redis_is_emptied_stopped_and_back(own_server, settled):
    server = own_server("web", "worker")
    with server.app.app_context():
        till = make_till(server.app.test_client())
        walk_through(server, till)
        assert settled(60)

        with redis.Redis.from_url(server.redis.url) as connection:
            connection.flushall()
        walk_through(server, till)
        assert settled(60)

        server.redis.kill()
        for _ in range(3):
            walk_through(server, till)
        assert settled(60)
        status, health = call("GET", f"{server.url}/health")
        assert (status, health["redis"]["status"], health["database"]["status"]) == (
            503,
            "error",
            "ok",
        )

        server.redis.start()
        walk_through(server, till)
        assert settled(60)
        assert read_one("SELECT count(*) AS n FROM payment").n == 6
        check_books()
