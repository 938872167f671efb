"""Several callers at the very same moment, each in a thread with its own connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask

from checkout.core.inbox import Incoming
from checkout.payments import intake
from tests.factories.till import Till

ROUNDS = 200
Task = Callable[[], Any]


class Crowd:
    """Runs tasks together; a round's results come in the order of its tasks."""

    def __init__(self, app: Flask, size: int = 8) -> None:
        self.app = app
        self._pool = ThreadPoolExecutor(size)

    def at_once(self, *tasks: Task) -> list[Any]:
        """Start all tasks at one signal and give their results; what any raises is raised."""
        start = threading.Barrier(len(tasks))

        def run(task: Task) -> Any:
            with self.app.app_context():
                start.wait(10)
                return task()

        return [future.result(30) for future in [self._pool.submit(run, task) for task in tasks]]

    def close(self) -> None:
        self._pool.shutdown()


def own_till(till: Till, app: Flask) -> Till:
    """The same shop with a client of one's own: a client is not for two threads."""
    return replace(till, client=app.test_client())


class Alone:
    """Takes each request in by itself and at once, as several processes do."""

    def do(self, incoming: Sequence[Incoming]) -> list[intake.Taken]:
        (taken,) = intake._take_all([incoming])
        if isinstance(taken, Exception):
            raise taken
        return taken


@contextmanager
def many_processes() -> Iterator[None]:
    """Within it notices are not joined by this process: only the database keeps order."""
    kept = intake._together
    intake._together = Alone()  # type: ignore[assignment]
    try:
        yield
    finally:
        intake._together = kept
