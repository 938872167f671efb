"""The chain of migrations: twice at once, down and up again, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.live import ROOT
from tests.support.settings import make_environ
from tests.support.stack import RunStack

SCHEMA = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes
WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, md5(prosrc), '', '', '' FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3
"""


@pytest.fixture
def empty(run_stack: RunStack) -> Iterator[str]:
    """The address of a database without any table."""
    name = "migrations"
    server_url = run_stack.database_url("checkout")
    run_stack.drop_database(name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield run_stack.database_url(name)
    run_stack.drop_database(name)


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def flask(empty: str, tmp_path: Path) -> Start:
    """`flask("db", "upgrade")` starts the command on the empty database."""
    environ = make_environ(
        database_url=empty, redis_url="redis://127.0.0.1:1/0", var_dir=str(tmp_path)
    )

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            env={"PATH": os.environ["PATH"], **environ},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def end_well(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    return output


def read_schema(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(SCHEMA).fetchall()


def test_two_upgrades_at_once_take_turns(empty, flask, run_stack):
    for process in [flask("db", "upgrade") for _ in range(3)]:
        end_well(process)

    run_stack.make_database("migrations_whole")
    whole = read_schema(run_stack.database_url("migrations_whole"))
    run_stack.drop_database("migrations_whole")
    assert read_schema(empty) == whole


def test_down_and_up_again(empty, flask):
    nothing = read_schema(empty)
    end_well(flask("db", "upgrade"))
    whole = read_schema(empty)

    end_well(flask("db", "downgrade", "base"))
    left = [row for row in read_schema(empty) if row[1] != "alembic_version"]
    end_well(flask("db", "upgrade"))

    assert nothing == []
    assert len(whole) > 200
    assert left == []
    assert read_schema(empty) == whole


def test_an_upgrade_that_is_not_needed_waits_for_nobody(empty, flask):
    end_well(flask("db", "upgrade"))
    with psycopg.connect(empty) as busy:
        busy.execute("LOCK TABLE checkout_session IN ACCESS EXCLUSIVE MODE")

        end_well(flask("db", "upgrade"))


def test_models_and_migrations_agree(flask):
    end_well(flask("db", "upgrade"))

    assert "No new upgrade operations detected" in end_well(flask("db", "check"))
