"""`/health` and `/health/live`: what works, told in five seconds and in one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from flask import Blueprint, Response, jsonify

from checkout.core.config import config
from checkout.core.redis import redis_client

blueprint = Blueprint("health", __name__)
RECENT_SECONDS = 30
CONNECT_SECONDS = 3
KINDS = ("worker", "scheduler")
UNKNOWN = {"status": "unknown", "latency_ms": None}

_HEARTBEATS = """
SELECT kind FROM heartbeat
WHERE kind = ANY(%s) AND at > clock_timestamp() - make_interval(secs => %s)
"""


@blueprint.get("/health/live")
def get_live() -> Response:
    """This process answers."""
    return jsonify({"status": "ok"})


@blueprint.get("/health")
def get_health() -> tuple[Response, int]:
    """Each part with its status and how long it took to say so; 503 when one is missing."""
    alive, database = _timed(_ask_database)
    pong, redis = _timed(_ask_redis)
    parts: dict[str, Any] = {
        "database": _told(alive is not None, database),
        "redis": _told(bool(pong), redis),
    }
    for kind in KINDS:
        parts[kind] = UNKNOWN if alive is None else _told(kind in alive, database)
    healthy = all(part["status"] == "ok" for part in parts.values())
    return jsonify({"status": "ok" if healthy else "error", **parts}), 200 if healthy else 503


def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """The answer and the milliseconds it took."""
    started = time.monotonic()
    answer = ask()
    return answer, round((time.monotonic() - started) * 1000, 1)


def _told(ok: bool, latency_ms: float) -> dict[str, Any]:
    return {"status": "ok" if ok else "error", "latency_ms": latency_ms}


def _ask_database() -> set[str] | None:
    """The kinds of processes that lately showed themselves; None when the database is away.

    On a connection of its own: a server that hangs would hold a pooled one for ever, while
    making one has a deadline.
    """
    address = config().database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(
            address, connect_timeout=CONNECT_SECONDS, options="-c statement_timeout=1000"
        ) as connection:
            rows = connection.execute(_HEARTBEATS, (list(KINDS), RECENT_SECONDS)).fetchall()
    except psycopg.Error:
        return None
    return {kind for (kind,) in rows}


def _ask_redis() -> bool:
    try:
        return bool(redis_client().ping())
    except Exception:  # noqa: BLE001 - away in whatever way, and that is the answer
        return False
