"""`/health` and `/health/live`: what works, told in five seconds and in one."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify

from checkout.core.db import db, one
from checkout.core.redis import redis_client
from checkout.core.web import DATABASE_ERRORS

blueprint = Blueprint("health", __name__)
RECENT_SECONDS = 30


@blueprint.get("/health/live")
def get_live() -> Response:
    """This process answers."""
    return jsonify({"status": "ok"})


@blueprint.get("/health")
def get_health() -> tuple[Response, int]:
    """Each part with its status and how long it took to say so; 503 when one is missing."""
    database = _timed(_ask_database)
    parts: dict[str, Any] = {"database": database, "redis": _timed(_ask_redis)}
    for kind in ("worker", "scheduler"):
        parts[kind] = (
            _timed(partial(_ask_heartbeat, kind))
            if database["status"] == "ok"
            else {"status": "unknown", "latency_ms": None}
        )
    healthy = all(part["status"] == "ok" for part in parts.values())
    return jsonify({"status": "ok" if healthy else "error", **parts}), 200 if healthy else 503


def _timed(ask: Callable[[], bool]) -> dict[str, Any]:
    started = time.monotonic()
    ok = ask()
    return {
        "status": "ok" if ok else "error",
        "latency_ms": round((time.monotonic() - started) * 1000, 1),
    }


def _ask_database() -> bool:
    try:
        return one("SELECT 1 AS one") is not None
    except DATABASE_ERRORS:
        db.session.rollback()
        return False


def _ask_redis() -> bool:
    try:
        return bool(redis_client().ping())
    except Exception:  # noqa: BLE001 - away in whatever way, and that is the answer
        return False


def _ask_heartbeat(kind: str) -> bool:
    row = one(
        "SELECT max(at) > clock_timestamp() - make_interval(secs => %(recent)s) AS alive"
        " FROM heartbeat WHERE kind = %(kind)s",
        kind=kind,
        recent=RECENT_SECONDS,
    )
    return row is not None and bool(row.alive)
