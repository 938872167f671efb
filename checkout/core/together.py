"""Do together what is asked at the same time: several calls share one piece of work.

Whoever has the turn takes all that wait and does it in one go; the others find theirs done.
Alone, a call does its own at once and waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class TurnTimeout(Exception):
    """The turn did not come in time; it is not known whether the work was done."""


@dataclass(slots=True, eq=False)
class _Call(Generic[Item]):
    item: Item
    done: bool = False
    result: Any = None
    error: Exception | None = None


class Together(Generic[Item, Result]):
    """Combines the calls of this process's threads or greenlets.

    `work` gets some items, oldest first, and gives a result or an exception for each, in their
    order. It runs in the caller that has the turn.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        most: int,
        wait_seconds: float,
    ) -> None:
        self._work = work
        self._most = most
        self._wait_seconds = wait_seconds
        self._waiting: list[_Call[Item]] = []
        self._turn = threading.Lock()

    def do(self, item: Item) -> Result:
        """The work's result for this item; raises its exception, or TurnTimeout."""
        call = _Call(item)
        self._waiting.append(call)
        if not self._turn.acquire(timeout=self._wait_seconds):
            # Taken out again, unless somebody is at it this very moment.
            if call in self._waiting:
                self._waiting.remove(call)
            raise TurnTimeout
        try:
            while not call.done:
                self._serve()
        finally:
            self._turn.release()
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def _serve(self) -> None:
        calls, self._waiting[: self._most] = self._waiting[: self._most], []
        try:
            results = self._work([call.item for call in calls])
        except Exception as error:  # noqa: BLE001 - everybody whose work it was is told
            results = [error] * len(calls)
        for call, result in zip(calls, results, strict=True):
            if isinstance(result, Exception):
                call.error = result
            else:
                call.result = result
            call.done = True
