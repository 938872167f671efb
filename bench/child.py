"""Helpers in processes of their own: clients must not take turns with what they measure."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

_context = multiprocessing.get_context("spawn")


class ChildFailed(Exception):
    """The helper ended without its answer, or not in time."""


class Child:
    """A process that runs `main(connection, given)`; the connection carries plain objects."""

    def __init__(self, main: Callable[[Connection, Any], None], given: Any) -> None:
        self.connection, other = _context.Pipe()
        self._process = _context.Process(target=main, args=(other, given), daemon=True)
        self._process.start()
        other.close()

    def receive(self, *, seconds: float) -> Any:
        """What it sends next; raises ChildFailed after `seconds` or when it has ended."""
        try:
            if self.connection.poll(seconds):
                return self.connection.recv()
        except EOFError:
            raise ChildFailed(f"{self._process.name} ended without an answer") from None
        raise ChildFailed(f"{self._process.name} did not answer in {seconds:.0f} s")

    def ask(self, *words: Any, seconds: float) -> Any:
        """Send something and wait for the answer."""
        self.connection.send(words)
        return self.receive(seconds=seconds)

    def close(self) -> None:
        """End it, by force where it does not end by its closed connection."""
        self.connection.close()
        self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(2)


@contextmanager
def child(main: Callable[[Connection, Any], None], given: Any) -> Iterator[Child]:
    """A helper for the length of a block."""
    made = Child(main, given)
    try:
        yield made
    finally:
        made.close()


def cpu_now() -> float:
    """CPU seconds of this process so far."""
    return time.process_time()
