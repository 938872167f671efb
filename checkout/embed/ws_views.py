"""`/ws/payment-notifications`: a customer's own page hears of payments and bookings, in JSON."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, request
from simple_websocket import Server

from checkout.core.exchange import Subscription, open_exchange
from checkout.core.origin import is_own_origin, refuse_odd_origin
from checkout.core.sockets import prepare_handshake, sock
from checkout.core.web import client_key
from checkout.embed.subscribe import read_message

blueprint = Blueprint("notifications", __name__, url_prefix="/ws")


@blueprint.before_request
def guard_socket() -> None:
    """What must be refused while a refusal can still be said over HTTP.

    The shop's pages stand elsewhere, so whether one may listen is decided with its token.
    """
    refuse_odd_origin()
    prepare_handshake()


@sock.route("/payment-notifications", bp=blueprint, endpoint="listen")  # type: ignore[untyped-decorator]
def listen(socket: Server) -> None:
    """Tell what the client subscribes to, until it goes."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the application behind the proxy, to be kept
    origin = request.headers.get("Origin")
    foreign = None if origin is None or is_own_origin(origin) else origin

    def read(text: str) -> Subscription | None:
        return read_message(text, foreign)

    open_exchange(app).serve(socket, address=client_key(), read=read)
