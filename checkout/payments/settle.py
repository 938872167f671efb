"""Settle: the one function that turns money into payments.

It takes a batch of arrivals in one transaction, locks their sessions in one order, decides
each in turn and writes everything at the end: transfers, attempts, sessions with history,
payments, journals and events. Accounts are locked last, for as short as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.inbox import mark_judged
from checkout.ledger.post import clearing
from checkout.merchants.stores import load_store
from checkout.payments.arrival import Arrival, bank_time
from checkout.payments.book import (
    Book,
    Desk,
    apply_decision,
    open_desks,
    tell_unmatched,
    write_book,
)
from checkout.payments.decide import Decision, Money, Rules, decide
from checkout.payments.match import Attempts, choose_attempt, find_attempts
from checkout.payments.proof import account_fits
from checkout.payments.rows import transfer_row
from checkout.payments.twins import mark_twins, without_twins


def settle(arrivals: Sequence[Arrival]) -> dict[str, str]:
    """Settle arrivals of one store and mode in the current transaction.

    Returns inbox id → disposition, or 'repeated' for money that hook and list both told of;
    the inbox is told as well.
    """
    arrivals, twins = without_twins(arrivals)
    results = {twin.inbox_id: "repeated" for twin in twins}
    if not arrivals:
        mark_twins(twins)
        mark_judged(results)
        return results
    store_id, livemode = arrivals[0].store_id, arrivals[0].livemode
    told = [(arrival.rail, arrival.notice) for arrival in arrivals]
    known = find_attempts(store_id, livemode, told)
    desks = open_desks({attempt.session_id for attempt in known.values()})
    settings = load_store(store_id).settings
    book = Book(twins=twins)
    for arrival in arrivals:
        results[arrival.inbox_id] = _settle_one(arrival, known, desks, settings, book)
    book.judged = results
    write_book(book)
    return results


def _settle_one(
    arrival: Arrival, known: Attempts, desks: dict[str, Desk], settings: Any, book: Book
) -> str:
    sessions = {session_id: desk.session for session_id, desk in desks.items()}
    attempt = choose_attempt(arrival.rail, arrival.notice, known, sessions)
    desk = desks[attempt.session_id] if attempt is not None else None
    notice = arrival.notice
    if notice.outcome == "unreadable" or notice.amount is None or notice.currency is None:
        decision = Decision("unreadable")
    else:
        decision = decide(
            Money(
                amount=notice.amount,
                currency=notice.currency,
                occurred_at=bank_time(arrival),
                account_ok=account_fits(arrival, attempt),
            ),
            desk.session if desk is not None else None,
            Rules(settings.late_grace_minutes, settings.underpayment),
        )
    transfer = transfer_row(arrival, decision, attempt)
    book.transfers.append(transfer)
    if decision.disposition == "unreadable":
        tell_unmatched(transfer, book)
        return decision.disposition
    apply_decision(
        decision,
        transfer,
        desk=desk,
        attempt_id=attempt.id if attempt is not None else None,
        source=clearing(arrival.rail),
        actor=f"rail:{arrival.rail}",
        at=arrival.received_at,
        fee_bps=settings.fee_bps,
        book=book,
    )
    return decision.disposition
