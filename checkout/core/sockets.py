"""WebSockets: one flask-sock for all areas, with limits that it does not have itself."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from wsproto.events import TextMessage

from checkout.core.errors import too_many
from checkout.core.room import Full, init_room, room
from checkout.core.web import client_key

if TYPE_CHECKING:
    from simple_websocket import Server

MESSAGE_BYTES = 4096
PING_SECONDS = 25
SEND_SECONDS = 10.0
"""A browser that takes no byte for so long is dropped."""
RETRY_AFTER_SECONDS = 30

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_LATER = 1013

sock = Sock()


def init_sockets(app: Flask) -> None:
    """Call after the areas' routes are declared; views may still name their own blueprint."""
    init_room(app)
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": MESSAGE_BYTES,
        "ping_interval": PING_SECONDS,
    }
    sock.init_app(app)


def prepare_handshake() -> None:
    """Before a socket is opened: raises 429 `too_many_sockets` where there is no place for it."""
    # Compression would cost every socket 90 KB for messages that come once in minutes.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    try:
        room().check(client_key())
    except Full:
        # Whoever gets no socket asks by itself.
        raise too_many(
            "too_many_sockets", "Too many sockets are open.", RETRY_AFTER_SECONDS
        ) from None


class WholeSends:
    """A socket whose `send` sends everything, one sender at a time, or fails in time.

    The library sends frames from two threads with a plain `send`, which may send half a frame
    to a browser that reads slowly.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._lock = Lock()
        self._sock.settimeout(SEND_SECONDS)

    def send(self, data: bytes) -> int:
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def send_text(socket: Server, data: str) -> None:
    """Send one text message; raises ConnectionClosed or OSError."""
    if not socket.connected:
        raise ConnectionClosed(socket.close_reason, socket.close_message)
    socket.sock.send(socket.ws.send(TextMessage(data=data)))
