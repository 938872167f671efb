"""Seal every secret anew with the current key, some rows a transaction."""

from __future__ import annotations

from collections.abc import Iterator

from checkout.core.config import config
from checkout.core.crypto import seal, unseal
from checkout.core.db import execute, run, unit_of_work

BATCH = 500
SEALED = (
    ("rail_account", "sealed"),
    ("app_user", "totp_sealed"),
    ("endpoint", "secret"),
    ("endpoint", "old_secret"),
    ("inbox", "raw"),
)


def rotate_seals() -> Iterator[tuple[str, int]]:
    """Table and column → how many values were sealed anew; may be stopped and run again.

    Raises SealBroken, naming the row, for a value that no key of ENCRYPTION_KEYS opens.
    """
    current = config().encryption_keys[0][0].encode() + b"."
    for table, column in SEALED:
        changed = 0
        while count := _rotate_some(table, column, current):
            changed += count
        yield f"{table}.{column}", changed


def _rotate_some(table: str, column: str, current: bytes) -> int:
    with unit_of_work():
        rows = run(
            f"SELECT id, {column} AS token FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
            f" AND {column} <> '' AND substring({column} FROM 1 FOR %(length)s) <> %(current)s"
            f" LIMIT {BATCH} FOR UPDATE",
            current=current,
            length=len(current),
        )
        for row in rows:
            bound = f"{table}.{column}"
            plain = unseal(row.token, row=row.id, column=bound)
            execute(
                f"UPDATE {table} SET {column} = %(token)s WHERE id = %(id)s",  # noqa: S608
                id=row.id,
                token=seal(plain, row=row.id, column=bound),
            )
    return len(rows)
