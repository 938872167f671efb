"""A few threads for calls that may take long, so that one silent server holds up nobody else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from threading import Condition, Thread

from flask import Flask

from checkout.core.logs import log

Task = Callable[[], object]


class Crew:
    """Runs tasks beside the caller, each in an application context of its own.

    Tasks of one key share that key's part of the threads. The threads are daemons: what a stop
    does not wait for must be safe to be cut off.
    """

    def __init__(
        self, app: Flask, *, threads: int, per_key: int, bell: Task = lambda: None
    ) -> None:
        """`bell` is rung whenever a task has ended."""
        self._app = app
        self._threads = threads
        self._per_key = per_key
        self._bell = bell
        self._running: Counter[str] = Counter()
        self._changed = Condition()

    def room(self, key: str) -> int:
        """How many more tasks of this key may run now."""
        with self._changed:
            left = self._threads - self._running.total()
            return max(0, min(left, self._per_key - self._running[key]))

    def start(self, key: str, task: Task) -> None:
        """Run a task; whoever calls has asked for room before."""
        with self._changed:
            self._running[key] += 1
        Thread(target=self._run, args=(key, task), name=f"crew:{key}", daemon=True).start()

    def start_in_turn(self, key: str, task: Task) -> None:
        """Run a task as soon as a thread of its key is free."""
        with self._changed:
            self._changed.wait_for(lambda: self.room(key) > 0)
        self.start(key, task)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing runs; False when the time was not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running.total(), seconds)

    def _run(self, key: str, task: Task) -> None:
        try:
            with self._app.app_context():
                task()
        except Exception:  # noqa: BLE001 - a task may fail in any way, its thread's end is told
            log("crew_task_failed", logging.ERROR, exc_info=True, key=key)
        finally:
            with self._changed:
                self._running[key] -= 1
                if self._running[key] <= 0:
                    del self._running[key]
                self._changed.notify_all()
            self._bell()
