"""Tell open pages that their session has changed.

After a commit the session's id goes to the pages of this process at once and, over Redis, to
those of the others. Nothing depends on it: a page that hears nothing asks by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app

from checkout.core import hub, room
from checkout.core.db import after_commit
from checkout.core.redis import with_redis
from checkout.core.sockets import SERVICE_RESTART


class Announcement:
    """The bell of one unit of work, for however many sessions it changed."""

    def __init__(self) -> None:
        self.session_ids: set[str] = set()

    def __call__(self) -> None:
        announce(self.session_ids)


def changed(session_id: str) -> None:
    """Tell the session's open pages once the current unit of work has committed."""
    after_commit(Announcement(), key=Announcement).session_ids.add(session_id)


def announce(session_ids: Iterable[str]) -> None:
    """Tell the open pages of these sessions now. Never raises when Redis is away."""
    session_ids = sorted(session_ids)
    own = hub.running_hub(current_app)
    if own is not None:
        own.note(session_ids)
    with_redis(
        lambda redis: hub.publish(redis, session_ids, sender=own.name if own else ""),
        otherwise=None,
    )


def close_all(code: int = SERVICE_RESTART) -> None:
    """Close every open socket of this process, so that browsers come back elsewhere."""
    room.close_all(code)
