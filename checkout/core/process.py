"""Small things that every long-lived process of ours does at its start."""

from __future__ import annotations

import contextlib
import ctypes
import signal
from threading import Event


def stop_on_signal() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def trim_memory() -> None:
    """Few memory arenas: with many mostly idle threads glibc would keep one for each."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-8, 2)
