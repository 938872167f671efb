"""The inbox: what providers tell us, stored and committed before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core import ids
from checkout.core.crypto import seal
from checkout.core.db import jsonb, one, run

BACKOFF_SECONDS = (1, 2, 5, 15, 60, 300)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One verified notice as it is stored: its own facts as JSON and the raw bytes."""

    store_id: str
    livemode: bool
    rail: str
    rail_account_id: str
    provider_reference: str
    notice: Mapping[str, Any]
    raw: bytes


def store_incoming(incoming: Incoming) -> tuple[str, bool]:
    """Store one notice; returns its inbox id and whether it is new.

    The same (rail account, provider reference) is stored once, however often and however
    closely together it comes: the constraint decides. The raw bytes are sealed.
    """
    inbox_id = ids.new_id("inb")
    row = one(
        "INSERT INTO inbox (id, store_id, livemode, rail, rail_account_id, provider_reference,"
        " notice, raw) VALUES (%(id)s, %(store_id)s, %(livemode)s, %(rail)s, %(account_id)s,"
        " %(reference)s, %(notice)s, %(raw)s)"
        " ON CONFLICT (rail_account_id, provider_reference) DO NOTHING RETURNING id",
        id=inbox_id,
        store_id=incoming.store_id,
        livemode=incoming.livemode,
        rail=incoming.rail,
        account_id=incoming.rail_account_id,
        reference=storable_text(incoming.provider_reference),
        notice=jsonb(storable(incoming.notice)),
        raw=seal(incoming.raw, row=inbox_id, column="inbox.raw"),
    )
    if row is not None:
        return inbox_id, True
    known = one(
        "SELECT id FROM inbox WHERE rail_account_id = %(account_id)s"
        " AND provider_reference = %(reference)s",
        account_id=incoming.rail_account_id,
        reference=storable_text(incoming.provider_reference),
    )
    assert known is not None  # noqa: S101 - inbox rows are never deleted
    return known.id, False


def lease_incoming(inbox_ids: Sequence[str] | None, *, limit: int) -> list[Any]:
    """Lock notices that wait to be judged, skipping those that somebody else is judging."""
    if inbox_ids is not None:
        return run(
            "SELECT * FROM inbox WHERE id = ANY(%(ids)s) AND judged_at IS NULL"
            " ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
            ids=list(inbox_ids),
            limit=limit,
        )
    return run(
        "SELECT * FROM inbox WHERE judged_at IS NULL AND next_try_at <= clock_timestamp()"
        " ORDER BY next_try_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
        limit=limit,
    )


def mark_judged(results: Mapping[str, str]) -> None:
    """Note what became of notices: inbox id → disposition, 'ignored' or 'repeated'."""
    run(
        "UPDATE inbox SET judged_at = clock_timestamp(), result = row.result, last_error = NULL"
        " FROM jsonb_to_recordset(%(rows)s) AS row (id text, result text) WHERE inbox.id = row.id",
        rows=jsonb([{"id": id_, "result": result} for id_, result in results.items()]),
    )


def mark_failed(inbox_id: str, error: str) -> None:
    """Judging crashed: the notice waits for its next try, ever longer, and stays visible."""
    run(
        "UPDATE inbox SET tries = tries + 1, last_error = %(error)s, next_try_at ="
        " clock_timestamp() + make_interval(secs => (%(waits)s::int[])[least(tries + 1, %(most)s)])"
        " WHERE id = %(id)s",
        id=inbox_id,
        error=storable_text(error)[:500],
        waits=list(BACKOFF_SECONDS),
        most=len(BACKOFF_SECONDS),
    )


def storable(value: Any) -> Any:
    """JSON whose texts the database can hold: odd characters never stop money."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


def storable_text(text: str) -> str:
    """A text without NUL and lone surrogates, which PostgreSQL does not store."""
    clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean.encode("utf-8", "replace").decode("utf-8")
