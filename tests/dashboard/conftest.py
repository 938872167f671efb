"""Every screen of the dashboard, and what it takes to knock at each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from checkout.core.db import db, run
from checkout.merchants.screens import SCREENS, Screen
from tests.support.database import empty_database

ARGUMENT = re.compile(r"<(?:[^<>]*:)?(\w+)>")
WORDS = {"rail": "vietqr", "token": "it_nothing"}
"""Arguments that are names, not ids: one that each screen knows."""


def screens(method: str, *, who: tuple[str, ...] = ("member",)) -> list[Screen]:
    """All screens of a method; what ends a membership or an account comes last."""
    found = [one for one in SCREENS if one.method == method and one.who in who]
    return sorted(found, key=lambda one: one.rule.endswith(("/leave", "/delete")))


def arguments_of(screen: Screen) -> list[str]:
    """The names in the address, without those of the store and the mode."""
    return [name for name in ARGUMENT.findall(screen.rule) if name not in ("store_id", "mode")]


def fill(screen: Screen, store_id: str, mode: str, ids: Mapping[str, str]) -> str:
    """The screen's address; a new kind of argument has to be made known in tests/factories."""
    given = {"store_id": store_id, "mode": mode, **WORDS, **ids}
    return ARGUMENT.sub(lambda found: given[found[1]], screen.rule)


def label(screen: Screen) -> str:
    return f"{screen.method} {screen.rule}"


def snapshot(app: Flask) -> dict[str, str]:
    """Table → a hash of all its rows, of every table but the one that tells of refusals."""
    names = sorted(db.metadata.tables.keys() - {"security_event"})
    query = " UNION ALL ".join(
        f"SELECT '{name}' AS name, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS hash"
        f' FROM "{name}" AS t'
        for name in names
    )
    with app.app_context():
        return {row.name: row.hash or "" for row in run(query)}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(name for name in after if after[name] != before[name])


@pytest.fixture
def bare_app(session_app: Flask, database_url: str, redis_server: Any) -> Iterator[Flask]:
    """Without a pushed context, as requests in production have it; emptied afterwards."""
    import redis

    from checkout.core.limits import init_limits

    yield session_app
    empty_database(database_url)
    init_limits(session_app)
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushdb()
