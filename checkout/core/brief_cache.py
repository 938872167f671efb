"""A cache so short-lived that a revocation in another process takes hold within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

KEPT_SECONDS = 0.5
MAX_ITEMS = 4096

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BriefCache(Generic[K, V]):
    """Keeps each value for half a second, and forgets everything when it grows too large."""

    __slots__ = ("_items", "kept_seconds")

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self.kept_seconds = kept_seconds
        self._items: dict[K, tuple[float, V]] = {}

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The value, read anew when it is older than this cache keeps one."""
        now = time.monotonic()
        found = self._items.get(key)
        if found is not None and now < found[0]:
            return found[1]
        value = read()
        if len(self._items) >= MAX_ITEMS:
            self._items.clear()
        self._items[key] = (now + self.kept_seconds, value)
        return value

    def forget(self, key: K) -> None:
        """What this process has just changed it should see at once."""
        self._items.pop(key, None)

    def clear(self) -> None:
        self._items.clear()
