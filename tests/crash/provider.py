"""A bank that keeps telling until it is believed, and a merchant that keeps asking."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

PAUSE_SECONDS = 0.05


def call(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """One request; status 0 where there was no answer."""
    try:
        answer = urllib3.request(
            method,
            url,
            json=body,
            headers=headers or {},
            retries=False,
            timeout=urllib3.Timeout(total=15),
        )
        return answer.status, json.loads(answer.data or b"null")
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        return 0, None


class Persistent:
    """Does every task until it succeeds, in several threads; remembers every status."""

    def __init__(self, threads: int = 4) -> None:
        self.statuses: list[int] = []
        self._tasks: queue.Queue[Callable[[], int]] = queue.Queue()
        self._left = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"provider-{n}", daemon=True)
            for n in range(threads)
        ]
        self._stopping = False
        for thread in self._threads:
            thread.start()

    def add(self, task: Callable[[], int]) -> None:
        """A task gives the status of its request; 200 and 201 end it."""
        with self._lock:
            self._left += 1
        self._tasks.put(task)

    @property
    def left(self) -> int:
        return self._left

    def wait(self, *, seconds: float) -> bool:
        """Whether everything was done in time."""
        end = time.monotonic() + seconds
        while self._left and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)
        return self._left == 0

    def close(self) -> None:
        self._stopping = True
        for thread in self._threads:
            thread.join(20)

    def _work(self) -> None:
        while not self._stopping:
            try:
                task = self._tasks.get(timeout=PAUSE_SECONDS)
            except queue.Empty:
                continue
            status = task()
            with self._lock:
                self.statuses.append(status)
                self._left -= status in (200, 201)
            if status not in (200, 201):
                time.sleep(PAUSE_SECONDS)
                self._tasks.put(task)


@contextmanager
def persistent(threads: int = 4) -> Iterator[Persistent]:
    """Persistent callers, stopped at the end."""
    callers = Persistent(threads)
    try:
        yield callers
    finally:
        callers.close()
