"""Read what a client of the messages' socket says."""

from __future__ import annotations

import json
from typing import Any

from checkout.core.exchange import Refused, Subscription
from checkout.core.logs import security_event
from checkout.embed.messages import CHANNELS
from checkout.embed.shops_page import is_shops_page
from checkout.embed.tokens import read_token
from checkout.merchants.stores import load_store


def read_message(text: str, foreign_origin: str | None) -> Subscription | None:
    """What the client subscribes to; None for a message that means nothing here.

    `foreign_origin` is the page that opened the socket where it is none of ours. Raises
    Refused `invalid_token` or, for a live token, `origin_not_allowed`.
    """
    asked = _read_subscribe(text)
    if asked is None:
        return None
    token, channels = asked
    bearer = read_token(token)
    if bearer is None:
        security_event("realtime_token_refused")
        raise Refused("invalid_token")
    settings = load_store(bearer.store_id).settings
    if foreign_origin is not None and not is_shops_page(foreign_origin, bearer.livemode, settings):
        security_event("foreign_socket", origin=foreign_origin[:200])
        raise Refused("origin_not_allowed")
    return Subscription(bearer.customer_id, channels)


def _read_subscribe(text: str) -> tuple[str, frozenset[str]] | None:
    """The token and the channels that exist; None where the message is no SUBSCRIBE."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("type") != "SUBSCRIBE":
        return None
    token, channels = said.get("token"), said.get("channels")
    if not isinstance(token, str) or not isinstance(channels, list):
        return None
    known = frozenset(name for name in channels if isinstance(name, str) and name in CHANNELS)
    return (token, known) if known else None
