"""Who changed what about a store, and what was refused at its doors."""

from __future__ import annotations

import logging
import time
from typing import Any

from flask import has_request_context

from checkout.core.db import after_commit, execute, run, unit_of_work
from checkout.core.jobs import periodic
from checkout.core.logs import log, security_event
from checkout.core.web import DATABASE_ERRORS, client_address, client_key

MOST_PER_MINUTE = 30
"""Security events of one kind and address that this process keeps a minute."""
MOST_OF_A_KIND = 300
"""The same from all addresses together."""
SEEN_MAX = 10_000
KEPT_DAYS = 90
PURGE_BATCH = 5000
EVERYBODY = "everybody"
_seen: dict[tuple[str, str], tuple[int, int]] = {}


def record_audit(
    store_id: str,
    actor: str,
    action: str,
    /,
    target: str,
    livemode: bool | None = None,
    **details: Any,
) -> None:
    """Write one line into the store's audit trail, in the current transaction. No secrets.

    The database chains it to the line before, one transaction at a time: it belongs at the
    end of a unit of work. `livemode=None` is for what concerns both modes.
    """
    execute(
        "INSERT INTO audit_entry (store_id, livemode, actor, address, action, target, details)"
        " VALUES (%(store_id)s, %(livemode)s, %(actor)s, %(address)s, %(action)s, %(target)s,"
        " %(details)s)",
        store_id=store_id,
        livemode=livemode,
        actor=actor,
        address=client_address() if has_request_context() else None,
        action=action,
        target=target,
        details=details,
    )


def record_security(
    kind: str,
    /,
    *,
    store_id: str | None = None,
    livemode: bool | None = None,
    actor: str = "",
    **details: Any,
) -> None:
    """Log a refusal and keep it, in a unit of work of its own. No secrets.

    A flood of one kind from one address is cut off, and a database that is away costs the row
    and nothing else: the log line is always written.
    """
    security_event(kind, store_id=store_id, actor=actor, client=_client(), **details)
    if _is_flood(kind):
        return
    try:
        with unit_of_work():
            _insert_security(kind, store_id, livemode, actor, details)
    except DATABASE_ERRORS:
        log("security_event_lost", logging.ERROR, kind=kind)


def record_account_event(kind: str, actor: str, **details: Any) -> None:
    """Keep what was done to an account of no store, in the current transaction. No secrets.

    Whoever can do it as often as they like is cut off as others are; the log line, written once
    it is committed, is not.
    """
    line = {"actor": actor, "client": _client(), **details}
    after_commit(lambda: security_event(kind, **line))
    if not _is_flood(kind):
        _insert_security(kind, None, None, actor, details)


def _insert_security(
    kind: str, store_id: str | None, livemode: bool | None, actor: str, details: dict[str, Any]
) -> None:
    execute(
        "INSERT INTO security_event (store_id, livemode, kind, actor, address, details)"
        " VALUES (%(store_id)s, %(livemode)s, %(kind)s, %(actor)s, %(address)s, %(details)s)",
        store_id=store_id,
        livemode=livemode,
        kind=kind,
        actor=actor,
        address=client_address() if has_request_context() else None,
        details=details,
    )


@periodic("purge_security_events", every_seconds=3600)
def purge_security_events() -> int:
    """Delete what was refused long ago, some thousands per transaction; returns how many."""
    deleted = 0
    while True:
        with unit_of_work():
            rows = run(
                "DELETE FROM security_event WHERE id IN (SELECT id FROM security_event"
                " WHERE created_at < now() - make_interval(days => %(days)s) LIMIT %(batch)s"
                " FOR UPDATE SKIP LOCKED) RETURNING 1 AS one",
                days=KEPT_DAYS,
                batch=PURGE_BATCH,
            )
        deleted += len(rows)
        if len(rows) < PURGE_BATCH:
            return deleted


def _client() -> str:
    return client_key() if has_request_context() else ""


def _is_flood(kind: str) -> bool:
    """Count one event of this kind and address within the clock's minute."""
    minute = int(time.time() // 60)
    # What one address has too many of takes nothing from the others.
    return (
        _count(kind, _client(), minute) > MOST_PER_MINUTE
        or _count(kind, EVERYBODY, minute) > MOST_OF_A_KIND
    )


def _count(kind: str, client: str, minute: int) -> int:
    key = (kind, client)
    seen_minute, count = _seen.get(key, (minute, 0))
    count = count + 1 if seen_minute == minute else 1
    if len(_seen) >= SEEN_MAX:
        totals = {known: seen for known, seen in _seen.items() if known[1] == EVERYBODY}
        _seen.clear()
        _seen.update(totals)
    _seen[key] = (minute, count)
    return count
