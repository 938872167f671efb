"""The rows that settling writes, as plain dicts, and the events that tell of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.outbox import Event
from checkout.ledger.post import Line, Posting
from checkout.payments.arrival import Arrival, bank_time
from checkout.payments.decide import Decision


class Row:
    """A dict read like a row."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def transfer_row(arrival: Arrival, decision: Decision, attempt: Any | None) -> dict[str, Any]:
    notice = arrival.notice
    return {
        "id": ids.new_id("trf"),
        "store_id": arrival.store_id,
        "livemode": arrival.livemode,
        "rail": arrival.rail,
        "rail_account_id": arrival.rail_account_id,
        "provider_reference": notice.provider_reference,
        "fingerprint": notice.fingerprint,
        "source": notice.source,
        "inbox_id": arrival.inbox_id,
        "amount": None if decision.disposition == "unreadable" else notice.amount,
        "currency": None if decision.disposition == "unreadable" else notice.currency,
        "memo": notice.memo,
        "payer": dict(notice.payer) if notice.payer else None,
        "details": dict(notice.details),
        "occurred_at": bank_time(arrival),
        "received_at": arrival.received_at,
        "disposition": decision.disposition,
        "attempt_id": attempt.id if attempt is not None else None,
        "session_id": attempt.session_id if attempt is not None else None,
        "held": 0,
        "part_of": None,
        "resolution": None,
    }


def posting(
    transfer: dict[str, Any],
    kind: str,
    at: datetime,
    lines: tuple[Line, ...],
    payment_id: str | None = None,
) -> Posting:
    return Posting(
        store_id=transfer["store_id"],
        livemode=transfer["livemode"],
        currency=transfer["currency"],
        kind=kind,
        lines=lines,
        at=at,
        transfer_id=transfer["id"],
        payment_id=payment_id,
    )


def merged(*lines: Line) -> tuple[Line, ...]:
    """One line per account, none of them zero."""
    sums: dict[tuple[str, str | None], int] = {}
    for line in lines:
        key = (line.kind, line.customer_id)
        sums[key] = sums.get(key, 0) + line.amount
    return tuple(Line(kind, amount, who) for (kind, who), amount in sums.items() if amount)


def transfer_event(
    type: str,  # noqa: A002 - the contract's own word
    transfer: dict[str, Any],
    subject: str,
    object: dict[str, Any],  # noqa: A002
    at: datetime,
) -> Event:
    return Event(
        type=type,
        store_id=transfer["store_id"],
        livemode=transfer["livemode"],
        subject=subject,
        object=object,
        at=at,
    )
