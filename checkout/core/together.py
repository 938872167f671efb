"""Do together what is asked at the same time: several calls share one piece of work.

Whoever has the turn takes all that wait and does it in one go; the others find theirs done.
Alone, a call does its own at once and waits for nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

GATHER_SECONDS = 0.025
PAUSE_SECONDS = 0.001

Item = TypeVar("Item")
Result = TypeVar("Result")


class TurnTimeout(Exception):
    """The turn did not come in time; it is not known whether the work was done."""


@dataclass(slots=True, eq=False)
class _Call(Generic[Item]):
    item: Item
    woken: threading.Event = field(default_factory=threading.Event)
    """Either it is done, or it is its turn to do what waits."""
    done: bool = False
    result: Any = None
    error: Exception | None = None


class Together(Generic[Item, Result]):
    """Combines the calls of this process's threads or greenlets.

    `work` gets some items, oldest first, and gives a result or an exception for each, in their
    order. It runs in the caller whose turn it is; the turn is handed on by name, because a
    lock would let a newcomer overtake those who only have to learn that they are done.
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
        self._guard = threading.Lock()
        self._waiting: list[_Call[Item]] = []
        self._busy = False
        self._crowd = 0
        """How many calls came together lately."""

    def do(self, item: Item) -> Result:
        """The work's result for this item; raises its exception, or TurnTimeout."""
        call = _Call(item)
        with self._guard:
            self._waiting.append(call)
            leads, self._busy = not self._busy, True
        if not leads:
            self._wait(call)
        if not call.done:
            self._lead(call)
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def _wait(self, call: _Call[Item]) -> None:
        if call.woken.wait(self._wait_seconds):
            return
        with self._guard:
            if call.woken.is_set():
                return
            # Taken out again, unless somebody is at it this very moment.
            if call in self._waiting:
                self._waiting.remove(call)
        raise TurnTimeout

    def _lead(self, call: _Call[Item]) -> None:
        try:
            while not call.done:
                self._gather()
                self._serve()
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting[0].woken.set()
                else:
                    self._busy = False

    def _gather(self) -> None:
        """In a crowd, wait as long as more calls keep coming, up to as many as there were.

        Whoever was served a moment ago asks again within milliseconds; work for one costs
        nearly as much as work for thirty. Without a crowd nobody waits.
        """
        until = time.monotonic() + GATHER_SECONDS
        seen = 0
        while seen < len(self._waiting) < min(self._crowd, self._most):
            if time.monotonic() >= until:
                return
            seen = len(self._waiting)
            time.sleep(PAUSE_SECONDS)

    def _serve(self) -> None:
        with self._guard:
            calls, self._waiting[: self._most] = self._waiting[: self._most], []
        try:
            results = self._work([call.item for call in calls])
        except Exception as error:  # noqa: BLE001 - everybody whose work it was is told
            results = [error] * len(calls)
        self._crowd = max(len(calls), self._crowd * 3 // 4)
        for call, result in zip(calls, results, strict=True):
            if isinstance(result, Exception):
                call.error = result
            else:
                call.result = result
            call.done = True
            call.woken.set()
