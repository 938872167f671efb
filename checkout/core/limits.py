"""Limits on how often somebody may ask.

Counted in Redis, so that all processes share them; in this process's memory while Redis is
away. What guards secrets is counted in both, so that it never opens.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, current_app, g
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from checkout.core.errors import too_many
from checkout.core.ids import is_id
from checkout.core.redis import with_redis
from checkout.core.refusals import Whose, note_refusal
from checkout.core.web import Caller, client_key

if TYPE_CHECKING:
    from redis import Redis

WINDOW_SECONDS = 60
PUBLIC_PER_MINUTE = 30
LEASES_PER_WINDOW = 500
FAILURES = RateLimitItemPerSecond(10, 300)
BLOCK_SECONDS = 900
LIFTED = 0.0
"""What stands in the place of a block's end once somebody has lifted it."""
SEEN_SECONDS = 1.0
SEEN_MAX = 10_000


@dataclass(slots=True)
class Lease:
    """Calls of one window that this process has counted in Redis beforehand."""

    window: int
    top: int
    """The shared count, this lease included."""
    left: int


class Limits:
    """The counters of one application."""

    def __init__(self) -> None:
        self.memory = MemoryStorage()
        self.failures = MovingWindowRateLimiter(self.memory)
        self.blocked_until: dict[str, float] = {}
        """Blocks that this process knows of: key → Unix seconds."""
        self.asked_at: dict[str, float] = {}
        """When Redis was last asked whether a key is blocked: key → monotonic seconds."""
        self.leases: dict[str, Lease] = {}


def init_limits(app: Flask) -> None:
    app.extensions["checkout_limits"] = Limits()


def limit_calls(bucket: str, per_minute: int, *, whose: Whose | None = None) -> None:
    """Count one call against a bucket and raise `rate_limited` when it is one too many.

    The window is the clock's minute, so one increment decides and the reset time is known
    without asking. Large limits are counted some calls at a time, so that not every call goes
    to Redis. The answer's RateLimit headers come from here. The first call too many of a minute
    leaves a security event, of the caller or of `whose` bucket it is.
    """
    now = time.time()
    window = int(now // WINDOW_SECONDS)
    reset_seconds = math.ceil((window + 1) * WINDOW_SECONDS - now)
    count = _count(bucket, window, max(1, per_minute // LEASES_PER_WINDOW))
    g.rate_limit = (per_minute, max(0, per_minute - count), reset_seconds)
    if count > per_minute:
        name, _, what = bucket.partition(":")
        about = {"about": what} if is_id(what.partition("_")[0], what) else {}
        note_refusal(
            "rate_limited", bucket, whose=whose, limit=name, per_minute=per_minute, **about
        )
        raise too_many("rate_limited", "Too many requests. Please slow down.", reset_seconds)


def limit_public_call(name: str = "") -> None:
    """For calls that need no secret: 30 a minute per address and kind of call."""
    limit_calls(f"public:{name}:{client_key()}", PUBLIC_PER_MINUTE)


def refuse_blocked() -> None:
    """Raise `ip_blocked` for an address that failed to authenticate too often."""
    seconds = _blocked_seconds(client_key())
    if seconds > 0:
        raise too_many(
            "ip_blocked",
            "Too many failed authentications from this address. Please try later.",
            math.ceil(seconds),
        )


def note_failed_authentication(actor: str = "") -> None:
    """Count one wrong credential; the tenth in five minutes blocks the address.

    `actor` is whose credential it was meant to be, where that is known.
    """
    key = client_key()
    limits = _limits()
    limits.failures.hit(FAILURES, key)
    shared = with_redis(lambda redis: _hit_shared(redis, key), otherwise=0)
    own = FAILURES.amount - limits.failures.get_window_stats(FAILURES, key).remaining
    if max(own, shared) >= FAILURES.amount:
        _block(key, actor)


def forget_failed_authentications(key: str) -> None:
    """Lift a block by hand, and its count; other processes see it within a second."""
    _forget(key)

    def lift(redis: Redis) -> None:
        redis.delete(f"failures:{key}")
        redis.set(f"blocked:{key}", str(LIFTED), ex=BLOCK_SECONDS)

    with_redis(lift, otherwise=None)


def _count(bucket: str, window: int, chunk: int) -> int:
    """How many calls this window has seen, this one included."""
    leases = _limits().leases
    lease = leases.get(bucket)
    if lease is None or lease.window != window or lease.left == 0:
        key = f"limit:{bucket}:{window}"
        top = with_redis(lambda redis: _increase(redis, key, chunk), otherwise=0)
        lease = Lease(window, top or _limits().memory.incr(key, WINDOW_SECONDS, chunk), chunk)
        if len(leases) >= SEEN_MAX:
            leases.clear()
        leases[bucket] = lease
    lease.left -= 1
    return lease.top - lease.left


def _increase(redis: Redis, key: str, amount: int) -> int:
    count = int(redis.incrby(key, amount))
    if count == amount:
        redis.expire(key, WINDOW_SECONDS * 2)
    return count


def _hit_shared(redis: Redis, key: str) -> int:
    """Add one failure to the moving window in Redis and count those within it."""
    name, now = f"failures:{key}", time.time()
    with redis.pipeline() as pipe:
        pipe.zremrangebyscore(name, 0, now - FAILURES.get_expiry())
        pipe.zadd(name, {f"{time.time_ns()}": now})
        pipe.zcard(name)
        pipe.expire(name, FAILURES.get_expiry())
        return int(pipe.execute()[2])


def _block(key: str, actor: str) -> None:
    until = time.time() + BLOCK_SECONDS
    _limits().blocked_until[key] = until
    with_redis(lambda redis: redis.set(f"blocked:{key}", str(until), ex=BLOCK_SECONDS), None)
    note_refusal("address_blocked", key, whose=lambda: Caller(actor), seconds=BLOCK_SECONDS)


def _blocked_seconds(key: str) -> float:
    """How long an address stays blocked. Redis is asked at most once a second per address."""
    limits = _limits()
    now = time.monotonic()
    if now - limits.asked_at.get(key, -SEEN_SECONDS) >= SEEN_SECONDS:
        if len(limits.asked_at) >= SEEN_MAX:
            limits.asked_at.clear()
        limits.asked_at[key] = now
        shared = with_redis(lambda redis: redis.get(f"blocked:{key}"), otherwise=None)
        if shared and float(shared) != LIFTED:
            limits.blocked_until[key] = float(shared)
        elif shared and key in limits.blocked_until:
            _forget(key)
    until = limits.blocked_until.get(key)
    if until is None:
        return 0.0
    if until <= time.time():
        del limits.blocked_until[key]
        return 0.0
    return until - time.time()


def _forget(key: str) -> None:
    limits = _limits()
    limits.blocked_until.pop(key, None)
    limits.failures.clear(FAILURES, key)


def _limits() -> Limits:
    limits: Limits = current_app.extensions["checkout_limits"]
    return limits
