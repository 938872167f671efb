"""What the sessions area does in the background."""

from __future__ import annotations

from checkout.core.jobs import sweeper
from checkout.sessions.expire import BATCH, expire_due
from checkout.sessions.remind import remind_due


@sweeper("expire_sessions", every_seconds=1.0, batch=BATCH)
def expire_sessions() -> int:
    """End what is past its deadline."""
    return expire_due()


@sweeper("remind_sessions", every_seconds=5.0, batch=BATCH)
def remind_sessions() -> int:
    """Tell of what ends in five minutes."""
    return remind_due()
