"""Watches over processes: starts them again when they end by themselves, stops them in order."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bin.stack.processes import (
    StackError,
    last_lines,
    spawn,
    stop,
    stop_leftover,
    write_mark,
)

_QUICK_SECONDS = 10
_QUICK_ENDS_ALLOWED = 4


class Service(Protocol):
    """Something that runs as one process: PostgreSQL, Redis or one of our own."""

    process: subprocess.Popen[bytes] | None

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Program:
    """One of the product's own processes; its output goes to `<folder>/<name>.log`."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path
    stop_seconds: float = 12
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it, after stopping the one that a killed launcher may have left."""
        self.stop_leftover()
        self.process = spawn(self.command, environ=self.environ, log=self.log)
        write_mark(self._mark, self.process.pid)

    def stop_leftover(self) -> bool:
        """Stop the one that a killed launcher may have left; whether there was one."""
        return stop_leftover(self._mark, seconds=self.stop_seconds)

    def stop(self) -> None:
        if self.process:
            stop(self.process, seconds=self.stop_seconds)
            self.process = None
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        return self.folder / f"{self.name}.pid"


@dataclass
class Supervisor:
    """Runs named services until a signal says stop."""

    say: Callable[[str], None]
    services: dict[str, Service] = field(default_factory=dict)
    _started_at: dict[str, float] = field(default_factory=dict)
    _quick_ends: dict[str, int] = field(default_factory=dict)
    _stopping: bool = False
    _wakeup: int = -1

    def catch_signals(self) -> None:
        """From here on Ctrl-C, SIGTERM and a closed terminal mean: stop cleanly."""
        self._wakeup, writer = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def start(self, name: str, service: Service) -> None:
        """Start a service and watch it from now on."""
        if self._stopping:
            raise KeyboardInterrupt
        # Known before it runs, so that stopping also clears up after half a start.
        self.services[name] = service
        service.start()
        self._started_at[name] = time.monotonic()

    def watch(self) -> None:
        """Sleep until something ends or a signal comes; returns when asked to stop."""
        while not self._stopping:
            select.select([self._wakeup], [], [], 60)
            self._drain()
            self.revive()

    def revive(self) -> None:
        """Start again what has ended; StackError when something ends again and again."""
        for name, service in self.services.items():
            if not self._stopping and service.process and service.process.poll() is not None:
                self._start_again(name, service)

    def stop_all(self) -> None:
        """Stop our own programs side by side, then what they stand on, the latest first."""
        self._stopping = True
        for service in self.services.values():
            if isinstance(service, Program) and service.process and service.process.poll() is None:
                service.process.terminate()
        for name in reversed(list(self.services)):
            self.services.pop(name).stop()

    def _start_again(self, name: str, service: Service) -> None:
        code = service.process.returncode if service.process else None
        quick = time.monotonic() - self._started_at[name] < _QUICK_SECONDS
        self._quick_ends[name] = self._quick_ends.get(name, 0) + 1 if quick else 0
        log = getattr(service, "log", None)
        if self._quick_ends[name] > _QUICK_ENDS_ALLOWED:
            end = f"\n{last_lines(log)}" if isinstance(log, Path) else ""
            raise StackError(f"{name} ends again and again (code {code}); see {log}{end}")
        self.say(f"{name} ended with code {code}, starting it again (log: {log})")
        time.sleep(min(2.0, 0.2 * self._quick_ends[name]))
        if not self._stopping:
            self.start(name, service)

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _drain(self) -> None:
        try:
            while os.read(self._wakeup, 512):
                pass
        except BlockingIOError:
            return


def say(line: str) -> None:
    """One line to the person at the terminal."""
    print(line, file=sys.stderr, flush=True)
