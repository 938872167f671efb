"""WebSockets: one flask-sock for all areas, with limits that it does not have itself."""

from __future__ import annotations

from flask import Flask
from flask_sock import Sock

MESSAGE_BYTES = 4096
PING_SECONDS = 25

sock = Sock()


def init_sockets(app: Flask) -> None:
    """Call after the areas' routes are declared; views may still name their own blueprint."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": MESSAGE_BYTES,
        "ping_interval": PING_SECONDS,
    }
    sock.init_app(app)
