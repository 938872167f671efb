"""PostgreSQL gone under a running installation, and back."""

from __future__ import annotations

import os
import signal

import pytest

from bin.stack.processes import wait_until
from tests.factories.books import check_books, read_one
from tests.factories.till import memo_of
from tests.factories.webhooks import make_endpoint
from tests.support.receiver import receiving

pytestmark = pytest.mark.kill


def read_status(answer) -> str:
    return answer.json()["error"]["code"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_everything_says_so_and_goes_on_afterwards(installation, how):
    made, till, postgres = installation, installation.till, installation.postgres
    pids = {name: process.pid for name, process in made.server.processes.items()}
    with receiving() as merchant, made.server.app.app_context():
        make_endpoint(till.shop, merchant.url, ["checkout.session.completed"])
        attempt = till.make_attempt()
        notice = till.notice(memo_of(attempt), 500_000)
        session = attempt["session"]
        assert wait_until(made.is_healthy, seconds=30)

        getattr(postgres, how)()

        for path in (f"/pay/{session}", f"/pay/{session}/panel", f"/pay/{session}/qr.svg"):
            page = made.call("GET", path)
            assert page.status == 503, path
            assert int(page.headers["Retry-After"]) > 0
            assert page.headers["Content-Type"].startswith("text/html")
            assert b"Traceback" not in page.data
        form = made.call("POST", f"/pay/{session}/attempts", fields={"rail": "vietqr"})
        assert form.status in (403, 503)
        for method, path, body in (
            ("GET", f"/checkout/sessions/{session}", None),
            ("GET", "/payments", None),
            ("POST", "/checkout/sessions", {"amount": 5000, "currency": "VND"}),
            ("POST", f"/checkout/sessions/{session}/attempts", {"rail": "vietqr"}),
            ("POST", "/webhook-endpoints", {"url": merchant.url}),
        ):
            answer = made.api(method, path, json=body, headers={"Idempotency-Key": path})
            assert (answer.status, read_status(answer)) == (503, "service_unavailable"), path
            assert int(answer.headers["Retry-After"]) > 0
        for _ in range(3):
            told = made.tell(notice)
            assert told.status == 503
            assert "success" not in told.json()
        health = made.call("GET", "/health", timeout=5)
        assert health.status == 503
        assert health.json()["database"]["status"] == "error"
        assert health.json()["redis"]["status"] == "ok"
        assert made.call("GET", "/health/live", timeout=1).status == 200
        assert made.call("GET", "/docs").status == 200

        postgres.start()

        assert wait_until(made.is_healthy, seconds=60)
        assert made.call("GET", f"/pay/{session}").status == 200
        told = made.tell(notice)
        assert (told.status, told.json()) == (200, {"success": True})
        assert made.becomes(session, "completed")
        retried = made.api(
            "POST",
            "/checkout/sessions",
            json={"amount": 5000, "currency": "VND"},
            headers={"Idempotency-Key": "/checkout/sessions"},
        )
        assert retried.status == 201
        merchant.wait_for(1, seconds=60)
        # A connection that this process kept is found dead, once.
        assert wait_until(lambda: made.api("GET", "/payments").status == 200, seconds=10)
        assert {name: p.pid for name, p in made.server.processes.items()} == pids
        assert all(process.poll() is None for process in made.server.processes.values())
        assert read_one("SELECT count(*) AS n FROM payment").n == 1
        check_books()


def test_a_server_that_hangs_is_told_in_time(installation):
    made = installation
    assert wait_until(made.is_healthy, seconds=30)
    assert made.postgres is not None
    assert made.postgres.process is not None
    pid = made.postgres.process.pid

    os.kill(pid, signal.SIGSTOP)
    try:
        health = made.call("GET", "/health", timeout=5)
        live = made.call("GET", "/health/live", timeout=1)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert health.status == 503
    assert health.json()["database"]["status"] == "error"
    assert live.status == 200
    assert wait_until(made.is_healthy, seconds=60)


def test_processes_that_start_before_the_database_wait_for_it(installation):
    made = installation
    made.postgres.stop()
    for name in ("web", "worker", "scheduler"):
        assert made.server.stop(name)

    made.server.start("worker", "scheduler", "web")
    assert made.call("GET", "/health").status == 503
    made.postgres.start()

    assert wait_until(made.is_healthy, seconds=60)
    with made.server.app.app_context():
        assert wait_until(lambda: made.api("GET", "/payments").status == 200, seconds=10)
