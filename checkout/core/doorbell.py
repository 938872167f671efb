"""The bell itself: one small RQ job, pressed once until somebody has answered.

Needs neither the application nor the database, so that whoever only rings stays small.
"""

from __future__ import annotations

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE = "bells"
ANSWER = "checkout.core.jobs.answer_bell"

QUIET_SECONDS = 0.05
UNANSWERED_SECONDS = 5.0


def press(redis: Redis, name: str) -> bool:
    """Put a bell for `name` into the queue unless one waits there; may raise RedisError."""
    if not redis.set(_key(name), 1, nx=True, px=int(UNANSWERED_SECONDS * 1000)):
        return False
    Queue(QUEUE, connection=redis, serializer=JSONSerializer).enqueue_call(
        ANSWER, args=(name,), timeout=30, ttl=30, result_ttl=0, failure_ttl=60
    )
    return True


def answered(redis: Redis, name: str) -> None:
    """Let the bell be pressed again in a moment."""
    redis.pexpire(_key(name), int(QUIET_SECONDS * 1000))


def _key(name: str) -> str:
    return f"bell:{name}"
