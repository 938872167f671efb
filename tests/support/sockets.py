"""A threaded server for an application in this process, and a browser's end of a socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection

from flask import Flask
from simple_websocket import Client
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object, **__: object) -> None:
        """Tests need no access log."""


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@contextmanager
def threaded_server(app: Flask) -> Iterator[str]:
    """Serve `app` on a free port; gives `127.0.0.1:<port>`."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def handshake(address: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """What the server answers to a browser that asks for a WebSocket: status and headers."""
    host, port = address.split(":")
    connection = HTTPConnection(host, int(port), timeout=5)
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with closing(connection):
        connection.request("GET", path, headers=asked | headers)
        with connection.getresponse() as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}


class Browser(Client):  # type: ignore[misc, unused-ignore]  # untyped
    """A WebSocket client that reads all of what comes with the handshake's answer.

    The library's own leaves a first message that came in the same packet until the next one.
    """

    def handshake(self) -> None:
        super().handshake()
        self._handle_events()


@contextmanager
def open_socket(address: str, path: str, **headers: str) -> Iterator[Client]:
    """A connected WebSocket, closed at the end."""
    client = Browser.connect(f"ws://{address}{path}", headers=headers or None)
    try:
        yield client
    finally:
        if client.connected:
            client.close()
