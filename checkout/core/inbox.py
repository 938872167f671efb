"""The inbox: what providers tell us, stored and committed before anybody judges it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core import ids
from checkout.core.crypto import seal
from checkout.core.db import execute, jsonb, run

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


_INSERT = """
INSERT INTO inbox (id, store_id, livemode, rail, rail_account_id, provider_reference, notice, raw)
SELECT id, store_id, livemode, rail, account_id, reference, notice::jsonb, raw
FROM unnest(%(id)s::text[], %(store_id)s::text[], %(livemode)s::boolean[], %(rail)s::text[],
    %(account_id)s::text[], %(reference)s::text[], %(notice)s::text[], %(raw)s::bytea[])
    AS row (id, store_id, livemode, rail, account_id, reference, notice, raw)
ORDER BY account_id, reference
ON CONFLICT (rail_account_id, provider_reference) DO NOTHING
RETURNING id
"""


def store_incoming(incoming: Sequence[Incoming]) -> list[tuple[str, bool]]:
    """Store notices with one statement; the inbox id of each and whether it is new.

    The same (rail account, provider reference) is stored once, however often and however
    closely together it comes: the constraint decides. They are inserted in the order of that
    constraint, so that two processes with the same notices do not wait for each other in a
    ring. The raw bytes are sealed.
    """
    rows = [_row(one) for one in incoming]
    if not rows:
        return []
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    new = {row.id for row in run(_INSERT, **columns)}
    known = _find_known([row for row in rows if row["id"] not in new])
    return [
        (row["id"], True)
        if row["id"] in new
        else (known[row["account_id"], row["reference"]], False)
        for row in rows
    ]


def _row(incoming: Incoming) -> dict[str, Any]:
    inbox_id = ids.new_id("inb")
    return {
        "id": inbox_id,
        "store_id": incoming.store_id,
        "livemode": incoming.livemode,
        "rail": incoming.rail,
        "account_id": incoming.rail_account_id,
        "reference": storable_text(incoming.provider_reference),
        "notice": json.dumps(storable(incoming.notice)),
        "raw": seal(incoming.raw, row=inbox_id, column="inbox.raw"),
    }


def _find_known(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    if not rows:
        return {}
    found = run(
        "SELECT id, rail_account_id, provider_reference FROM inbox"
        " WHERE (rail_account_id, provider_reference) IN (SELECT * FROM"
        " unnest(%(accounts)s::text[], %(references)s::text[]))",
        accounts=[row["account_id"] for row in rows],
        references=[row["reference"] for row in rows],
    )
    return {(row.rail_account_id, row.provider_reference): row.id for row in found}


# Without the raw bytes, which nobody judges by.
_LEASE = """
SELECT id, store_id, livemode, rail, rail_account_id, notice, received_at FROM inbox
WHERE judged_at IS NULL AND {} ORDER BY {} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""


def lease_incoming(
    inbox_ids: Sequence[str] | None, *, limit: int, due_seconds: float = 0.0
) -> list[Any]:
    """Lock notices that wait to be judged, skipping those that somebody else is judging.

    Without ids: those whose next try has been due for at least so many seconds.
    """
    if inbox_ids is not None:
        return run(_LEASE.format("id = ANY(%(ids)s)", "id"), ids=list(inbox_ids), limit=limit)
    due = "next_try_at <= clock_timestamp() - make_interval(secs => %(seconds)s)"
    return run(_LEASE.format(due, "next_try_at, id"), limit=limit, seconds=due_seconds)


def find_results(inbox_ids: Sequence[str]) -> dict[str, str]:
    """What became of notices that have been judged: inbox id → result."""
    if not inbox_ids:
        return {}
    rows = run(
        "SELECT id, result FROM inbox WHERE id = ANY(%(ids)s) AND result IS NOT NULL",
        ids=list(inbox_ids),
    )
    return {row.id: row.result for row in rows}


def mark_judged(results: Mapping[str, str]) -> None:
    """Note what became of notices: inbox id → disposition, 'ignored' or 'repeated'."""
    if not results:
        return
    execute(
        "UPDATE inbox SET judged_at = clock_timestamp(), result = row.result, last_error = NULL"
        " FROM jsonb_to_recordset(%(rows)s) AS row (id text, result text)"
        " WHERE inbox.id = row.id AND inbox.id = ANY(%(ids)s)",
        ids=list(results),
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
