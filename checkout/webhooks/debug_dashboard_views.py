"""`/webhooks/debug`: what is wrong with a signature that does not verify."""

from __future__ import annotations

import base64
import binascii

from flask import Blueprint, Response

from checkout.core.errors import invalid
from checkout.merchants.screens import Desk, screen
from checkout.webhooks.debug import debug_signature

blueprint = Blueprint("webhooks_debug_dashboard", __name__)

USE = "webhook_deliveries.write"
HEADERS_MOST = 50_000


@screen(blueprint, "GET", "/webhooks/debug", action=USE)
def show_debug(desk: Desk) -> Response:
    return desk.render("webhooks/debug", verdict=None)


@screen(blueprint, "POST", "/webhooks/debug", action=USE, again=show_debug)
def post_debug(desk: Desk) -> Response:
    """Nothing is kept: the answer is the page itself, without the secret."""
    headers = desk.value("headers")
    if len(headers) > HEADERS_MOST:
        raise invalid("value_too_long", "These are too many headers.", "headers")
    verdict = debug_signature(desk.scope, desk.value("secret"), headers, _read_body(desk))
    return desk.render("webhooks/debug", verdict=verdict)


def _read_body(desk: Desk) -> bytes:
    """The bytes that were pasted; blanks at the ends count.

    Browsers send each line's end as CR LF, whatever it was.
    """
    text = desk.form.get("body", [""])[-1]
    if desk.value("encoding") == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise invalid("invalid_base64", "This is not base64.", "encoding") from None
    return text.replace("\r\n", "\n").encode("utf-8", "replace")
