"""Starting, recognising and stopping processes by their number, never by name."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None) if _LINUX else None


class StackError(Exception):
    """Something the person at the keyboard can put right; the message is one line."""


def spawn(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    log: Path | None = None,
    folder: Path | None = None,
    user: int | None = None,
    death_signal: int | None = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C reaches only the launcher.

    Output is appended to `log`. On Linux the child gets `death_signal` when the process that
    started it dies, however it dies; with None it lives on.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environ) if environ is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
            start_new_session=True,
            preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - the launcher has one thread
        )
    finally:
        if output:
            output.close()


def stop(
    process: subprocess.Popen[bytes], *, signal_number: int = signal.SIGTERM, seconds: float
) -> bool:
    """Ask the process to end and kill it after `seconds`; True when it went by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(signal_number)
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        return False


def birth_mark(pid: int) -> str | None:
    """When this process began, as text; None when there is none.

    A number alone says little after a crash, because the system gives it to others again.
    """
    if _LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def write_mark(path: Path, pid: int) -> None:
    """Remember a process so that a later start can recognise it."""
    path.write_text(f"{pid} {birth_mark(pid)}\n")


def stop_leftover(path: Path, *, seconds: float = 10) -> bool:
    """Stop the process remembered in `path` if it still runs; True when there was one."""
    try:
        number, _, mark = path.read_text().strip().partition(" ")
        pid = int(number)
    except (OSError, ValueError):
        return False
    alive = bool(mark) and birth_mark(pid) == mark
    if alive:
        end_process(pid, mark, seconds=seconds)
    path.unlink(missing_ok=True)
    return alive


def end_process(pid: int, mark: str, *, seconds: float, first: int = signal.SIGTERM) -> None:
    """Signal a process that is not our child, wait, and kill it when it stays."""
    for number, limit in ((first, seconds), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: birth_mark(pid) != mark, seconds=limit):
            return
    raise StackError(f"process {pid} of an earlier start does not end")


def wait_until(
    condition: Callable[[], bool], *, seconds: float, pause_seconds: float = 0.01
) -> bool:
    """Ask again and again until `condition` holds or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_seconds)
    return True


def says_it_lives(address: tuple[str, int]) -> bool:
    """Whether the web process there answers 200 to its live check.

    A bare socket, because an HTTP client's modules would double the launcher's memory.
    """
    try:
        with socket.create_connection(address, timeout=2) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log file, to show beside an error."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _die_with_parent(death_signal: int | None) -> Callable[[], None] | None:
    if _libc is None or death_signal is None:
        return None
    libc, parent = _libc, os.getpid()

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            os._exit(1)

    return arm
