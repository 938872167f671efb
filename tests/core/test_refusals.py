"""Refusals that may come in floods leave one line a minute for each thing that was hit."""

from __future__ import annotations

import time
from types import SimpleNamespace

import psycopg
import pytest

from checkout.core import audit, limits, refusals
from checkout.core.audit import record_security
from checkout.core.db import run
from tests.factories.books import read
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.till import make_till

FOREIGN = {"Origin": "https://evil.example"}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The clock stands within a minute until a test moves it."""
    audit._seen.clear()
    at = SimpleNamespace(now=time.time() // 60 * 60 + 5.0)
    standing = SimpleNamespace(time=lambda: at.now, time_ns=time.time_ns, monotonic=time.monotonic)
    for module in (audit, limits, refusals):
        monkeypatch.setattr(module, "time", standing)
    return at


@pytest.fixture
def redis_gone(app):
    connection = app.extensions["checkout_redis"]
    kept = connection.client, connection.url
    connection.client, connection.url = None, "redis://127.0.0.1:1/0"
    yield
    connection.client, connection.url = kept
    connection.down_until = 0.0


def events(kind: str):
    return read("SELECT * FROM security_event WHERE kind = %(kind)s ORDER BY id", kind=kind)


def call(client, shop, times: int, address: str = "192.0.2.61") -> list[int]:
    return [
        client.get(
            "/api/v1/payments", headers=shop.headers, environ_base={"REMOTE_ADDR": address}
        ).status_code
        for _ in range(times)
    ]


def test_a_key_over_its_limit_leaves_one_event_a_minute(client, clock):
    shop = make_shop(rate_limit_per_minute=3)

    assert call(client, shop, 8) == [200] * 3 + [429] * 5

    (event,) = events("rate_limited")
    assert (event.store_id, event.livemode) == (shop.store.id, False)
    assert (event.actor, event.address) == (f"key:{shop.key_id}", "192.0.2.61")
    assert event.details["route"] == "GET /api/v1/payments"
    assert (event.details["limit"], event.details["per_minute"]) == ("key", 3)
    assert shop.key not in str(event)
    clock.now += 60
    assert call(client, shop, 5) == [200] * 3 + [429] * 2
    assert len(events("rate_limited")) == 2


def test_all_processes_leave_one(app, client):
    shop = make_shop(rate_limit_per_minute=1)
    call(client, shop, 3)
    # Another process has counted the same calls and seen no refusal yet.
    app.extensions["checkout_refusals"].clear()
    call(client, shop, 3)

    assert len(events("rate_limited")) == 1


@pytest.mark.usefixtures("redis_gone")
def test_without_redis_each_process_leaves_one(client):
    shop = make_shop(rate_limit_per_minute=2)

    assert call(client, shop, 9).count(429) == 7

    assert len(events("rate_limited")) == 1


def test_two_keys_are_two_things(client):
    for _ in range(2):
        call(client, make_shop(rate_limit_per_minute=1), 3)

    assert len({event.store_id for event in events("rate_limited")}) == 2


def test_who_needs_no_key_is_nobodys(client):
    answers = [client.post("/api/v1/auth/forgot-password", json={}) for _ in range(35)]

    assert answers[-1].status_code == 429
    (event,) = events("rate_limited")
    assert (event.store_id, event.actor, event.details["limit"]) == (None, "", "public")


def test_a_database_that_is_away_costs_the_event_alone(client, monkeypatch, caplog):
    till = make_till(client)
    session_id = till.make_session()["id"]

    def away(*_: object, **__: object) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr("checkout.sessions.guard.one", away)
    monkeypatch.setattr(audit, "execute", away)
    answer = client.post(f"/pay/{session_id}/abandonment", headers=FOREIGN)

    assert answer.status_code == 403
    assert "security_event_lost" in caplog.text
    assert events("foreign_form") == []


def test_a_look_up_that_takes_too_long_costs_the_store_alone(client, monkeypatch):
    till = make_till(client)
    session_id = till.make_session()["id"]

    def too_long(*_: object, **__: object) -> None:
        run("SET LOCAL statement_timeout = 1")
        run("SELECT pg_sleep(1)")

    monkeypatch.setattr("checkout.sessions.guard.one", too_long)
    answer = client.post(f"/pay/{session_id}/abandonment", headers=FOREIGN)

    assert answer.status_code == 403
    assert [event.store_id for event in events("foreign_form")] == [None]


def test_a_form_of_another_site_is_told_to_the_store(client):
    till = make_till(client)
    session_id = till.make_session()["id"]
    for what in ("attempts", "attempts", "abandonment"):
        assert client.post(f"/pay/{session_id}/{what}", headers=FOREIGN).status_code == 403

    found = events("foreign_form")
    assert [event.details["route"].rpartition("/")[2] for event in found] == [
        "attempts",
        "abandonment",
    ]
    assert {event.store_id for event in found} == {till.shop.store.id}
    assert {event.details["origin"] for event in found} == {FOREIGN["Origin"]}


def test_too_many_forms_are_told_to_the_store(client):
    till = make_till(client)
    session_id = till.make_session()["id"]
    for _ in range(33):
        client.post(f"/pay/{session_id}/checks")

    (event,) = events("rate_limited")
    assert (event.store_id, event.details["limit"]) == (till.shop.store.id, "pay")
    assert event.details["about"] == session_id


def test_a_session_that_is_not_there_is_nobodys(client):
    client.post("/pay/cs_x/abandonment", headers=FOREIGN)

    assert [event.store_id for event in events("foreign_form")] == [None]


def test_a_socket_of_another_site_is_told_to_the_store(client):
    till = make_till(client)
    session_id = till.make_session()["id"]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}

    answer = client.get(f"/pay/{session_id}/live", headers=upgrade | FOREIGN)

    assert answer.status_code == 403
    assert [event.store_id for event in events("foreign_socket")] == [till.shop.store.id]


def test_a_form_of_another_site_in_the_dashboard_is_the_merchants_own(app):
    desk = make_desk()
    for _ in range(2):
        assert desk.post("/settings", headers=FOREIGN).status_code == 403
        assert desk.post("/settings", {"csrf": "guessed"}).status_code == 403

    for kind in ("foreign_form", "form_refused"):
        (event,) = events(kind)
        assert (event.store_id, event.actor) == (None, f"user:{desk.user.id}")


def test_one_address_is_cut_off_and_takes_nothing_from_the_others(app, monkeypatch):
    monkeypatch.setattr(audit, "MOST_OF_A_KIND", 40)

    def refuse(address: str, times: int) -> None:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            for _ in range(times):
                record_security("key_refused")

    refuse("192.0.2.1", 100)
    refuse("192.0.2.2", 5)
    assert len(events("key_refused")) == audit.MOST_PER_MINUTE + 5
    for last in range(10, 30):
        refuse(f"192.0.2.{last}", 1)
    assert len(events("key_refused")) == 40


def test_what_has_been_seen_is_bounded(app, client, monkeypatch):
    monkeypatch.setattr(refusals, "SEEN_MAX", 3)
    for _ in range(5):
        call(client, make_shop(rate_limit_per_minute=1), 2)

    assert len(app.extensions["checkout_refusals"]) <= 3
    assert len(events("rate_limited")) == 5
