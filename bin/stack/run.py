"""`bin/run`: the whole product on this machine, in one command."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from bin.stack.postgres import Postgres
from bin.stack.processes import StackError, last_lines, says_it_lives, wait_until
from bin.stack.redis_server import Redis
from bin.stack.settings import ENVIRON, make_environ, write_environ
from bin.stack.supervisor import Program, Supervisor, say

_PYTHON = sys.executable
_COMMANDS = {
    "web": [_PYTHON, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"],
    "worker": [_PYTHON, "worker.py"],
    "scheduler": [_PYTHON, "worker.py", "scheduler"],
}


def main(arguments: list[str]) -> int:
    """Start, watch, stop; returns the exit code."""
    options = _parse(arguments)
    var_dir = Path(os.environ.get("CHECKOUT_VAR", "var")).absolute()
    supervisor = Supervisor(say)
    supervisor.catch_signals()
    code = 0
    try:
        port = _port()
        with _only_one(var_dir):
            left = _stop_leftovers(var_dir)
            host = os.environ.get("HOST", "127.0.0.1")
            # A web process that a killed launcher left may hold the port for another moment.
            _need_free_port(host, port, patience_seconds=5 if left else 0)
            if options.reset:
                _reset(var_dir)
            _start_everything(supervisor, var_dir, host, port)
            supervisor.watch()
            say("Stopping…")
            supervisor.stop_all()
    except KeyboardInterrupt:
        say("Stopped before everything had started.")
    except StackError as error:
        say(str(error))
        code = 1
    finally:
        supervisor.stop_all()
    return code


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/run",
        description="Runs the checkout with its database, Redis, web, worker and scheduler.",
        epilog="PORT (default 8000), HOST (127.0.0.1) and CHECKOUT_VAR (var/) say where.",
    )
    parser.add_argument("--reset", action="store_true", help="forget all data and start over")
    return parser.parse_args(arguments)


def _start_everything(supervisor: Supervisor, var_dir: Path, host: str, port: int) -> None:
    started_at = time.monotonic()
    var_dir.mkdir(parents=True, exist_ok=True)
    logs = var_dir / "log"
    logs.mkdir(exist_ok=True)
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared
    url = f"http://{shown_host}:{port}"
    programs = {name: Program(name, command, {}, logs) for name, command in _COMMANDS.items()}
    environ = make_environ(
        var_dir=var_dir,
        bind=f"{host}:{port}",
        url=url,
        database_url=_start_database(supervisor, var_dir),
        redis_url=_start_redis(supervisor, var_dir),
    )
    write_environ(var_dir, environ)
    _prepare(environ, logs, base_url=environ["PUBLIC_URL"])
    for name, program in programs.items():
        program.environ = environ
        supervisor.start(name, program)
    _wait_for_web(programs["web"], (shown_host, port))
    _greet(var_dir, time.monotonic() - started_at)


def _start_database(supervisor: Supervisor, var_dir: Path) -> str:
    url = os.environ.get("DATABASE_URL")
    if url:
        return url
    database = Postgres(var_dir / "postgres", durable=True)
    supervisor.start("postgres", database)
    return database.url()


def _start_redis(supervisor: Supervisor, var_dir: Path) -> str:
    url = os.environ.get("REDIS_URL")
    if url:
        return url
    redis = Redis(var_dir / "redis", durable=True)
    supervisor.start("redis", redis)
    return redis.url


def _prepare(environ: dict[str, str], logs: Path, *, base_url: str) -> None:
    """Migrate and make the demo store, in one process because each start costs a second."""
    log = logs / "prepare.log"
    with log.open("ab") as output:
        code = subprocess.run(
            [_PYTHON, "-m", "bin.stack.prepare", base_url],
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=False,
        ).returncode
    if code:
        raise StackError(f"The database cannot be prepared; see {log}\n{last_lines(log, 15)}")


def _wait_for_web(web: Program, address: tuple[str, int]) -> None:
    def answers() -> bool:
        if web.process is None or web.process.poll() is not None:
            raise StackError(f"web does not start; see {web.log}\n{last_lines(web.log, 15)}")
        return says_it_lives(address)

    if not wait_until(answers, seconds=30, pause_seconds=0.05):
        raise StackError(f"web does not answer; see {web.log}\n{last_lines(web.log, 15)}")


def _greet(var_dir: Path, seconds: float) -> None:
    path = var_dir / "demo.json"
    demo: dict[str, Any] = json.loads(path.read_text())
    login = demo["login"]
    body = json.dumps(
        {"amount": 150000, "currency": "VND", "description": "Cà phê"}, ensure_ascii=False
    )
    print(
        f"""
Ready in {seconds:.1f} s. Ctrl-C stops everything.

  Pay something      {demo["page_url"]}
  Dashboard          {demo["dashboard_url"]}
    sign in as       {login["email"]}
    with             {login["password"] or "the password that you have set"}
  API documents      {demo["base_url"]}/docs
  Keys and the rest  {path}

  Create a checkout session:

  curl {demo["base_url"]}/api/v1/checkout/sessions \\
    -H 'Authorization: Bearer {demo["secret_key"]}' \\
    -H 'Content-Type: application/json' \\
    -d '{body}'
""",
        flush=True,
    )


def _port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise StackError("PORT must be a number from 1 to 65535")
    return int(text)


def _need_free_port(host: str, port: int, *, patience_seconds: float) -> None:
    wait_until(lambda: not _port_problem(host, port), seconds=patience_seconds)
    problem = _port_problem(host, port)
    if problem:
        raise StackError(f"Port {port} on {host} cannot be used ({problem}): set PORT to another")


def _port_problem(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


@contextlib.contextmanager
def _only_one(var_dir: Path) -> Any:
    """Two launchers on one folder would fight over it; the lock goes with its process."""
    var_dir.mkdir(parents=True, exist_ok=True)
    lock: TextIO
    with (var_dir / "launcher.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StackError(
                f"Already running on {var_dir} as process {lock.read().strip()}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _stop_leftovers(var_dir: Path) -> bool:
    """Stop what a killed launcher left, our own programs before their database.

    Returns whether there was anything.
    """
    programs = [Program(name, [], {}, var_dir / "log") for name in _COMMANDS]
    left = [program.stop_leftover() for program in programs]
    left.append(Postgres(var_dir / "postgres", durable=True).stop_leftover())
    left.append(Redis(var_dir / "redis", durable=True).stop_leftover())
    return any(left)


def _reset(var_dir: Path) -> None:
    """Remove what this command made, and nothing else that may be in the folder."""
    for name in ("postgres", "redis", "log", "files"):
        shutil.rmtree(var_dir / name, ignore_errors=True)
    for name in ("demo.json", "secrets.env", ENVIRON):
        (var_dir / name).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
