"""A real server for tests that need one: gunicorn, workers, their own database and Redis."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from bin.stack.processes import StackError, last_lines, says_it_lives, spawn, stop, wait_until
from bin.stack.redis_server import Redis
from tests.support.settings import make_environ
from tests.support.stack import RunStack

ROOT = Path(__file__).resolve().parents[2]

COMMANDS = {
    "web": [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"],
    "worker": [sys.executable, "worker.py"],
    "scheduler": [sys.executable, "worker.py", "scheduler"],
}


class LiveServer:
    """Processes by name: web, worker, scheduler (or "worker-2"); each can be killed and restarted.

    `url` is where the web process listens, `app` an application on the same database for
    making records, `environ` what the processes were started with.
    """

    def __init__(self, run: RunStack, name: str, *, changes: dict[str, str] | None = None) -> None:
        self.name = name
        self.folder = run.folder / name
        self.folder.mkdir(exist_ok=True)
        self.database_url = run.make_database(name)
        self.redis: Redis = run.start_redis(name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = make_environ(
            database_url=self.database_url,
            redis_url=self.redis.url,
            url=self.url,
            var_dir=str(self.folder),
        )
        self.environ |= {"BIND": f"127.0.0.1:{self.port}"} | (changes or {})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._run = run
        self._app: Flask | None = None

    @property
    def app(self) -> Flask:
        """An application in this process on the server's database and Redis."""
        if self._app is None:
            from checkout import create_app
            from checkout.core.config import load_config

            self._app = create_app(load_config(self.environ))
        return self._app

    def start(self, *names: str, environ: dict[str, str] | None = None) -> None:
        """Start these processes and wait until the web process answers."""
        for name in names:
            self.processes[name] = spawn(
                COMMANDS[name.partition("-")[0]],
                environ={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
                | self.environ
                | (environ or {}),
                log=self.log(name),
                folder=ROOT,
            )
        if "web" in names:
            self.wait_until_answering()

    def wait_until_answering(self) -> None:
        """Return when the web process says it lives."""
        if not wait_until(self._answers, seconds=30, pause_seconds=0.05):
            raise StackError(f"web does not answer:\n{last_lines(self.log('web'), 30)}")

    def kill(self, name: str) -> None:
        """`kill -9` for the process and everything it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, 9)
        process.wait(5)

    def stop(self, name: str, *, seconds: float = 15) -> bool:
        """Ask the process to stop; True when it went by itself in time."""
        return stop(self.processes.pop(name), seconds=seconds)

    def restart(self, name: str) -> None:
        """Kill it where it still runs, and start it anew."""
        if name in self.processes:
            self.kill(name)
        self.start(name)

    def log(self, name: str) -> Path:
        """Where the output of a process is."""
        return self.folder / f"{name}.log"

    def close(self) -> None:
        """Stop everything and drop the database."""
        for name in list(self.processes):
            self.kill(name)
        if self._app:
            from checkout.core.db import db

            with self._app.app_context():
                db.engine.dispose()
        self.redis.stop()
        self._run.drop_database(self.name)

    def _answers(self) -> bool:
        if self.processes["web"].poll() is not None:
            raise StackError(f"web ended:\n{last_lines(self.log('web'), 30)}")
        return says_it_lives(("127.0.0.1", self.port))


@contextmanager
def live_server(
    run: RunStack, name: str, *processes: str, changes: dict[str, str] | None = None
) -> Iterator[LiveServer]:
    """A server with these processes running, closed at the end."""
    server = LiveServer(run, name, changes=changes)
    try:
        server.start(*processes)
        yield server
    finally:
        server.close()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
