"""Every command: what goes wrong is one line, without a trace, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.live import ROOT
from tests.support.settings import make_environ

COMMANDS = [
    ["ops", "verify"],
    ["ops", "demo"],
    ["ops", "rotate-keys"],
    ["store", "list"],
    ["key", "list", "shop"],
    ["rail", "list"],
    ["rails", "backfill"],
]


FLASK = ["-m", "flask", "--app", "wsgi"]
PROGRAMS = {
    "flask": [*FLASK, "store", "list"],
    "web": ["-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"],
    "worker": ["worker.py"],
    "scheduler": ["worker.py", "scheduler"],
}


def python(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_that_is_away_is_one_line(words, tmp_path):
    environ = make_environ(
        database_url="postgresql://checkout@/checkout?host=/nowhere",
        redis_url="redis://127.0.0.1:1/0",
        var_dir=str(tmp_path),
    )

    answer = python(*FLASK, *words, **environ)

    assert answer.returncode == 1
    assert answer.stderr == "Error: The database cannot be reached.\n"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must be a postgresql:// address"),
        ({"ENCRYPTION_KEYS": "k:x"}, "ENCRYPTION_KEYS must be"),
        ({"CHECKOUT_ENV": "production", "SECRET_KEY": ""}, "SECRET_KEY must be set"),
        ({"TRUSTED_PROXIES": "many"}, "TRUSTED_PROXIES must be a whole number"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_one_line(changes, line):
    environ = make_environ(database_url="postgresql:///x", redis_url="redis://127.0.0.1:1/0")

    answer = python(*PROGRAMS["flask"], **(environ | changes))

    assert answer.returncode == 3
    assert answer.stderr.startswith(f"Error: {line}")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["web", "worker", "scheduler"])
def test_no_process_starts_on_a_wrong_setting(name):
    environ = make_environ(database_url="", redis_url="redis://127.0.0.1:1/0")

    answer = python(*PROGRAMS[name], BIND="127.0.0.1:0", **environ)

    assert answer.returncode == 3
    assert "Error: DATABASE_URL is not set.\n" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_unknown_commands_and_options(app):
    runner = app.test_cli_runner()

    for words in (["ops", "nothing"], ["ops", "verify", "--all"], ["key", "create"]):
        result = runner.invoke(args=words)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
