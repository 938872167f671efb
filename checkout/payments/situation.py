"""How a transfer stands, as one word for which there are sentences, and what may be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from checkout.core.db import one, run
from checkout.core.ids import is_id
from checkout.core.scope import Scope
from checkout.payments.codes import with_hyphen
from checkout.payments.near import fold
from checkout.payments.resolution import decide_accept
from checkout.sessions.states import LIVE

Situation = Literal[
    "settled", "resolved", "partial_waiting", "partial", "over", "late", "late_cancelled",
    "duplicate", "unknown_code", "wrong_currency", "wrong_account", "unreadable",
]  # fmt: skip

_SESSIONS = (
    "SELECT id, status, mode, amount, amount_received, currency, reference, customer_id"
    " FROM checkout_session WHERE id = ANY(%(ids)s) AND store_id = %(store_id)s"
    " AND livemode = %(livemode)s"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be done with held money."""

    action: str
    label: str
    """The end of the text's name: accepting is two things."""
    asks: str = ""
    """What has to be named for it: a session or a customer."""


def is_open(transfer: Any) -> bool:
    """Whether it waits for a home, or for somebody to read it."""
    waits = transfer.amount is None or transfer.held > 0
    return transfer.resolved_at is None and waits


def name_situation(transfer: Any, session: Any | None) -> Situation:
    """How a transfer stands; `session` is the one that it names, where it names one."""
    if not is_open(transfer):
        return "settled" if transfer.resolution is None else "resolved"
    status = session.status if session is not None else ""
    if transfer.disposition == "partial" and transfer.part_of and status in LIVE:
        return "partial_waiting"
    if transfer.disposition == "late" and status == "cancelled":
        return "late_cancelled"
    # Money that settled something and still holds a rest of it is a surplus.
    return "over" if transfer.disposition == "matched" else transfer.disposition


def list_choices(transfer: Any, session: Any | None) -> tuple[Choice, ...]:
    """What may be done with a transfer, the usual first; nothing once it has found its home."""
    if not is_open(transfer):
        return ()
    away = Choice("write_off", "write_off" if transfer.amount is not None else "close")
    if transfer.amount is None:
        return (away,)
    settles = decide_accept(transfer, session) is not None
    accept = Choice("accept", "accept_session" if settles else "accept_balance")
    elsewhere = (
        Choice("assign", "assign", "session"),
        Choice("credit_wallet", "wallet", "customer"),
    )
    if settles:
        return (accept, *elsewhere, away)
    return (*elsewhere, away, accept)


def load_sessions(session_ids: Iterable[str | None], scope: Scope) -> dict[str, Any]:
    """The sessions that transfers name, by id."""
    wanted = sorted({id_ for id_ in session_ids if id_})
    if not wanted:
        return {}
    rows = run(_SESSIONS, ids=wanted, store_id=scope.store_id, livemode=scope.livemode)
    return {row.id: row for row in rows}


def find_session(word: str, scope: Scope) -> str | None:
    """The id of the session that a person names: by id or address, code, or own reference.

    Of several with one reference the newest that is not paid.
    """
    last = word.strip().rstrip("/").rpartition("/")[2].partition("?")[0]
    if is_id("cs", last):
        return last
    bare = "".join(char for char in fold(word) if char.isascii() and char.isalnum())
    row = one(
        "SELECT id FROM ((SELECT session_id AS id, 1 AS rank FROM attempt WHERE code = %(code)s"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s) UNION ALL"
        " (SELECT id, CASE WHEN status = 'completed' THEN 3 ELSE 2 END FROM checkout_session"
        " WHERE reference = %(word)s AND store_id = %(store_id)s AND livemode = %(livemode)s"
        " ORDER BY status = 'completed', id DESC LIMIT 1)) AS found ORDER BY rank LIMIT 1",
        code=with_hyphen(bare),
        word=word.strip(),
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    return row.id if row is not None else None
