"""The book of a batch: what every decision changes, written all at once at the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.db import execute, later, pipeline
from checkout.core.inbox import mark_judged
from checkout.core.logs import log
from checkout.core.outbox import Event, record_events
from checkout.core.push import changed
from checkout.ledger.post import (
    FEES,
    STORE_BALANCE,
    SUSPENSE,
    WALLET,
    Line,
    Posting,
    begin_accounts,
    post,
)
from checkout.merchants.rail_accounts import load_account
from checkout.payments.decide import Decision
from checkout.payments.facts import attempt_facts, prompt_record
from checkout.payments.records import (
    transfer_object,
    write_attempts,
    write_payments,
    write_transfers,
)
from checkout.payments.references import Reference, write_reference
from checkout.payments.rows import Row, merged, posting, transfer_event
from checkout.payments.twins import Twin, mark_twins
from checkout.rails.base import RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_rail
from checkout.sessions.move import Move, begin_moves, plan_move
from checkout.sessions.objects import attempt_object, payment_object, session_object
from checkout.sessions.queries import Locked, begin_lock
from checkout.sessions.states import LIVE as LIVE_SESSION
from checkout.sessions.tell import session_event

LIVE_ATTEMPT = ("pending", "requires_action")


@dataclass(slots=True)
class Desk:
    """A locked session at work: its rows as they stand after what was decided so far."""

    locked: Locked
    session: Any
    attempts: dict[str, Any]
    """Every attempt of the session, by id."""
    payment: dict[str, Any] | None = None


@dataclass(slots=True)
class Book:
    """All that a batch will write."""

    twins: list[Twin] = field(default_factory=list)
    transfers: list[dict[str, Any]] = field(default_factory=list)
    attempts: dict[str, Any] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    """Sessions whose earlier parts have found their home in a payment."""
    events: list[Event] = field(default_factory=list)
    judged: dict[str, str] = field(default_factory=dict)
    """Inbox id → what became of the notice."""


def open_desks(session_ids: set[str]) -> dict[str, Desk]:
    """Lock sessions in the order of their ids and read their attempts under that lock."""
    if not session_ids:
        return {}
    wanted = sorted(session_ids)
    with pipeline():
        locked = begin_lock(wanted)
        attempts = later(
            "SELECT * FROM attempt WHERE session_id = ANY(%(ids)s) ORDER BY number", ids=wanted
        )
    desks = {one.session.id: Desk(one, one.session, {}) for one in locked()}
    for attempt in attempts():
        desks[attempt.session_id].attempts[attempt.id] = attempt
    return desks


def apply_decision(
    decision: Decision,
    transfer: dict[str, Any],
    *,
    desk: Desk | None,
    attempt_id: str | None,
    source: str,
    actor: str,
    at: datetime,
    fee_bps: int,
    book: Book,
    source_customer: str | None = None,
) -> None:
    """Carry out a decision: where the money goes, what moves, who hears of it.

    `source` is the ledger account that the money leaves: the rail's clearing account,
    suspense where a person gives held money a home, or a customer's wallet.
    """
    if decision.completes and desk is not None:
        leaves = Line(source, -transfer["amount"], source_customer)
        _complete(decision, transfer, desk, attempt_id, leaves, actor, at, fee_bps, book)
        return
    transfer["held"] = transfer["amount"]
    if source != SUSPENSE:
        book.postings.append(
            posting(
                transfer,
                "transfer",
                at,
                (Line(source, -transfer["amount"]), Line(SUSPENSE, transfer["amount"])),
            )
        )
    if decision.disposition == "partial" and desk is not None:
        _take_part(decision, transfer, desk, attempt_id, actor, at, book)
        if desk.session.status in LIVE_SESSION and not decision.fails_attempt:
            return
    tell_unmatched(transfer, book)


def _complete(
    decision: Decision,
    transfer: dict[str, Any],
    desk: Desk,
    attempt_id: str | None,
    leaves: Line,
    actor: str,
    at: datetime,
    fee_bps: int,
    book: Book,
) -> None:
    session = desk.session
    amount, surplus = transfer["amount"], decision.surplus
    payment_amount = session.amount_received + amount - surplus
    fee = 0 if session.mode == "topup" else payment_amount * fee_bps // 10_000
    payment = _payment_row(desk, transfer, attempt_id, payment_amount, fee, decision.late)
    home = (
        Line(WALLET, payment_amount, session.customer_id)
        if session.mode == "topup"
        else Line(STORE_BALANCE, payment_amount - fee)
    )
    lines = merged(
        leaves,
        Line(SUSPENSE, surplus - session.amount_received),
        home,
        Line(FEES, fee),
    )
    book.postings.append(posting(transfer, "payment", at, lines, payment["id"]))
    book.payments.append(payment)
    book.released.append(session.id)
    transfer["held"] = surplus
    _end_attempts(desk, attempt_id, at, book)
    move = plan_move(
        session,
        "accepted" if leaves.kind == SUSPENSE else "paid",
        actor=actor,
        at=at,
        reason="late" if decision.late else None,
        amount_received=session.amount_received + amount,
        payment_status="overpaid" if surplus else "paid",
        expired_reason=None,
    )
    book.moves.append(move)
    desk.session = move.after
    desk.payment = payment_object(Row(payment))
    object_ = _session_object(desk, at)
    book.events.append(session_event("checkout.session.completed", move, object_))
    book.events.append(
        transfer_event("payment.completed", transfer, payment["id"], desk.payment, at)
    )
    if surplus:
        tell_unmatched(transfer, book)


def _take_part(
    decision: Decision,
    transfer: dict[str, Any],
    desk: Desk,
    attempt_id: str | None,
    actor: str,
    at: datetime,
    book: Book,
) -> None:
    session = desk.session
    if decision.fails_attempt:
        _fail_short(transfer, desk, attempt_id, actor, at, book)
        return
    move = plan_move(
        session,
        "part_received",
        actor=actor,
        at=at,
        amount_received=session.amount_received + transfer["amount"],
        payment_status="partially_paid",
    )
    book.moves.append(move)
    desk.session = move.after
    transfer["part_of"] = session.id
    if desk.session.status in LIVE_SESSION:
        _ask_for_rest(desk, book)
        book.events.append(
            session_event("checkout.session.processing", move, _session_object(desk, at))
        )


def _fail_short(
    transfer: dict[str, Any],
    desk: Desk,
    attempt_id: str | None,
    actor: str,
    at: datetime,
    book: Book,
) -> None:
    """A strict store: short money fails its attempt and waits for a person."""
    attempt = desk.attempts.get(attempt_id or "")
    if attempt is None or attempt.status not in LIVE_ATTEMPT:
        return
    failed = attempt._replace(
        status="failed",
        ended_at=at,
        failure={
            "code": "underpaid",
            "message": f"{transfer['amount']} of {attempt.amount} arrived.",
        },
    )
    _put_attempt(desk, failed, book)
    if desk.session.status in LIVE_SESSION:
        move = plan_move(
            desk.session,
            "attempt_failed",
            actor=actor,
            at=at,
            reason="underpaid",
            attempts=desk.session.attempts + 1,
        )
        book.moves.append(move)
        desk.session = move.after
    book.events.append(
        transfer_event("payment.failed", transfer, failed.id, attempt_object(failed), at)
    )


def _ask_for_rest(desk: Desk, book: Book) -> None:
    """The live attempt now asks for what is left: same code, a new QR."""
    rest = desk.session.amount - desk.session.amount_received
    for attempt in list(desk.attempts.values()):
        rail = get_rail(attempt.rail)
        # A provider that has to be asked for it is asked when the shopper goes on paying.
        if attempt.status not in LIVE_ATTEMPT or not rail.takes_parts or rail.calls_out:
            continue
        asking = attempt._replace(amount=rest)
        _, account = load_account(attempt.rail_account_id)
        try:
            facts = attempt_facts(asking, desk.session)
            prompt = rail.open(facts, account, bounded_client(), desk.locked.now)
        except RailError as error:
            # Money that has come is booked whatever the rail thinks of showing a new code.
            log("rail_cannot_open", logging.ERROR, rail_account=account.id, code=error.code)
            continue
        if prompt.provider_reference:
            ends_at = prompt.expires_at or attempt.expires_at
            book.references.append(
                Reference(attempt, prompt.provider_reference, desk.locked.now, ends_at)
            )
            asking = asking._replace(provider_reference=prompt.provider_reference)
        _put_attempt(desk, asking._replace(prompt=prompt_record(prompt)), book)


def withdraw_part(desk: Desk, amount: int, actor: str, at: datetime, book: Book) -> None:
    """A part that finds its home elsewhere is no longer among what the session received."""
    left = desk.session.amount_received - amount
    move = plan_move(
        desk.session,
        "part_withdrawn",
        actor=actor,
        at=at,
        amount_received=left,
        payment_status="partially_paid" if left else "unpaid",
    )
    book.moves.append(move)
    desk.session = move.after
    if desk.session.status in LIVE_SESSION:
        _ask_for_rest(desk, book)


def _end_attempts(desk: Desk, attempt_id: str | None, at: datetime, book: Book) -> None:
    """The attempt that brought the money has succeeded; another that is live ends with it."""
    for attempt in list(desk.attempts.values()):
        if attempt.id == attempt_id:
            succeeded = attempt._replace(status="succeeded", ended_at=at, failure=None)
            _put_attempt(desk, succeeded, book)
        elif attempt.status in LIVE_ATTEMPT:
            _put_attempt(desk, attempt._replace(status="cancelled", ended_at=at), book)


def _put_attempt(desk: Desk, attempt: Any, book: Book) -> None:
    desk.attempts[attempt.id] = attempt
    book.attempts[attempt.id] = attempt


def _payment_row(
    desk: Desk,
    transfer: dict[str, Any],
    attempt_id: str | None,
    amount: int,
    fee: int,
    late: bool,
) -> dict[str, Any]:
    session = desk.session
    return {
        "id": ids.new_id("pay"),
        "store_id": session.store_id,
        "livemode": session.livemode,
        "session_id": session.id,
        "attempt_id": attempt_id,
        "transfer_id": transfer["id"],
        "customer_id": session.customer_id,
        "rail": transfer["rail"],
        "amount": amount,
        "fee": fee,
        "amount_refunded": 0,
        "currency": session.currency,
        "status": "succeeded",
        "late": late,
        "provider_reference": transfer["details"].get("reference_code")
        or transfer["provider_reference"],
        "reference": session.reference,
        "paid_at": transfer["occurred_at"],
        "created_at": desk.locked.now,
    }


def tell_unmatched(transfer: dict[str, Any], book: Book) -> None:
    book.events.append(
        transfer_event(
            "transfer.unmatched",
            transfer,
            transfer["id"],
            transfer_object(Row(transfer)),
            transfer["received_at"],
        )
    )


def _session_object(desk: Desk, at: datetime) -> dict[str, Any]:
    newest = max(desk.attempts.values(), key=lambda attempt: attempt.number, default=None)
    return session_object(
        desk.session,
        now=at,
        attempt=attempt_object(newest) if newest is not None else None,
        payment=desk.payment,
    )


def write_book(book: Book) -> None:
    """Write everything that was decided; the ledger comes last because its locks are busiest."""
    with pipeline():
        check = begin_moves(book.moves) if book.moves else None
        write_transfers(book.transfers)
        mark_twins(book.twins)
        write_attempts(list(book.attempts.values()))
        for known in book.references:
            write_reference(known)
        _release_parts(book.released)
        write_payments(book.payments)
        record_events(book.events)
        mark_judged(book.judged)
        accounts = begin_accounts(book.postings)
    if check is not None:
        check()
    post(book.postings, accounts)
    for transfer in book.transfers:
        # Money that is held moves no session, and yet the page has something to say of it.
        if transfer["session_id"] is not None:
            changed(transfer["session_id"])


def _release_parts(session_ids: list[str]) -> None:
    """The parts of completed sessions have found their home in the payment."""
    if session_ids:
        execute(
            "UPDATE transfer SET held = 0 WHERE part_of = ANY(%(ids)s) AND held > 0",
            ids=session_ids,
        )
