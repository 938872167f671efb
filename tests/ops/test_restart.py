"""A real server with open pages: stopping, killing and starting it again."""

from __future__ import annotations

import contextlib
import socket

import pytest
import simple_websocket

from tests.factories.checkouts import make_checkout
from tests.factories.stores import make_shop
from tests.support.live import LiveServer
from tests.support.sockets import Browser

pytestmark = pytest.mark.kill
PAGES = 50


def open_pages(server: LiveServer, count: int) -> list[simple_websocket.Client]:
    with server.app.app_context():
        session_id = make_checkout()
    address = f"{server.url.replace('http', 'ws', 1)}/pay/{session_id}/live"
    return [Browser.connect(address, headers={"Origin": server.url}) for _ in range(count)]


def read_close_code(page: simple_websocket.Client) -> int:
    """Read panels until the server closes; returns its code."""
    while True:
        try:
            assert page.receive(timeout=15) is not None, "neither a panel nor an end"
        except simple_websocket.ConnectionClosed as end:
            return int(end.reason)


def test_a_stop_tells_open_pages_to_come_back_and_is_quick(own_server):
    server = own_server("web")
    pages = open_pages(server, PAGES)
    for page in pages:
        assert "panel" in page.receive(timeout=15)

    assert server.stop("web", seconds=9)

    assert {read_close_code(page) for page in pages} == {1012}


def test_open_pages_come_back_after_a_kill(own_server):
    server = own_server("web")
    pages = open_pages(server, PAGES)

    server.restart("web")

    for page in pages:
        with contextlib.suppress(simple_websocket.ConnectionClosed):
            page.close()
    again = open_pages(server, PAGES)
    for page in again:
        assert "panel" in page.receive(timeout=15)
        page.close()


def test_a_worker_leaves_when_asked(own_server):
    server = own_server("worker", "scheduler")
    assert server.stop("worker")
    assert server.stop("scheduler")


def test_half_a_body_is_refused_by_the_product_itself(own_server):
    server = own_server("web", changes={"BODY_SECONDS": "1"})
    with server.app.app_context():
        shop = make_shop()
    head = (
        "POST /api/v1/checkout/sessions HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {shop.key}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        connection.sendall(head.encode() + b'{"amount": 5')
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"invalid_request_error" in answer
