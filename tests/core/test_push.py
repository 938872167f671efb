"""Announcements: once a unit of work, after its commit, never when it rolls back."""

from __future__ import annotations

import pytest

from checkout.core import push
from checkout.core.db import run, unit_of_work
from checkout.core.redis import Connection


@pytest.fixture
def announced(monkeypatch):
    told: list[list[str]] = []
    monkeypatch.setattr(push, "announce", lambda ids: told.append(sorted(ids)))
    return told


def test_after_the_commit_and_once(app, announced):
    with unit_of_work():
        run("SELECT 1")
        push.changed("cs_2")
        push.changed("cs_1")
        push.changed("cs_2")
        assert announced == []
    assert announced == [["cs_1", "cs_2"]]
    with unit_of_work():
        push.changed("cs_3")
    assert announced[1:] == [["cs_3"]]


def fail_after_a_change() -> None:
    with unit_of_work():
        push.changed("cs_1")
        raise ZeroDivisionError


def test_never_after_a_rollback(app, announced):
    with pytest.raises(ZeroDivisionError):
        fail_after_a_change()
    with unit_of_work():
        run("SELECT 1")
    assert announced == []


def test_redis_away_is_nobodys_error(app, monkeypatch):
    monkeypatch.setitem(app.extensions, "checkout_redis", Connection("unix:///nowhere/redis.sock"))
    with unit_of_work():
        push.changed("cs_1")
    push.announce(["cs_2"])


def test_what_travels_is_the_id_alone(app, redis_server):
    import redis

    with redis.Redis.from_url(redis_server.url) as client, client.pubsub() as heard:
        heard.psubscribe("pay:*")
        assert heard.get_message(timeout=5)["type"] == "psubscribe"
        push.announce(["cs_1"])
        message = heard.get_message(timeout=5)
        assert (message["channel"], message["data"]) == (b"pay:cs_1", b"")
