"""Which sessions somebody is looking at: a hint for whom to ask about first.

It lives in Redis alone, for half a minute, so looking at a page still changes no state. Nothing
depends on it: while Redis is away nobody seems to look, and everything is asked in its turn.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from flask import current_app

from checkout.core.redis import with_redis

if TYPE_CHECKING:
    from redis import Redis

KEY = "on_screen"
SECONDS = 30
MOST = 50_000
"""So many sessions are remembered; the ones seen longest ago are forgotten."""
QUIET_SECONDS = 10.0
"""A process does not say the same again so soon."""
SAID_MOST = 20_000

SAID = "checkout_presence_said"


def saw(session_id: str) -> None:
    """Somebody has the session's page on a screen now."""
    said: dict[str, float] = current_app.extensions.setdefault(SAID, {})
    now = time.monotonic()
    if now - said.get(session_id, -QUIET_SECONDS) < QUIET_SECONDS:
        return
    if len(said) >= SAID_MOST:
        said.clear()
    said[session_id] = now
    saw_all([session_id])


def saw_all(session_ids: Iterable[str]) -> None:
    """The same of many sessions, in one call to Redis."""
    now = time.time()
    seen: dict[str, float] = dict.fromkeys(session_ids, now)
    if seen:
        with_redis(lambda redis: _mark(redis, seen, now), None)


def on_screen(session_ids: Collection[str]) -> set[str]:
    """Those of the sessions that have been seen within the last half minute."""
    if not session_ids:
        return set()
    wanted = list(session_ids)
    nobody: list[float | None] = []
    scores = with_redis(lambda redis: _scores(redis, wanted), nobody)
    since = time.time() - SECONDS
    return {
        session_id
        for session_id, score in zip(wanted, scores, strict=False)
        if score is not None and score >= since
    }


def _scores(redis: Redis, session_ids: list[str]) -> list[float | None]:
    found: list[float | None] = redis.zmscore(KEY, session_ids)
    return found


def _mark(redis: Redis, seen: dict[str, float], now: float) -> None:
    with redis.pipeline(transaction=False) as pipe:
        pipe.zadd(KEY, dict(seen))
        pipe.zremrangebyscore(KEY, 0, now - SECONDS)
        pipe.zremrangebyrank(KEY, 0, -(MOST + 1))
        pipe.expire(KEY, SECONDS)
        pipe.execute()
