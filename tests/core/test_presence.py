"""Who looks at a page is known for half a minute, and by nobody while Redis is away."""

from __future__ import annotations

import time

from checkout.core import presence
from checkout.core.presence import on_screen, saw, saw_all
from checkout.core.redis import redis_client


def test_what_was_seen_is_on_a_screen(app):
    saw("cs_1")
    saw_all(["cs_2", "cs_3"])

    assert on_screen(["cs_1", "cs_2", "cs_4"]) == {"cs_1", "cs_2"}
    assert on_screen([]) == set()


def test_it_is_forgotten_after_half_a_minute(app):
    saw_all(["cs_old", "cs_new"])
    redis_client().zadd(presence.KEY, {"cs_old": time.time() - presence.SECONDS - 1})

    assert on_screen(["cs_old", "cs_new"]) == {"cs_new"}
    saw_all(["cs_other"])
    assert redis_client().zscore(presence.KEY, "cs_old") is None
    assert 0 < redis_client().ttl(presence.KEY) <= presence.SECONDS


def test_a_crowd_is_remembered_up_to_a_bound(app, monkeypatch):
    monkeypatch.setattr(presence, "MOST", 3)
    redis_client().zadd(presence.KEY, {"cs_first": time.time() - 5})
    saw_all(["cs_1", "cs_2", "cs_3"])

    assert on_screen(["cs_first", "cs_1", "cs_2", "cs_3"]) == {"cs_1", "cs_2", "cs_3"}


def test_the_same_is_not_said_again_so_soon(app, monkeypatch):
    saw("cs_1")
    redis_client().delete(presence.KEY)
    saw("cs_1")
    assert on_screen(["cs_1"]) == set()

    monkeypatch.setattr(presence, "QUIET_SECONDS", 0.0)
    saw("cs_1")
    assert on_screen(["cs_1"]) == {"cs_1"}


def test_without_redis_nobody_seems_to_look(app, monkeypatch):
    monkeypatch.setattr(presence, "with_redis", lambda _function, otherwise: otherwise)
    saw("cs_5")
    saw_all(["cs_6"])

    assert on_screen(["cs_5", "cs_6"]) == set()
