"""Everything that is on record about one session, from every table that knows of it.

Tables of later areas are named in SQL, never imported. Each statement goes through an index by
what it is about, and gives no more rows than a page can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from checkout.core.db import one, run
from checkout.core.scope import Scope
from checkout.sessions.queries import load_history

MOST = 300
"""Rows of one kind; a session's whole life has a few dozen."""


@dataclass(slots=True)
class Records:
    """A session and all that points to it."""

    session: Any
    payment: Any | None
    history: list[Any]
    attempts: list[Any]
    transfers: list[Any]
    notices: list[Any]
    entries: list[Any]
    """Sides of journals, with the journal's `kind` and the account's as `account`."""
    events: list[Any]
    deliveries: list[Any]
    """Tries to deliver, and deliveries that have not been tried."""
    audit: list[Any]
    shoppers: dict[str, Any] = field(default_factory=dict)
    """Where the shoppers were who started attempts: the attempt's id → address and browser."""
    names: dict[str, str] = field(default_factory=dict)
    """What the people and keys are called that did something: actor → name."""


def read_records(scope: Scope, session: Any, *, with_audit: bool, with_shoppers: bool) -> Records:
    """All rows about a session that has been loaded within the scope."""
    whose = {"store_id": scope.store_id, "livemode": scope.livemode}
    attempts = run(
        "SELECT * FROM attempt WHERE session_id = %(id)s ORDER BY number LIMIT %(most)s",
        id=session.id,
        most=MOST,
    )
    payment = one("SELECT * FROM payment WHERE session_id = %(id)s", id=session.id)
    transfers = run(
        "SELECT * FROM transfer WHERE (session_id = %(id)s OR part_of = %(id)s OR id = %(paid)s)"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s ORDER BY id LIMIT %(most)s",
        id=session.id,
        paid=payment.transfer_id if payment is not None else None,
        most=MOST,
        **whose,
    )
    about = [session.id, *(row.id for row in (*attempts, *transfers))]
    about += [payment.id] if payment is not None else []
    events = run(
        "SELECT id, type, body, created_at FROM outbox WHERE subject = ANY(%(about)s)"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s ORDER BY id LIMIT %(most)s",
        about=about,
        most=MOST,
        **whose,
    )
    records = Records(
        session=session,
        payment=payment,
        history=load_history(session.id),
        attempts=attempts,
        transfers=transfers,
        notices=_notices(attempts, transfers),
        entries=_entries(transfers),
        events=events,
        deliveries=_deliveries([event.id for event in events]),
        audit=_audit(scope, about) if with_audit else [],
        shoppers=_shoppers(attempts) if with_shoppers else {},
    )
    records.names = _names(scope, records)
    return records


def _notices(attempts: Sequence[Any], transfers: Sequence[Any]) -> list[Any]:
    """What providers sent: by the money it became, or under a reference of an attempt's."""
    references = run(
        "SELECT rail_account_id, reference FROM attempt_reference WHERE attempt_id = ANY(%(ids)s)",
        ids=[attempt.id for attempt in attempts],
    )
    return run(
        "SELECT * FROM inbox WHERE id = ANY(%(ids)s) UNION SELECT inbox.* FROM inbox"
        " JOIN unnest(%(accounts)s::text[], %(references)s::text[]) AS known (account, reference)"
        " ON inbox.rail_account_id = known.account"
        " AND inbox.provider_reference = known.reference ORDER BY id LIMIT %(most)s",
        ids=[transfer.inbox_id for transfer in transfers if transfer.inbox_id],
        accounts=[row.rail_account_id for row in references],
        references=[row.reference for row in references],
        most=MOST,
    )


def _entries(transfers: Sequence[Any]) -> list[Any]:
    return run(
        "SELECT journal.id, journal.kind, journal.created_at, journal.note,"
        " account.kind AS account, account.currency, entry.amount FROM journal"
        " JOIN entry ON entry.journal_id = journal.id"
        " JOIN account ON account.id = entry.account_id"
        " WHERE journal.transfer_id = ANY(%(ids)s) ORDER BY journal.id, entry.id LIMIT %(most)s",
        ids=[transfer.id for transfer in transfers],
        most=MOST,
    )


def _deliveries(event_ids: Sequence[str]) -> list[Any]:
    return run(
        "SELECT delivery.id, delivery.status, delivery.created_at, endpoint.url, outbox.type,"
        " try.number, try.at, try.duration_ms, try.response_status, try.response_body, try.error"
        " FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint_id"
        " JOIN outbox ON outbox.id = delivery.event_id"
        " LEFT JOIN delivery_attempt AS try ON try.delivery_id = delivery.id"
        " WHERE delivery.event_id = ANY(%(ids)s)"
        " ORDER BY delivery.id, try.number LIMIT %(most)s",
        ids=list(event_ids),
        most=MOST,
    )


def _audit(scope: Scope, about: Sequence[str]) -> list[Any]:
    return run(
        "SELECT id, created_at, actor, action, target, details FROM audit_entry"
        " WHERE store_id = %(store_id)s AND target = ANY(%(about)s) ORDER BY id LIMIT %(most)s",
        store_id=scope.store_id,
        about=list(about),
        most=MOST,
    )


def _shoppers(attempts: Sequence[Any]) -> dict[str, Any]:
    rows = run(
        "SELECT attempt_id, address, user_agent FROM attempt_shopper"
        " WHERE attempt_id = ANY(%(ids)s)",
        ids=[attempt.id for attempt in attempts],
    )
    return {row.attempt_id: row for row in rows}


def _names(scope: Scope, records: Records) -> dict[str, str]:
    """Names of the members and keys among the actors."""
    actors = {row.actor for row in (*records.history, *records.audit)}
    actors |= {str(row.resolution.get("by")) for row in records.transfers if row.resolution}
    ids = [actor.partition(":")[2] for actor in actors if actor.startswith(("user:", "key:"))]
    rows = run(
        "SELECT 'user:' || who.id AS actor, who.name FROM membership AS member"
        " JOIN app_user AS who ON who.id = member.user_id"
        " WHERE member.store_id = %(store_id)s AND who.id = ANY(%(ids)s) UNION ALL"
        " SELECT 'key:' || id, name FROM api_key"
        " WHERE store_id = %(store_id)s AND id = ANY(%(ids)s)",
        store_id=scope.store_id,
        ids=ids,
    )
    return {row.actor: row.name for row in rows if row.name}
