"""What is being done at this moment, on the terminal."""

from __future__ import annotations

import sys
import time

_STEP_SECONDS = 0.2


class Progress:
    """One line that is written over on a terminal, and one line a step elsewhere."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self._shown_at = 0.0
        self._terminal = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """A new step begins."""
        self._write(text)

    def count(self, text: str, done: int, total: int) -> None:
        """How far a step is; shown a few times a second at most."""
        now = time.monotonic()
        if self._terminal and (now - self._shown_at >= _STEP_SECONDS or done >= total):
            self._shown_at = now
            self._write(f"{text}: {done} of {total}")

    def clear(self) -> None:
        """Make room for a table."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _write(self, text: str) -> None:
        line = f"[{time.monotonic() - self._started_at:5.0f} s] {text}"
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()
