from __future__ import annotations

from dataclasses import replace

import pytest

from checkout.core.db import execute, unit_of_work

NOWHERE = "postgresql+psycopg://checkout@/checkout?host=/nowhere"


def beat(kind: str, seconds_ago: int = 1) -> None:
    with unit_of_work():
        execute(
            "INSERT INTO heartbeat (kind, name, at) VALUES"
            " (%(kind)s, 'here:1', clock_timestamp() - make_interval(secs => %(ago)s))"
            " ON CONFLICT (kind, name) DO UPDATE SET at = excluded.at",
            kind=kind,
            ago=seconds_ago,
        )


def statuses(answer) -> dict[str, str]:
    parts = answer.get_json()
    return {name: part["status"] for name, part in parts.items() if name != "status"}


@pytest.fixture
def all_alive(app):
    beat("worker")
    beat("scheduler")


def test_everything_works(client, all_alive):
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.get_json()["status"] == "ok"
    assert statuses(answer) == dict.fromkeys(("database", "redis", "worker", "scheduler"), "ok")
    assert all(
        isinstance(answer.get_json()[name]["latency_ms"], float) for name in statuses(answer)
    )


@pytest.mark.parametrize("kind", ["worker", "scheduler"])
def test_a_process_that_was_not_seen_for_long_is_missing(client, all_alive, kind):
    beat(kind, seconds_ago=60)

    answer = client.get("/health")

    assert answer.status_code == 503
    assert [name for name, status in statuses(answer).items() if status != "ok"] == [kind]


def test_redis_is_away(app, client, all_alive):
    connection = app.extensions["checkout_redis"]
    kept = connection.client, connection.url
    connection.client, connection.url = None, "redis://127.0.0.1:1/0"
    try:
        answer = client.get("/health")
    finally:
        connection.client, connection.url = kept

    assert answer.status_code == 503
    assert statuses(answer)["redis"] == "error"
    assert statuses(answer)["database"] == "ok"


def test_the_database_is_away(app, client, monkeypatch):
    config = app.extensions["checkout_config"]
    monkeypatch.setitem(app.extensions, "checkout_config", replace(config, database_url=NOWHERE))

    answer = client.get("/health")

    assert answer.status_code == 503
    assert statuses(answer) == {
        "database": "error",
        "redis": "ok",
        "worker": "unknown",
        "scheduler": "unknown",
    }


def test_living_asks_nobody(app, client, monkeypatch):
    monkeypatch.setattr("psycopg.connect", None)
    answer = client.get("/health/live")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert client.get("/health/live/").status_code == 404
    assert client.post("/health").status_code == 405
