"""The page's socket: the panel at once, every change, and nothing for strangers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from checkout.core import ids, room
from checkout.core.db import one, unit_of_work
from checkout.payments.resolve import resolve_transfer
from checkout.sessions.end import abandon_session
from checkout.sessions.page import load_page
from tests.factories.checkouts import make_checkout, show_code, transfer
from tests.factories.stores import make_shop, make_vietqr
from tests.support.sockets import handshake, open_socket, threaded_server, wait_for


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    with threaded_server(app) as address:
        yield address
    if "checkout_hub" in app.extensions:
        app.extensions.pop("checkout_hub").stop()


@pytest.fixture
def session_id(app: Flask) -> str:
    shop = make_shop()
    make_vietqr(shop)
    return make_checkout(shop, locale="km")


def state_of(panel: str) -> tuple[str, int]:
    assert panel.lstrip().startswith('<main id="panel"')
    return (
        re.search(r'data-state="(\w+)"', panel)[1],
        int(re.search(r'data-seq="(\d+)"', panel)[1]),
    )


def test_the_panel_comes_at_once_and_with_each_change(client, server, session_id):
    with open_socket(server, f"/pay/{session_id}/live?lang=en") as page:
        first = page.receive(5)
        assert state_of(first) == ("choose", 1)
        show_code(session_id)
        assert state_of(page.receive(5))[0] == "waiting"
        attempt = one("SELECT * FROM attempt")
        transfer(client, attempt, 400_000)
        part = page.receive(5)
        assert state_of(part)[0] == "partly_paid"
        assert "still to pay" in part
        transfer(client, attempt, 100_000)
        assert state_of(page.receive(5))[0] == "paid"


def test_money_that_moves_nothing_is_told_to_the_open_page(client, server, session_id):
    show_code(session_id)
    attempt = one("SELECT * FROM attempt")
    with open_socket(server, f"/pay/{session_id}/live?lang=en") as page:
        page.receive(5)
        transfer(client, attempt, 500_000)
        paid = page.receive(5)
        assert "already paid" not in paid
        polled = client.get(f"/pay/{session_id}/panel?seen={load_page(session_id).version}")
        assert polled.status_code == 204

        transfer(client, attempt, 500_000)

        twice = page.receive(5)
        assert state_of(twice) == state_of(paid)
        assert "already paid" in twice
        resolve_the_second()
        assert "already paid" not in page.receive(5)


def resolve_the_second() -> None:
    """The shop has sent the second payment back."""
    row = one("SELECT * FROM transfer WHERE disposition = 'duplicate'")
    with unit_of_work():
        resolve_transfer(
            row.id,
            action="write_off",
            note="sent back",
            store_id=row.store_id,
            livemode=row.livemode,
            actor="test",
            now=row.received_at,
        )


def test_a_page_that_asks_hears_of_a_second_payment(client, session_id):
    show_code(session_id)
    attempt = one("SELECT * FROM attempt")
    transfer(client, attempt, 500_000)
    seen = load_page(session_id).version
    assert client.get(f"/pay/{session_id}/panel?seen={seen}").status_code == 204

    transfer(client, attempt, 500_000)

    answer = client.get(f"/pay/{session_id}/panel?seen={seen}&lang=en")
    assert "already paid" in answer.text


def test_the_socket_speaks_the_sessions_language(server, session_id):
    with open_socket(server, f"/pay/{session_id}/live") as page:
        assert "ជ្រើសរើសវិធីទូទាត់" in page.receive(5)


def test_what_the_browser_shows_is_not_sent_again(server, session_id):
    with open_socket(server, f"/pay/{session_id}/live?seen=1.choose") as page:
        assert page.receive(0.3) is None
        with unit_of_work():
            abandon_session(session_id)
        assert state_of(page.receive(5))[0] == "ended"


def test_own_pages_may_connect(server, session_id):
    for origin in ("http://127.0.0.1:8000", f"http://{server}"):
        assert handshake(server, f"/pay/{session_id}/live", Origin=origin)[0] == 101


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"],
)
def test_foreign_pages_may_not(server, session_id, origin):
    assert handshake(server, f"/pay/{session_id}/live", Origin=origin)[0] == 403


def test_there_is_no_socket_for_a_session_that_is_not(server, app):
    for session in (ids.new_id("cs"), "cs_nonsense"):
        assert handshake(server, f"/pay/{session}/live")[0] == 404


def test_compression_is_not_agreed_to(server, session_id):
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    status, headers = handshake(server, f"/pay/{session_id}/live", **offer)
    assert status == 101
    assert "sec-websocket-extensions" not in headers


def test_a_full_process_says_so(server, session_id, monkeypatch):
    monkeypatch.setattr(room, "PLACES_MAX", 0)
    status, headers = handshake(server, f"/pay/{session_id}/live")
    assert status == 429
    assert headers["retry-after"]


def test_an_open_page_holds_no_database_connection(app, server, session_id):
    from checkout.core.db import db

    db.session.remove()
    with open_socket(server, f"/pay/{session_id}/live") as page:
        page.receive(5)
        wait_for(lambda: db.engine.pool.checkedout() == 0)
