"""Where pretend providers keep what they must remember: rows of `fake_record`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.core.db import one, run
from checkout.core.inbox import storable


class DatabaseShelf:
    """One rail account's records, in the current transaction."""

    def __init__(self, rail_account_id: str) -> None:
        self._account = rail_account_id

    def put(self, kind: str, key: str, data: Mapping[str, Any]) -> None:
        run(
            "INSERT INTO fake_record (rail_account_id, kind, key, data)"
            " VALUES (%(account)s, %(kind)s, %(key)s, %(data)s)"
            " ON CONFLICT (rail_account_id, kind, key) DO UPDATE SET data = EXCLUDED.data",
            account=self._account,
            kind=kind,
            key=key,
            data=storable(data),
        )

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        row = one(
            "SELECT data FROM fake_record WHERE rail_account_id = %(account)s"
            " AND kind = %(kind)s AND key = %(key)s",
            account=self._account,
            kind=kind,
            key=key,
        )
        return row.data if row is not None else None

    def list(self, kind: str) -> list[dict[str, Any]]:
        rows = run(
            "SELECT data FROM fake_record WHERE rail_account_id = %(account)s AND kind = %(kind)s"
            " ORDER BY id",
            account=self._account,
            kind=kind,
        )
        return [row.data for row in rows]

    def next_number(self) -> int:
        # One sequence serves all accounts: numbers have gaps, as a real provider's do.
        row = one("SELECT nextval('fake_record_id_seq') AS number")
        assert row is not None  # noqa: S101 - nextval always answers
        return int(row.number)
