"""`bin/run` as a newcomer meets it: start, look, stop, start again, kill, start over."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bin.stack.processes import birth_mark, spawn, wait_until
from tests.support.live import ROOT, free_port

pytestmark = pytest.mark.kill


@dataclass
class Launcher:
    folder: Path
    port: int
    runs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def var_dir(self) -> Path:
        return self.folder / "var"

    @property
    def output(self) -> Path:
        return self.folder / f"run-{len(self.runs)}.log"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environ = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "CHECKOUT_VAR": str(self.var_dir),
        }
        log = self.folder / f"run-{len(self.runs) + 1}.log"
        command = [sys.executable, "-m", "bin.stack.run", *arguments]
        self.runs.append(spawn(command, environ=environ, log=log, folder=ROOT))
        return self.runs[-1]

    def start_and_wait(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = self.start(*arguments)
        assert wait_until(
            lambda: process.poll() is not None or "Ready in" in self.output.read_text(), seconds=90
        )
        assert process.poll() is None, self.output.read_text()
        return process

    def demo(self) -> dict[str, Any]:
        demo: dict[str, Any] = json.loads((self.var_dir / "demo.json").read_text())
        return demo

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`bin/flask` for what was started in our folder."""
        return subprocess.run(
            [sys.executable, "-m", "bin.stack.command", *words],
            env={"PATH": os.environ["PATH"], "CHECKOUT_VAR": str(self.var_dir)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> dict[int, str]:
        """(number, birth) of everything that works for this launcher."""
        marks = [*self.var_dir.glob("log/*.pid"), self.var_dir / "redis" / "redis.pid"]
        numbers = [int(path.read_text().split()[0]) for path in marks]
        pid_file = self.var_dir / "postgres" / "data" / "postmaster.pid"
        numbers.append(int(pid_file.read_text().splitlines()[0]))
        return {number: mark for number in numbers if (mark := birth_mark(number))}


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path, free_port())
    yield launcher
    for process in launcher.runs:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def are_gone(children: dict[int, str]) -> bool:
    return all(birth_mark(number) != mark for number, mark in children.items())


def test_a_life_of_bin_run(launcher):
    # Before the first start there is nothing that a command could work on.
    early = launcher.flask("store", "list")
    assert early.returncode == 1
    assert early.stderr.startswith("Nothing has been started")

    # The first start makes a demo shop whose page can be paid.
    first = launcher.start_and_wait()
    demo = launcher.demo()
    page = str(demo["page_url"]).removeprefix(str(demo["base_url"]))
    assert launcher.get(page) == 200
    # The worker and the scheduler show themselves a moment after the web process.
    assert wait_until(lambda: launcher.get("/health") == 200, seconds=15, pause_seconds=0.1)
    for secret in (demo["secret_key"], demo["login"]["email"], demo["login"]["password"]):
        assert secret in launcher.output.read_text()
    children = launcher.children()
    assert len(children) == 5

    # Commands find its database.
    listed = launcher.flask("store", "list")
    assert listed.returncode == 0, listed.stderr
    assert str(demo["store"]) in listed.stdout

    # A second one on the same folder is refused in one line.
    second = launcher.start()
    assert second.wait(30) == 1
    assert "Already running" in launcher.output.read_text()
    assert launcher.output.read_text().count("\n") == 1

    # SIGTERM stops everything cleanly.
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    assert are_gone(children)

    # The next start keeps the data, also after the launcher was killed.
    third = launcher.start_and_wait()
    assert launcher.demo()["secret_key"] == demo["secret_key"]
    assert launcher.demo()["login"] == demo["login"]
    children = launcher.children()
    third.kill()
    third.wait(10)
    fourth = launcher.start_and_wait()
    assert are_gone(children)
    assert launcher.demo()["secret_key"] == demo["secret_key"]
    assert launcher.get(page) == 200

    # Starting over forgets it.
    fourth.send_signal(signal.SIGINT)
    assert fourth.wait(30) == 0
    launcher.start_and_wait("--reset")
    assert launcher.demo()["secret_key"] != demo["secret_key"]
    assert launcher.demo()["login"] != demo["login"]


def test_a_killed_process_is_started_again(launcher):
    launcher.start_and_wait()
    before = launcher.children()
    for number in before:
        os.kill(number, signal.SIGKILL)

    def is_whole_again() -> bool:
        try:
            now = launcher.children()
            return len(now) == 5 and not set(now) & set(before) and launcher.get("/health") == 200
        except (OSError, ValueError, IndexError):
            return False

    assert wait_until(is_whole_again, seconds=60, pause_seconds=0.2)


def test_a_port_in_use_is_said_in_one_line(launcher):
    with socket.create_server(("127.0.0.1", launcher.port)):
        process = launcher.start()
        assert process.wait(30) == 1
    text = launcher.output.read_text()
    assert text.count("\n") == 1
    assert f"Port {launcher.port}" in text
