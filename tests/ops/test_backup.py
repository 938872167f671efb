"""Backup and restore as docs/operate.md says, with PostgreSQL's own programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bin.stack.postgres import programs_folder
from checkout.ops.checks import CHECKS
from checkout.ops.developer.client import Api
from tests.factories.rails import make_rail
from tests.factories.stores import make_shop
from tests.support.live import ROOT, LiveServer

pytestmark = pytest.mark.kill
DUMP = ["pg_dump", "--format=custom"]
BOOKS = "rail_account_id, kind, key, data, created_at"
RESTORE = ["pg_restore", "--no-owner", "--exit-on-error"]


def test_a_lost_database_comes_back_and_the_bank_is_asked_for_the_rest(own_server, tmp_path):
    server = own_server("web")
    api = make_busy_shop(server)
    before, after = make_attempt(api), make_attempt(api)
    pay(api, before)
    dump = tmp_path / "checkout.dump"
    program(*DUMP, f"--file={dump}", server.database_url)
    pay(api, after)
    counted = count_rows(server.database_url)
    bank = remember_bank(server.database_url)
    server.stop("web")

    lose_database(server)
    program(*RESTORE, f"--dbname={server.database_url}", str(dump))
    flask(server, "db", "upgrade")
    assert f"{len(CHECKS)} rules checked, 0 breaches." in flask(server, "ops", "verify")

    bring_bank_back(server.database_url, bank)
    server.start("web")
    assert payments_of(api) == {before["session"]}
    assert "1 new movements" in flask(server, "rails", "backfill", "--since", "3d")
    assert payments_of(api) == {before["session"], after["session"]}
    assert "0 new movements" in flask(server, "rails", "backfill", "--since", "3d")
    assert f"{len(CHECKS)} rules checked, 0 breaches." in flask(server, "ops", "verify")
    assert count_rows(server.database_url) == counted
    again = make_attempt(api)
    pay(api, again)
    assert again["session"] in payments_of(api)


def make_busy_shop(server: LiveServer) -> Api:
    with server.app.app_context():
        shop = make_shop()
        make_rail(shop, "vietqr")
    return Api(server.url, shop.key)


def make_attempt(api: Api) -> dict[str, str]:
    session = api.post("/checkout/sessions", {"amount": 50_000, "currency": "VND"})
    return api.post(f"/checkout/sessions/{session['id']}/attempts", {"rail": "vietqr"})


def pay(api: Api, attempt: dict[str, str]) -> None:
    assert api.post(f"/test/attempts/{attempt['id']}/pay")["notices"] == 1


def payments_of(api: Api) -> set[str]:
    return {payment["session"] for payment in api.items("/payments")}


def count_rows(url: str) -> dict[str, int]:
    """Of what money leaves behind."""
    tables = ("checkout_session", "attempt", "transfer", "payment", "journal", "entry")
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
        }


def remember_bank(url: str) -> bytes:
    """The pretend bank's own books: a real bank's are elsewhere and are not lost with ours."""
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY fake_record ({BOOKS}) TO STDOUT") as copy,
    ):
        return b"".join(copy)


def bring_bank_back(url: str, books: bytes) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM fake_record")
        with cursor.copy(f"COPY fake_record ({BOOKS}) FROM STDIN") as copy:
            copy.write(books)


def lose_database(server: LiveServer) -> None:
    """All gone; an empty database of the same name takes its place."""
    host = f"--host={psycopg.conninfo.conninfo_to_dict(server.database_url)['host']}"
    program("dropdb", host, "--username=checkout", "--force", server.name)
    program("createdb", host, "--username=checkout", server.name)


def program(name: str, *arguments: str) -> None:
    answer = subprocess.run(
        [str(programs_folder() / "bin" / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def flask(server: LiveServer, *words: str) -> str:
    """One of the product's commands, as an operator runs it."""
    answer = subprocess.run(
        [sys.executable, "-m", "flask", *words],
        env={"PATH": os.environ["PATH"], "FLASK_APP": "wsgi.py"} | server.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def test_the_manual_names_the_same_options():
    manual = Path("docs/operate.md").read_text()

    for option in {*DUMP, *RESTORE, "dropdb", "--force", "createdb"}:
        assert option in manual, option
