"""A shop to measure with, and rows in bulk: a real one made by the API, then copied in SQL.

Copies are made by column names read from the database, so they are as full as real rows and
follow the schema by themselves.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
from psycopg import sql

from bench.load import request
from bench.stack import Installation
from checkout.core.db import unit_of_work
from checkout.keys.create import create_key
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.stores import create_store
from checkout.payments.codes import new_code

ACCOUNT_NUMBER = "0071000888666"
HOOK_KEY = "a-key-that-only-this-benchmark-knows"
AMOUNT = 150_000
MARK = "00"
"""Ids of copies begin so: they stand before every real id and tell themselves apart."""

_VIETNAM = timezone(timedelta(hours=7))
_CREATE = {
    "amount": AMOUNT,
    "currency": "VND",
    "description": "Cà phê sữa đá và bánh mì",
    "reference": "BK-20391",
    "metadata": {"cart": "8812"},
}


# A QR code that was drawn for another session must not come out of a cache.
_OWN_PROMPT = (
    "replace(original.prompt::text, replace(original.code, '-', ''),"
    " replace(source.code, '-', ''))::jsonb"
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A store with a secret key and a VietQR account about which nobody can be asked."""

    store_id: str
    key_id: str
    key: str
    rail_account_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def create_request(self) -> bytes:
        """`POST /checkout/sessions` as an ordinary shop sends it."""
        return request(
            "POST",
            "/api/v1/checkout/sessions",
            body=json.dumps(_CREATE, ensure_ascii=False).encode(),
            headers=self.headers,
        )

    def hook_request(self, number: int, code: str, amount: int = AMOUNT) -> bytes:
        """A transfer with that code in its memo, as SePay tells of it."""
        now = datetime.now(UTC).astimezone(_VIETNAM)
        content = f"MBVCB.{3_278_900_000 + number}.{code.replace('-', '')}.CT tu 0123456789"
        body = {
            "id": number,
            "gateway": "Vietcombank",
            "transactionDate": f"{now:%Y-%m-%d %H:%M:%S}",
            "accountNumber": ACCOUNT_NUMBER,
            "subAccount": None,
            "code": None,
            "content": content,
            "transferType": "in",
            "description": f"BankAPINotify {content}",
            "transferAmount": amount,
            "accumulated": 0,
            "referenceCode": f"FT{now:%y%j}{number:09d}",
        }
        return request(
            "POST",
            f"/hooks/vietqr/{self.rail_account_id}",
            body=json.dumps(body).encode(),
            headers={"Authorization": f"Apikey {HOOK_KEY}"},
        )


def make_shop(installation: Installation, *, livemode: bool = True) -> Shop:
    """A committed shop whose rate limit no benchmark reaches."""
    with installation.app.app_context(), unit_of_work():
        limits = {"rate_limit_per_minute": 10_000_000}
        store = create_store("Bench", "bench", limits, actor="command")
        key, plain = create_key(store.id, livemode, "secret", "bench")
        values = {
            "bank": "VCB",
            "account_number": ACCOUNT_NUMBER,
            "account_name": "HOA MAI",
            "api_key": HOOK_KEY,
            "attempt_minutes": 1440,
        }
        account_id = configure_rail(
            store.id, livemode, "vietqr", values, enabled=True, actor="command"
        )
    return Shop(store.id, key.id, plain, account_id)


def call(
    installation: Installation, shop: Shop, path: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One API call by hand; raises when it is refused."""
    connection = http.client.HTTPConnection(*installation.address, timeout=30)
    try:
        connection.request(
            "GET" if body is None else "POST",
            f"/api/v1{path}",
            None if body is None else json.dumps(body),
            {**shop.headers, "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if response.status >= 300:
            raise RuntimeError(f"{path}: {response.status} {answer}")
        return answer
    finally:
        connection.close()


def make_waiting(installation: Installation, shop: Shop) -> tuple[str, str]:
    """One session that waits for its transfer; (session id, attempt id)."""
    session = call(installation, shop, "/checkout/sessions", {**_CREATE, "duration_minutes": 1440})
    path = f"/checkout/sessions/{session['id']}/attempts"
    return session["id"], call(installation, shop, path, {"rail": "vietqr"})["id"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that waits for a transfer with this code."""

    session_id: str
    code: str


def copy_waiting(
    connection: psycopg.Connection[Any],
    original: tuple[str, str],
    count: int,
    *,
    first: int = 0,
    changes: Mapping[str, str] | None = None,
    session_changes: Mapping[str, str] | None = None,
) -> list[Waiting]:
    """Copies of a waiting session, each with an attempt, a code and a QR code of its own.

    Numbered from `first`, so that later copies get other ids; `changes` are columns (as SQL)
    that session and attempt have in common, `session_changes` the session's alone.
    """
    codes = _fresh_codes(connection, count)
    connection.execute("CREATE TEMP TABLE bench_code (n bigint PRIMARY KEY, code text)")
    with connection.cursor().copy("COPY bench_code (n, code) FROM STDIN") as copy:
        for number, code in enumerate(codes, start=first):
            copy.write_row((number, code))
    source = "bench_code AS source"
    session_id, attempt_id = original
    with filling(connection):
        common = dict(changes or {})
        copy_rows(
            connection,
            "checkout_session",
            session_id,
            source,
            {"id": tail("cs")} | common | dict(session_changes or {}),
        )
        own = {
            "id": tail("att"),
            "session_id": tail("cs"),
            "code": "source.code",
            "prompt": _OWN_PROMPT,
        }
        copy_rows(connection, "attempt", attempt_id, source, own | common)
    rows = connection.execute(f"SELECT {tail('cs')}, code FROM bench_code AS source ORDER BY n")
    waiting = [Waiting(*row) for row in rows]
    connection.execute("DROP TABLE bench_code")
    return waiting


def _fresh_codes(connection: psycopg.Connection[Any], count: int) -> list[str]:
    """Codes that no attempt has: among so many drawn ones, two alike are to be expected."""
    known = {row[0] for row in connection.execute("SELECT code FROM attempt")}
    codes: set[str] = set()
    while len(codes) < count:
        codes |= {new_code("HM") for _ in range(count - len(codes))} - known
    return list(codes)


def tail(prefix: str, number: str = "source.n") -> str:
    """SQL for an id made from a number: ordered by it, the rest as good as random."""
    return (
        f"'{prefix}_{MARK}' || lpad(to_hex({number}), 8, '0')"
        f" || substr(md5('{prefix}' || {number}), 1, 18)"
    )


def copy_rows(
    connection: psycopg.Connection[Any],
    table: str,
    original_id: str | int,
    source: str,
    changes: Mapping[str, str],
) -> int:
    """Insert a copy of one row for each row of `source`, with some columns as SQL says.

    `changes` may speak of the columns of `source`; numbers that the database deals out are
    dealt out anew. Returns how many rows were inserted.
    """
    names = [
        name
        for name, default in connection.execute(
            "SELECT column_name, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
            (table,),
        )
        if not str(default).startswith("nextval")
    ]
    values = [
        sql.SQL(changes[name]) if name in changes else sql.Identifier("original", name)
        for name in names
    ]
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS original, {source}"
        " WHERE original.id = {id}"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(values),
        source=sql.SQL(source),
        id=sql.Literal(original_id),
    )
    return connection.execute(statement).rowcount


class filling:  # noqa: N801 - used like a function
    """Rows in bulk go in without triggers and without waiting for the disk."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("SET session_replication_role = replica")
        self.connection.execute("SET synchronous_commit = off")

    def __exit__(self, *error: object) -> None:
        self.connection.execute("RESET session_replication_role")
        self.connection.execute("RESET synchronous_commit")


def newest_id(connection: psycopg.Connection[Any], table: str) -> str:
    """The last real row of a table, to be copied."""
    statement = sql.SQL("SELECT max(id) FROM {}").format(sql.Identifier(table))
    row = connection.execute(statement).fetchone()
    assert row is not None
    return str(row[0])


def notices_for(shop: Shop, waiting: Sequence[Waiting], *, first: int = 1) -> list[bytes]:
    """The notice that pays each of them, numbered by its provider from `first`."""
    return [shop.hook_request(number, one.code) for number, one in enumerate(waiting, start=first)]
