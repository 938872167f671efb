"""What the pretend Bakong remembers: transactions by hash, and which one paid which code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, Shelf
from checkout.rails.khqr.payload import milliseconds, write_amount

CODE = "code"
"""Codes that a link was made for, by MD5."""
TRANSACTION = "transaction"
PAID = "paid"
"""The newest transaction of each code, by MD5; without a hash where it failed."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Pretend money on a code; `amount` in minor units."""

    md5: str
    amount: int
    currency: str
    description: str | None
    at: datetime


def record_payment(shelf: Shelf, paid: Payment, account: Account) -> None:
    """Move the money. The same code again is another transaction, which is told from then on."""
    number = shelf.next_number()
    found = hashlib.sha256(f"{account.id}:{number}:{paid.md5}".encode()).hexdigest()
    shelf.put(TRANSACTION, found, _make_transaction(found, number, paid, account))
    shelf.put(PAID, paid.md5, {"hash": found})


def record_failure(shelf: Shelf, md5: str) -> None:
    """Let a payment fail; one that has succeeded before stays what it is."""
    if shelf.get(PAID, md5) is None:
        shelf.put(PAID, md5, {"hash": None})


def _make_transaction(found: str, number: int, paid: Payment, account: Account) -> dict[str, Any]:
    amount = write_amount(paid.amount, paid.currency)
    created_ms = milliseconds(paid.at)
    # Bakong is not of one mind about numbers; the pretend one writes them each way in turn.
    plain = number % 2 == 0
    return {
        "hash": found,
        "fromAccountId": "payer_sok@abaa",
        "toAccountId": account.settings.get("bakong_account_id"),
        "currency": paid.currency,
        "amount": amount if plain else float(amount),
        "description": paid.description,
        "createdDateMs": created_ms if plain else float(created_ms),
        "acknowledgedDateMs": created_ms + 1000,
        "trackingStatus": None,
        "receiverBank": None,
        "receiverBankAccount": None,
        "instructionRef": None,
        "externalRef": None,
    }
