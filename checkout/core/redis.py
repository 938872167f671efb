"""Redis: one small client a process, and a breaker so that a dead one costs nobody a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, current_app

from checkout.core.config import Config
from checkout.core.logs import log

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_SECONDS = 0.5
OPEN_SECONDS = 2.0
MAX_CONNECTIONS = 512

T = TypeVar("T")


@dataclass(slots=True)
class Connection:
    """The client of one application and how it has been lately."""

    url: str
    client: Redis | None = None
    down_until: float = 0.0
    """In seconds of the monotonic clock; until then Redis is not asked."""


def init_redis(app: Flask, config: Config) -> None:
    """Remember where Redis is; it is first connected to when first needed."""
    app.extensions["checkout_redis"] = Connection(config.redis_url)


def redis_client() -> Redis:
    """The application's client; every call on it has a time-out and may raise RedisError."""
    connection = _connection()
    if connection.client is None:
        connection.client = connect(connection.url)
    return connection.client


def connect(url: str, **options: object) -> Redis:
    """A client with short time-outs and one retry, for a connection that Redis has closed."""
    from redis import Redis  # noqa: PLC0415 - 15 MB that a small command does not need
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    settings: dict[str, object] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 1),
    }
    client: Redis = Redis.from_url(url, **(settings | options))
    return client


def with_redis(function: Callable[[Redis], T], otherwise: T) -> T:
    """What Redis answers, or `otherwise` while it is away.

    After a failure Redis is left alone for two seconds, so that a request waits for it at
    most once in that time.
    """
    from redis.exceptions import RedisError  # noqa: PLC0415

    connection = _connection()
    if time.monotonic() < connection.down_until:
        return otherwise
    try:
        return function(redis_client())
    except (RedisError, OSError) as error:
        connection.down_until = time.monotonic() + OPEN_SECONDS
        log("redis_away", error=type(error).__name__)
        return otherwise


def _connection() -> Connection:
    connection: Connection = current_app.extensions["checkout_redis"]
    return connection
