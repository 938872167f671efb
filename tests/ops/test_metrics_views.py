from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from checkout.core.db import execute, unit_of_work
from checkout.core.http import send
from checkout.core.ids import first_id
from checkout.ops.metrics import RECENT_SECONDS
from checkout.payments.health import MOST_FAILURES, note_failure
from checkout.rails.base import RailError
from tests.factories.till import make_till, memo_of

TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}


def read(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, labels) → value."""
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "header",
    [None, "Bearer wrong", "Bearer ", "Bearer", "Basic bWV0cmljcy10b2tlbi1mb3ItdGVzdHM6", "x"],
)
def test_closed_without_the_token(client, header):
    answer = client.get("/metrics", headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "invalid_token"


def test_an_unset_token_refuses_everything(app, client, monkeypatch):
    config = app.extensions["checkout_config"]
    monkeypatch.setitem(app.extensions, "checkout_config", replace(config, metrics_token=""))

    for header in ("Bearer ", "Bearer metrics-token-for-tests"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401


def test_numbers(client):
    till = make_till(client)
    attempt = till.make_attempt()
    till.make_session()
    till.pay(memo_of(attempt), 500_000)
    till.pay("RENT FOR MAY", 1000)
    key = (
        "checkout_requests_total",
        tuple(
            sorted(
                {"method": "POST", "route": "/api/v1/checkout/sessions", "status": "201"}.items()
            )
        ),
    )

    before = read(client)
    till.make_session()
    after = read(client)

    assert after[key] == before[key] + 1
    assert after["checkout_open_sessions", ()] == 2
    assert after["checkout_held_transfers", ()] == 1
    assert after["checkout_waiting", (("queue", "inbox"),)] == 0
    assert after["checkout_waiting", (("queue", "outbox"),)] >= 3
    assert after["checkout_late_seconds", (("queue", "outbox"),)] > 0
    assert after["checkout_late_seconds", (("queue", "inbox"),)] == 0
    seconds = ("checkout_request_seconds_count", (("route", "/api/v1/checkout/sessions"),))
    assert after[seconds] > before[seconds]


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def test_money_of_the_last_minutes_by_rail(client):
    till = make_till(client)
    attempt = till.make_attempt()
    till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    till.pay("RENT FOR MAY", 1000)

    found = read(client)

    attempts = {"rail": "vietqr", "mode": "test"}
    assert found["checkout_recent_attempts", labels(**attempts, status="succeeded")] == 1
    assert found["checkout_recent_attempts", labels(**attempts, status="pending")] == 1
    notices = {"rail": "vietqr", "mode": "test"}
    assert found["checkout_recent_notices", labels(**notices, outcome="matched")] == 1
    assert found["checkout_recent_notices", labels(**notices, outcome="unknown_code")] == 1
    half = found["checkout_recent_settle_seconds", labels(**notices, quantile="0.5")]
    assert 0 < half <= found["checkout_recent_settle_seconds", labels(**notices, quantile="0.99")]


def test_what_is_older_is_not_recent(client):
    till = make_till(client)
    attempt = till.make_attempt()
    with unit_of_work():
        execute(
            "UPDATE attempt SET id = %(old)s WHERE id = %(id)s",
            old=first_id("att", RECENT_SECONDS + 1),
            id=lonely(attempt["id"]),
        )

    assert not [key for key in read(client) if key[0] == "checkout_recent_attempts"]


def lonely(attempt_id: str) -> str:
    """The same attempt with nothing pointing at it."""
    execute("DELETE FROM attempt_reference WHERE attempt_id = %(id)s", id=attempt_id)
    return attempt_id


def test_an_account_whose_provider_is_silent_rests(client):
    till = make_till(client)
    key = {"rail": "vietqr", "mode": "test"}
    assert read(client)["checkout_rail_accounts", labels(**key, state="answering")] == 1

    for _ in range(MOST_FAILURES):
        note_failure(till.account, RailError("provider_timeout", "silent", temporary=True))

    found = read(client)
    assert found["checkout_rail_accounts", labels(**key, state="resting")] == 1
    assert ("checkout_rail_accounts", labels(**key, state="answering")) not in found


def test_background_processes_and_tasks(client, app):
    with unit_of_work():
        for kind, name, seconds in (
            ("worker", "here:1", 1),
            ("worker", "here:2", 2),
            ("worker", "gone:1", 60),
            ("scheduler", "gone:1", 60),
            ("periodic", "backfill_rails_daily", 90),
            ("periodic", "ask_live_attempts", -30),
        ):
            execute(
                "INSERT INTO heartbeat (kind, name, at) VALUES (%(kind)s, %(name)s,"
                " clock_timestamp() - make_interval(secs => %(seconds)s))",
                kind=kind,
                name=name,
                seconds=seconds,
            )

    found = read(client)

    assert found["checkout_processes", labels(kind="worker")] == 2
    assert found["checkout_processes", labels(kind="scheduler")] == 0
    assert found["checkout_task_late_seconds", labels(task="backfill_rails_daily")] >= 90
    assert found["checkout_task_late_seconds", labels(task="ask_live_attempts")] == 0


def test_tries_to_deliver_by_what_came_back(client):
    till = make_till(client)
    status, endpoint = till.call("POST", "/webhook-endpoints", {"url": "https://shop.example.com/"})
    assert status == 201
    status, delivery = till.call("POST", f"/webhook-endpoints/{endpoint['id']}/test")
    assert status == 201
    with unit_of_work():
        for number, answer in enumerate((200, 204, 500, None), start=1):
            execute(
                "INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms,"
                " response_status) VALUES (%(id)s, %(number)s, clock_timestamp(), 5, %(answer)s)",
                id=delivery["id"],
                number=number,
                answer=answer,
            )

    found = read(client)

    name = "checkout_recent_delivery_tries"
    assert found[name, labels(outcome="accepted")] == 2
    assert found[name, labels(outcome="refused")] == 1
    assert found[name, labels(outcome="unanswered")] == 1


def test_the_manual_explains_every_number(client):
    manual = Path("docs/operate.md").read_text()
    families = text_string_to_metric_families(client.get("/metrics", headers=TOKEN).text)

    names = {family.name.removesuffix("_created") for family in families}
    missing = sorted(name for name in names if f"`{name}" not in manual)

    assert missing == []


def test_processes_of_one_web_server_count_together(own_server):
    server = own_server("web", changes={"WEB_PROCESSES": "2"})
    asked = 40

    for _ in range(asked):
        assert ask(server.url + "/docs")[0] == 200

    route = {"method": "GET", "route": "/docs", "status": "200"}
    for _ in range(5):
        text = ask(server.url + "/metrics", TOKEN)[1]
        found = {
            (sample.name, labels(**sample.labels)): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert found["checkout_requests_total", labels(**route)] == asked
        assert found["checkout_open_sockets", ()] == 0
        assert found["checkout_open_sessions", ()] == 0


def ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    answer = send("GET", url, headers=headers or {}, timeout_seconds=10, vet=False)
    return answer.status, answer.body.decode()


def test_paths_are_routes_and_never_what_stands_in_them(client):
    client.get("/pay/cs_secret-looking-thing")
    client.get("/nothing/token-in-a-path")

    text = client.get("/metrics", headers=TOKEN).text

    assert "secret-looking" not in text
    assert "token-in-a-path" not in text
    assert 'route="none"' in text
