"""Resolve held money: a person says where it belongs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.audit import record_audit
from checkout.core.clock import rfc3339
from checkout.core.db import one
from checkout.core.errors import conflict, invalid, missing
from checkout.core.outbox import Event, record_event
from checkout.core.push import changed
from checkout.customers.queries import load_customer
from checkout.ledger.post import STORE_BALANCE, SUSPENSE, WALLET, Line, clearing, post
from checkout.merchants.stores import load_store
from checkout.payments.book import (
    Book,
    Desk,
    apply_decision,
    open_desks,
    withdraw_part,
    write_book,
)
from checkout.payments.decide import Decision
from checkout.payments.records import transfer_object
from checkout.payments.resolution import decide_accept, decide_assign, received_without
from checkout.payments.rows import posting


def resolve_transfer(
    transfer_id: str,
    *,
    action: str,
    note: str,
    session_id: str | None = None,
    customer_id: str | None = None,
    seen_held: int | None = None,
    store_id: str,
    livemode: bool,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Give a transfer's held money a home and return the transfer's API form.

    `accept` completes the session that the money named, or takes it into the store's balance
    where no session waits for it; `assign` gives it to another session; `credit_wallet` puts
    it into a customer's wallet; `write_off` says that it is no longer held for anybody
    (returned by hand, a correction of the bank's). `seen_held` is what was held when somebody
    decided, in minor units; where less is held by now nothing is done. Raises 404; 409
    `transfer_already_resolved`, `transfer_changed`, `session_not_active`; 422 with the field.
    """
    transfer = _load(transfer_id, store_id, livemode)
    _check_customer(action, customer_id, store_id, livemode)
    target = _target_session(transfer, action, session_id, store_id, livemode)
    # Sessions are locked before transfers, here as in settling.
    desks = open_desks({id_ for id_ in (transfer.session_id, target) if id_})
    row = _lock(transfer)
    if seen_held is not None and seen_held != row.held:
        raise conflict("transfer_changed", "Another amount is held by now.")
    case = Case(row, desks.get(row.session_id), desks.get(target or ""), actor, now)
    if row.amount is None and action != "write_off":
        raise invalid("action_not_available", "This notice says no amount.", "action")
    if action == "write_off":
        after = _move_away(case, Line(clearing(row.rail), row.held or 0), "write_off")
    elif action == "accept":
        after = _accept(case)
    elif action == "assign":
        after = _assign(case)
    elif action == "credit_wallet":
        after = _move_away(case, Line(WALLET, row.held, customer_id), "adjustment")
    else:
        raise invalid("action_not_available", f"{action} is not available here.", "action")
    record: dict[str, Any] = {"action": action, "note": note, "by": actor, "at": rfc3339(now)}
    if action == "assign":
        record["session"] = session_id
    if action == "credit_wallet":
        record["customer"] = customer_id
    if row.resolution is not None:
        # A surplus or a part that was moved on: who decided before stays on record.
        record["earlier"] = row.resolution
    resolved = _record(row, after, record, now)
    record_audit(
        store_id,
        actor,
        "transfer.resolved",
        target=transfer_id,
        livemode=livemode,
        amount=row.held,
        currency=row.currency,
        **{name: value for name, value in record.items() if name not in ("by", "at", "earlier")},
    )
    return resolved


@dataclass(frozen=True, slots=True)
class Case:
    """Held money under decision; everything in it is locked."""

    transfer: Any
    origin: Desk | None
    """The session that the money named."""
    target: Desk | None
    """The session that is to have it."""
    actor: str
    now: datetime


def _load(transfer_id: str, store_id: str, livemode: bool) -> Any:
    row = None
    if ids.is_id("trf", transfer_id):
        row = one(
            "SELECT * FROM transfer WHERE id = %(id)s AND store_id = %(store_id)s"
            " AND livemode = %(livemode)s",
            id=transfer_id,
            store_id=store_id,
            livemode=livemode,
        )
    if row is None:
        raise missing(what="transfer")
    return row


def _check_customer(action: str, customer_id: str | None, store_id: str, livemode: bool) -> None:
    if action != "credit_wallet":
        if customer_id is not None:
            raise invalid("invalid_value", "Only credit_wallet names a customer.", "customer")
        return
    if customer_id is None:
        raise invalid("missing_required_field", "Say whose wallet.", "customer")
    load_customer(store_id, livemode, customer_id, "customer")


def _lock(transfer: Any) -> Any:
    row = one("SELECT * FROM transfer WHERE id = %(id)s FOR UPDATE", id=transfer.id)
    if row is None or row.resolved_at is not None or (row.amount is not None and row.held == 0):
        raise conflict("transfer_already_resolved", "Nothing of this transfer is held any more.")
    if row.session_id != transfer.session_id:
        # Assigned by somebody else since it was read: the locked session is not its own.
        raise conflict("transfer_already_resolved", "Somebody has just resolved this transfer.")
    return row


def _target_session(
    transfer: Any, action: str, session_id: str | None, store_id: str, livemode: bool
) -> str | None:
    if action != "assign":
        if session_id is not None:
            raise invalid("invalid_value", "Only assign names a session.", "session")
        target: str | None = transfer.session_id
        return target
    if session_id is None:
        raise invalid("missing_required_field", "Say to which session.", "session")
    found = ids.is_id("cs", session_id) and one(
        "SELECT id FROM checkout_session WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=session_id,
        store_id=store_id,
        livemode=livemode,
    )
    if not found:
        raise missing("session", "checkout session")
    return session_id


def _move_away(case: Case, home: Line, kind: str) -> dict[str, Any]:
    """The held money leaves suspense for an account that is not a session's payment."""
    row = case.transfer
    book = Book()
    _withdraw(case, book)
    write_book(book)
    if row.held:
        lines = (Line(SUSPENSE, -row.held), home)
        post([posting(row._asdict(), kind, case.now, lines)])
    return {"held": 0, "part_of": None}


def _accept(case: Case) -> dict[str, Any]:
    row, desk = case.transfer, case.origin
    decision = decide_accept(row, desk.session if desk is not None else None)
    if desk is None or decision is None:
        return _move_away(case, Line(STORE_BALANCE, row.held), "adjustment")
    # Already among what the session received: settling is to count it once.
    before = received_without(row, desk.session)
    desk.session = desk.session._replace(amount_received=before)
    return _settle_held(case, desk, decision, Book())


def _assign(case: Case) -> dict[str, Any]:
    row, desk = case.transfer, case.target
    assert desk is not None  # noqa: S101 - an assigned session has been found
    grace = load_store(row.store_id).settings.late_grace_minutes
    decision = decide_assign(row, desk.session, grace)
    book = Book()
    _withdraw(case, book)
    return _settle_held(case, desk, decision, book)


def _withdraw(case: Case, book: Book) -> None:
    if case.transfer.part_of is not None and case.origin is not None:
        withdraw_part(case.origin, case.transfer.held, case.actor, case.now, book)


def _settle_held(case: Case, desk: Desk, decision: Decision, book: Book) -> dict[str, Any]:
    """Let held money settle a session, by the same road as money that has just come."""
    row = case.transfer
    money = {**row._asdict(), "amount": row.held, "held": 0, "part_of": None}
    newest = max(desk.attempts.values(), key=lambda attempt: attempt.number, default=None)
    attempt_id = newest.id if newest is not None else None
    if row.attempt_id in desk.attempts:
        attempt_id = row.attempt_id
    apply_decision(
        decision,
        money,
        desk=desk,
        attempt_id=attempt_id,
        source=SUSPENSE,
        actor=case.actor,
        at=case.now,
        fee_bps=load_store(row.store_id).settings.fee_bps,
        book=book,
    )
    # The transfer's own event tells what became of it.
    book.events = [event for event in book.events if event.type != "transfer.unmatched"]
    write_book(book)
    return {
        "held": money["held"],
        "part_of": money["part_of"],
        "disposition": decision.disposition,
        "session_id": desk.session.id,
        "attempt_id": attempt_id,
    }


def _record(
    row: Any, after: dict[str, Any], resolution: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Note the resolution; what is still held keeps the transfer open for another."""
    closed = not after["held"]
    values = {
        "disposition": row.disposition,
        "session_id": row.session_id,
        "attempt_id": row.attempt_id,
        "part_of": row.part_of,
        **after,
    }
    updated = one(
        "UPDATE transfer SET held = %(held)s, part_of = %(part_of)s, disposition = %(disposition)s,"
        " session_id = %(session_id)s, attempt_id = %(attempt_id)s, resolution = %(resolution)s,"
        " resolved_at = CASE WHEN %(closed)s THEN %(now)s::timestamptz END"
        " WHERE id = %(id)s RETURNING *",
        id=row.id,
        resolution=resolution,
        closed=closed,
        now=now,
        **values,
    )
    for session_id in {row.session_id, values["session_id"]} - {None}:
        # The page no longer says of money that the shop still has to look at it.
        changed(session_id)
    object_ = transfer_object(updated)
    record_event(
        Event(
            type="transfer.resolved",
            store_id=row.store_id,
            livemode=row.livemode,
            subject=row.id,
            object=object_,
            at=now,
            previous={"disposition": row.disposition, "amount_held": row.held},
        )
    )
    return object_
