"""Makes .venv and installs a lock file into it, when that has not been done yet.

Run as `python3 -m bin.stack.environment LOCK...` by the commands in bin/, so it may use the
standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def prepare_environment(locks: Sequence[str]) -> None:
    """Install `locks`; does nothing where their stamps say that it has been done."""
    if all(_is_stamped(lock) for lock in locks) and _works():
        return
    with (ROOT / ".venv.lock").open("w") as lock_file:
        # Two commands started at once take turns; the second finds the work done.
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not _works():
            _make_venv()
        for lock in locks:
            if not _is_stamped(lock):
                _install(lock)


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.run([*command], capture_output=True, check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv")
    if uv and _run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)]) == 0:
        return
    raise SystemExit(
        "Python cannot make an environment (on Debian and Ubuntu: apt install python3-venv)"
    )


def _install(lock: str) -> None:
    started_at = time.monotonic()
    print(f"Installing {lock} into .venv", end="", file=sys.stderr, flush=True)
    log = VENV / "install.log"
    with _Dots():
        code = _install_with_uv(lock, log)
        if code:
            code = _install_with_pip(lock, log)
    seconds = time.monotonic() - started_at
    print(f" {'done' if code == 0 else 'failed'} in {seconds:.0f} s", file=sys.stderr)
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SystemExit(f"{tail}\nThe whole log is in {log}")
    _stamp(lock).write_text(_fingerprint(lock))


def _install_with_uv(lock: str, log: Path) -> int:
    """The quick way; returns the exit code, so that the caller can try the other one."""
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        _run([str(PYTHON), "-m", "pip", "install", "--quiet", "uv"], log)
    found = str(uv) if uv.exists() else shutil.which("uv")
    if found is None:
        return 1
    options = ["--quiet", "--python", str(PYTHON), "--require-hashes"]
    return _run([found, "pip", "install", *options, "-r", lock], log)


def _install_with_pip(lock: str, log: Path) -> int:
    return _run([str(PYTHON), "-m", "pip", "install", "--require-hashes", "-r", lock], log)


def _run(command: list[str], log: Path | None = None) -> int:
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if log is None:
        return subprocess.run(command, env=environ, cwd=ROOT, check=False).returncode
    with log.open("ab") as output:
        return subprocess.run(
            command, env=environ, cwd=ROOT, stdout=output, stderr=output, check=False
        ).returncode


def _works() -> bool:
    """An environment stops working when it is moved or its Python is replaced."""
    try:
        return (
            subprocess.run([str(PYTHON), "-c", ""], capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


def _stamp(lock: str) -> Path:
    return VENV / f"installed-{Path(lock).stem}"


def _is_stamped(lock: str) -> bool:
    try:
        return _stamp(lock).read_text() == _fingerprint(lock)
    except OSError:
        return False


def _fingerprint(lock: str) -> str:
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


class _Dots:
    """A dot every other second, so that long work shows that it is alive."""

    def __enter__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _draw(self) -> None:
        while not self._done.wait(2):
            print(".", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    prepare_environment(sys.argv[1:])
