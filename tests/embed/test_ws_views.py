"""The second socket: a customer's own payments and bookings, and nobody else's."""

from __future__ import annotations

import json
import time
from threading import Event
from typing import Any

import pytest
from simple_websocket import ConnectionClosed

from checkout.core import exchange, push, room
from checkout.core.db import execute, unit_of_work
from checkout.core.dispatch import dispatch_events
from checkout.core.ids import new_id
from checkout.core.redis import redis_client
from tests.embed.conftest import Buyer, listening, make_buyer
from tests.factories.stores import make_shop
from tests.factories.till import Till, make_till, memo_of
from tests.support.sockets import handshake, open_socket, wait_for

PATH = "/ws/payment-notifications"


def say(page: Any, message: Any) -> None:
    page.send(message if isinstance(message, str | bytes) else json.dumps(message))


def hear(page: Any, seconds: float = 5.0) -> dict[str, Any] | None:
    text = page.receive(seconds)
    return json.loads(text) if text is not None else None


def closing(page: Any) -> tuple[int, str]:
    """The code and reason with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        page.receive(5)
    return closed.value.reason, closed.value.message


def test_a_payment_from_beginning_to_end(app, server, till, buyer):
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe())
        listening(app)
        attempt = till.make_attempt(customer_id=buyer.id)
        till.pay(memo_of(attempt), 500_000)
        dispatch_events()
        said = [hear(page) for _ in range(3)]
    payment = till.session(attempt["session"])["payment"]["id"]
    base = {"type": "PAYMENT_STATUS", "paymentId": attempt["session"], "userId": "guest-7"}
    assert said == [
        base | {"status": "INITIATED"},
        base | {"status": "PROCESSING"},
        base | {"status": "COMPLETED", "transactionId": payment},
    ]


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_a_payment_that_comes_to_nothing(app, server, till, buyer, how):
    session = till.make_session(customer_id=buyer.id)
    dispatch_events()
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe("payment_status"))
        listening(app)
        till.call("POST", f"/checkout/sessions/{session['id']}/{how}")
        dispatch_events()
        assert hear(page)["status"] == "FAILED"


def test_a_booking(app, server, till, buyer):
    session = till.make_session(customer_id=buyer.id, reference="BK-9")
    details = {"property_name": "Homestay Mây", "check_in": "2026-12-24", "check_out": "2026-12-26"}
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe("booking_confirmations"))
        listening(app)
        path = f"/checkout/sessions/{session['id']}/fulfilment"
        assert till.call("POST", path, {"status": "failed"})[0] == 200
        body = {"status": "confirmed", "reference": "RES-1", "details": details}
        assert till.call("POST", path, body)[0] == 200
        dispatch_events()
        assert hear(page) == {
            "type": "BOOKING_CONFIRMED",
            "bookingId": "RES-1",
            "userId": "guest-7",
            "propertyName": "Homestay Mây",
            "checkIn": "2026-12-24",
            "checkOut": "2026-12-26",
        }
        till.call("POST", path, {"status": "confirmed", "details": "Room 4"})
        dispatch_events()
        plain = hear(page)
        assert (plain["bookingId"], plain["propertyName"], plain["checkIn"]) == ("BK-9", None, None)


def test_a_customer_without_a_reference_is_named_by_id(app, server, till):
    buyer = make_buyer(till, None)
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe())
        listening(app)
        till.make_session(customer_id=buyer.id)
        dispatch_events()
        assert hear(page)["userId"] == buyer.id


def test_only_the_channels_that_were_asked_for(app, server, till, buyer):
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe("booking_confirmations", "auction_results"))
        listening(app)
        till.make_session(customer_id=buyer.id)
        dispatch_events()
        assert hear(page, 0.3) is None


def test_others_hear_nothing(app, server, till, client, buyer):
    neighbour, elsewhere = make_buyer(till, "guest-8"), make_buyer(make_till(client))
    with open_socket(server, PATH) as one, open_socket(server, PATH) as two:
        say(one, neighbour.subscribe())
        say(two, elsewhere.subscribe())
        listening(app, 2)
        till.make_session(customer_id=buyer.id)
        till.make_session()
        dispatch_events()
        assert hear(one, 0.3) is None
        assert hear(two, 0.1) is None


def test_another_subscription_ends_the_one_before(app, server, till, buyer):
    other = make_buyer(till, "guest-8")
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe())
        listening(app)
        say(page, other.subscribe())
        wait_for(lambda: set(app.extensions["checkout_exchange"].lines) == {other.id})
        till.make_session(customer_id=buyer.id)
        till.make_session(customer_id=other.id)
        dispatch_events()
        assert hear(page)["userId"] == "guest-8"
        assert hear(page, 0.2) is None


def test_what_means_nothing_is_ignored_and_counted(app, server, till, client, buyer):
    before = exchange.ignored.total()
    nothing = [
        "",
        "hello",
        "[]",
        "1",
        "[" * 3000,
        {"type": "PING"},
        {"type": "SUBSCRIBE"},
        {"type": "SUBSCRIBE", "token": 1, "channels": ["payment_status"]},
        {"type": "SUBSCRIBE", "token": "x", "channels": "payment_status"},
        {"type": "SUBSCRIBE", "token": "x", "channels": []},
        {"type": "SUBSCRIBE", "token": "x", "channels": ["auction_results", 7, None]},
        b"\x00\x01",
    ]
    with open_socket(server, PATH) as page:
        for message in nothing:
            say(page, message)
        say(page, buyer.subscribe())
        listening(app)
        till.make_session(customer_id=buyer.id)
        dispatch_events()
        assert hear(page)["status"] == "INITIATED"
    assert exchange.ignored.total() - before == len(nothing)
    answer = client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"})
    assert f"checkout_ignored_messages {float(exchange.ignored.total())}" in answer.text


@pytest.mark.parametrize("kind", ["nonsense", "changed", "expired", "empty", "long"])
def test_a_token_that_is_none_closes(server, till, buyer, kind, monkeypatch):
    message = buyer.subscribe()
    if kind == "expired":
        monkeypatch.setattr("checkout.embed.tokens.LIFE_MINUTES", 0)
        message = buyer.subscribe()
    token = message["token"]
    message["token"] = {
        "nonsense": "x.y",
        "changed": ("A" if token[3] != "A" else "B").join((token[:3], token[4:])),
        "expired": token,
        "empty": "",
        "long": token + "A" * 2000,
    }[kind]
    with open_socket(server, PATH) as page:
        say(page, message)
        assert closing(page) == (1008, "invalid_token")


def test_who_subscribes_to_nothing_is_closed(server, monkeypatch):
    monkeypatch.setattr(exchange, "SUBSCRIBE_SECONDS", 0.2)
    with open_socket(server, PATH) as page:
        assert closing(page) == (1008, "not_subscribed")


def test_who_talks_too_much_is_closed(server, monkeypatch):
    monkeypatch.setattr(exchange, "SAID_PER_MINUTE", 3)
    with open_socket(server, PATH) as page:
        for _ in range(4):
            say(page, "hello")
        assert closing(page) == (1008, "too_many_messages")


def test_a_large_message_closes(server):
    with open_socket(server, PATH) as page:
        say(page, "x" * 5000)
        with pytest.raises(ConnectionClosed) as closed:
            page.receive(5)
        assert closed.value.reason == 1009


def test_an_error_of_ours_closes(server, buyer, monkeypatch):
    def fail(text: str, origin: str | None) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("checkout.embed.ws_views.read_message", fail)
    with open_socket(server, PATH) as page:
        say(page, "{}")
        assert closing(page) == (1011, "internal_error")


def test_on_a_stop_clients_are_told_to_come_back(app, server, buyer):
    with open_socket(server, PATH) as page, open_socket(server, PATH) as silent:
        say(page, buyer.subscribe())
        listening(app)
        push.close_all()
        assert closing(page)[0] == 1012
        assert closing(silent)[0] == 1012
    wait_for(lambda: app.extensions["checkout_exchange"].count() == 0)


def test_a_full_process_says_so(server, monkeypatch):
    monkeypatch.setattr(room, "PLACES_MAX", 0)
    status, headers = handshake(server, PATH)
    assert status == 429
    assert headers["retry-after"]


def test_pages_without_an_address_are_refused(server):
    for origin in ("null", "file://", "javascript:1"):
        assert handshake(server, PATH, Origin=origin)[0] == 403
    assert handshake(server, PATH, Origin="https://shop.example")[0] == 101


def live_buyer(client: Any, hosts: list[str]) -> Buyer:
    till = Till(client, make_shop(True, allowed_hosts=hosts), "")
    customer_id = new_id("cus")
    with unit_of_work():
        execute(
            "INSERT INTO customer (id, store_id, livemode, reference)"
            " VALUES (%(id)s, %(store_id)s, true, 'guest-7')",
            id=customer_id,
            store_id=till.shop.store.id,
        )
    return Buyer(till, customer_id, "guest-7")


@pytest.mark.parametrize(
    ("origin", "opens"),
    [
        ("https://shop.example", True),
        ("https://shop.example:443", True),
        ("https://shop.example:8443", False),
        ("http://shop.example", False),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        (None, True),
    ],
)
def test_live_messages_go_to_the_shops_own_hosts(app, server, client, origin, opens):
    buyer = live_buyer(client, ["shop.example"])
    headers = {"Origin": origin} if origin else {}
    with open_socket(server, PATH, **headers) as page:
        say(page, buyer.subscribe())
        if opens:
            listening(app)
        else:
            assert closing(page) == (1008, "origin_not_allowed")


def test_who_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(exchange, "QUEUE_MAX", 2)
    line = exchange.Line(wake=Event())
    for number in range(3):
        line.offer(str(number))
    assert (line.close_code, line.close_reason, len(line.waiting)) == (1013, "too_slow", 2)


def test_nonsense_in_redis_ends_nothing(app, server, till, buyer):
    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe())
        listening(app)
        for nonsense in ("", "[]", "{}", "7", "null", '{"kind": "payment_status"}'):
            redis_client().publish(exchange.CHANNEL + buyer.id, nonsense)
        till.make_session(customer_id=buyer.id)
        dispatch_events()
        assert hear(page)["status"] == "INITIATED"


def test_an_open_socket_holds_no_database_connection(app, server, buyer):
    from checkout.core.db import db

    with open_socket(server, PATH) as page:
        say(page, buyer.subscribe())
        listening(app)
        db.session.remove()
        wait_for(lambda: db.engine.pool.checkedout() == 0)


def test_without_redis_nothing_fails(app, till, buyer):
    connection = app.extensions["checkout_redis"]
    connection.down_until = time.monotonic() + 60
    try:
        till.make_session(customer_id=buyer.id)
        assert dispatch_events() > 0
    finally:
        connection.down_until = 0.0
