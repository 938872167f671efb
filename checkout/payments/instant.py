"""Paying from the customer's wallet: at once, all or nothing, in one transaction.

It takes the road of every payment from the decision on; what differs is where the money
leaves: the customer's own account in the ledger instead of a provider's clearing account.
"""

from __future__ import annotations

from typing import Any

from checkout.core import ids
from checkout.core.db import one
from checkout.core.errors import invalid
from checkout.ledger.post import WALLET, BelowZeroError
from checkout.merchants.stores import load_store
from checkout.payments.book import Book, apply_decision, open_desks, write_book
from checkout.payments.decide import Decision
from checkout.sessions.queries import Locked


def refuse_wallet(locked: Locked) -> None:
    """Raise 422 where the session may not be paid from a wallet."""
    session = locked.session
    if session.customer_id is None or not session.customer_proven:
        raise invalid("customer_required", "This session names no proven customer.", "rail")
    if session.mode == "topup":
        raise invalid("rail_not_available", "A wallet is not filled from itself.", "rail")


def pay_from_wallet(locked: Locked, attempt: Any, *, actor: str) -> Any:
    """Pay what the session still asks for; the attempt's row as it then stands.

    Raises 422 `insufficient_wallet_balance`; nothing of the transaction may then be kept.
    """
    session = locked.session
    desk = open_desks({session.id})[session.id]
    transfer = _transfer_row(locked, attempt)
    book = Book(transfers=[transfer])
    apply_decision(
        Decision("matched", counts=True, completes=True),
        transfer,
        desk=desk,
        attempt_id=attempt.id,
        source=WALLET,
        source_customer=session.customer_id,
        actor=actor,
        at=locked.now,
        fee_bps=load_store(session.store_id).settings.fee_bps,
        book=book,
    )
    try:
        write_book(book)
    except BelowZeroError as error:
        if error.kind != WALLET:
            raise
        raise invalid(
            "insufficient_wallet_balance", "The wallet holds less than this.", "rail"
        ) from error
    return one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt.id)


def _transfer_row(locked: Locked, attempt: Any) -> dict[str, Any]:
    return {
        "id": ids.new_id("trf"),
        "store_id": attempt.store_id,
        "livemode": attempt.livemode,
        "rail": attempt.rail,
        "rail_account_id": attempt.rail_account_id,
        "provider_reference": attempt.id,
        "fingerprint": None,
        "source": "wallet",
        "inbox_id": None,
        "amount": attempt.amount,
        "currency": attempt.currency,
        "memo": "",
        "payer": None,
        "details": {},
        "occurred_at": locked.now,
        "received_at": locked.now,
        "disposition": "matched",
        "attempt_id": attempt.id,
        "session_id": attempt.session_id,
        "held": 0,
        "part_of": None,
        "resolution": None,
    }
