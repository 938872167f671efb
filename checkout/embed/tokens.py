"""Tokens with which a customer's own page listens: signed, short-lived, of one customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from checkout.core import clock
from checkout.core.config import config

LIFE_MINUTES = 15
SALT = "checkout.realtime"
LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose messages a token opens."""

    store_id: str
    livemode: bool
    customer_id: str


def make_token(bearer: Bearer) -> tuple[str, datetime]:
    """A token and when it expires, by the database's clock."""
    until = int((clock.now() + timedelta(minutes=LIFE_MINUTES)).timestamp())
    claims = {
        "store": bearer.store_id,
        "live": bearer.livemode,
        "customer": bearer.customer_id,
        "until": until,
    }
    return str(_serializer().dumps(claims)), datetime.fromtimestamp(until, UTC)


def read_token(token: str) -> Bearer | None:
    """Whose token it is; None for one that is not ours or has expired."""
    if len(token) > LONGEST:
        return None
    try:
        claims = _serializer().loads(token)
    except BadData:
        return None
    if clock.now().timestamp() >= claims["until"]:
        return None
    return Bearer(claims["store"], claims["live"], claims["customer"])


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(config().secret_key, salt=SALT)
