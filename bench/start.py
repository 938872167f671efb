"""`bin/run` as a person starts it, and what it holds in memory when nothing happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Limit, Report, at_most
from bench.processes import cpu_seconds, family, pss_bytes
from bench.run import Run
from bench.stack import ROOT, free_port
from bin.stack.processes import StackError, last_lines, says_it_lives, spawn, stop

SECONDS, MEGABYTES = at_most(5), at_most(350)
_LONGEST_SECONDS = 60


def measure(run: Run) -> Report:
    """Seconds from the command to its greeting, first on an empty folder, then again."""
    report = Report("cold start and idle memory")
    run.progress.say("start: the limit")
    limit = Limit("one import of the app", _import_seconds())
    folder = run.cluster.folder / "start"
    folder.mkdir()
    for name, rests in (("first start, no data yet", False), ("start with data", True)):
        run.progress.say(f"start: {name}")
        port = free_port()
        with _running(folder, port) as (process, seconds):
            report.expect(says_it_lives(("127.0.0.1", port)), f"{name}: web does not answer")
            report.add(name, seconds, "s", SECONDS, limit)
            if rests:
                _measure_rest(run, report, process.pid)
    return report


def _import_seconds() -> float:
    environ = os.environ | {
        "DATABASE_URL": "postgresql:///unused",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, env=environ, check=True)
    return time.perf_counter() - started


@contextmanager
def _running(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The command from its start to its greeting, stopped as by Ctrl-C."""
    log = folder / f"run-{port}.log"
    unset = ("DATABASE_URL", "REDIS_URL", "HOST")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    environ |= {"PORT": str(port), "CHECKOUT_VAR": str(folder / "var"), "PYTHONUNBUFFERED": "1"}
    started = time.perf_counter()
    process = spawn([str(ROOT / "bin" / "run")], environ=environ, log=log, folder=ROOT)
    try:
        while "Ready in" not in last_lines(log, 40):
            if process.poll() is not None or time.perf_counter() - started > _LONGEST_SECONDS:
                raise StackError(f"bin/run does not start:\n{last_lines(log, 20)}")
            time.sleep(0.01)
        yield process, time.perf_counter() - started
    finally:
        stop(process, signal_number=signal.SIGINT, seconds=30)


def _measure_rest(run: Run, report: Report, pid: int) -> None:
    rest_seconds = run.pick(10, 4)
    run.progress.say(f"start: {rest_seconds} s of rest")
    time.sleep(rest_seconds)
    pids = family(pid)
    before = cpu_seconds(pids)
    time.sleep(rest_seconds)
    report.add("all processes, PSS", pss_bytes(pids) / 1024**2, "MB", MEGABYTES)
    report.add("CPU while nothing happens", (cpu_seconds(pids) - before) / rest_seconds * 100, "%")
    sizes = sorted(((pss_bytes([one]) / 1024**2, _command(one)) for one in pids), reverse=True)
    shown = ", ".join(f"{command} {size:.0f}" for size, command in sizes[:8])
    report.notes.append(f"MB of the largest of {len(pids)} processes: {shown}")


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "?"
    if words[0].startswith("postgres:"):
        return " ".join(words[0].split()[:3])
    known = ("worker.py", "gunicorn", "bin.stack.run", "redis-server", "postgres")
    for name in known:
        if any(name in word for word in words):
            return f"{name} scheduler" if "scheduler" in words else name
    return Path(words[0]).name
