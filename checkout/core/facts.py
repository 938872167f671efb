"""Facts that later areas must follow in the same transaction; the world is not told of them.

Events (core/outbox.py) are for what the world may hear; a fact is inside talk, such as a test
clock that moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Follower = Callable[..., None]
_followers: dict[str, tuple[Follower, ...]] = {}


def set_followers(table: Mapping[str, tuple[Follower, ...]]) -> None:
    """Called once by wiring: a fact's name → functions that take its values by name."""
    _followers.clear()
    _followers.update(table)


def tell_fact(name: str, **values: Any) -> None:
    """Let every follower act in the current transaction."""
    for follower in _followers.get(name, ()):
        follower(**values)
