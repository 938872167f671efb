"""A transaction as Bakong tells it, and the notice of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from checkout.rails.base import Attempt, Match, Notice

CLOCK_MARGIN = timedelta(minutes=1)
"""How far Bakong's clock may be behind ours."""
AMOUNT_LIMIT = {"KHR": 9_999_999_999_999, "USD": 999_999_999_999}
"""The most that fits into a KHQR string, in minor units."""
_EXPONENTS = {"KHR": 0, "USD": 2}
_TEXT_LIMIT = 500
_KEPT = {
    "trackingStatus": "tracking_status",
    "receiverBank": "receiver_bank",
    "instructionRef": "instruction_ref",
    "externalRef": "external_ref",
}


class UnreadableTransaction(ValueError):
    """A genuine transaction that a person must look at."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The movement of money that paid a code."""

    amount: int
    currency: str
    to_account: str
    happened_at: datetime | None


def make_notice(data: Mapping[str, Any], md5: str, attempt: Attempt | None) -> Notice:
    """The notice of a found transaction: money, or something for a person to look at.

    `attempt` is the one that showed the code, where it is known.
    """
    payer = clean_text(data.get("fromAccountId"))
    notice = Notice(
        provider_reference=str(data["hash"]).lower(),
        source="list",
        outcome="unreadable",
        raw=json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode(),
        matches=(Match("reference", md5),) if md5 else (),
        memo=clean_text(data.get("description")),
        payer={"account": payer} if payer else None,
        details=_details(data, md5),
    )
    try:
        found = read_transaction(data)
        _check_age(found, attempt)
    except UnreadableTransaction as problem:
        return replace(
            notice,
            # The hash alone stays free for the money, which another answer may tell whole.
            provider_reference=f"{notice.provider_reference}:unreadable",
            details={**notice.details, "unreadable": str(problem)},
        )
    return replace(
        notice,
        outcome="succeeded",
        amount=found.amount,
        currency=found.currency,
        account=found.to_account,
        # One transaction pays once, whichever of the store's accounts it is asked for with.
        fingerprint=notice.provider_reference,
        occurred_at=found.happened_at,
    )


def read_transaction(data: Mapping[str, Any]) -> Transaction:
    """The money of a transaction. Raises UnreadableTransaction."""
    currency = clean_text(data.get("currency")).upper()
    if currency not in _EXPONENTS:
        raise UnreadableTransaction("the currency is neither KHR nor USD")
    to_account = clean_account(data.get("toAccountId"))
    if not to_account:
        raise UnreadableTransaction("the credited account is missing")
    happened = read_time(data.get("createdDateMs")) or read_time(data.get("acknowledgedDateMs"))
    return Transaction(read_amount(data.get("amount"), currency), currency, to_account, happened)


def read_amount(value: object, currency: str) -> int:
    """Minor units of an amount that Bakong writes in riel or dollars, as a number or a text.

    Rounded to the currency's own digits: what is beyond them comes from Bakong's binary
    fractions. Raises UnreadableTransaction.
    """
    number = _read_decimal(value)
    if number is None:
        raise UnreadableTransaction("the amount is not a number")
    minor = number.scaleb(_EXPONENTS[currency])
    if not 0 < minor <= AMOUNT_LIMIT[currency]:
        raise UnreadableTransaction("the amount is out of range")
    whole = int(minor.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if whole == 0:
        raise UnreadableTransaction("the amount is below the smallest unit")
    return whole


def read_time(value: object) -> datetime | None:
    """UTC from milliseconds, also where they are written as 1.6E12; None for anything else."""
    number = _read_decimal(value)
    # From 2001 to 2286: thirteen digits. Seconds have fewer.
    if number is None or not 10**12 <= number < 10**13:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(number))


def clean_account(value: object) -> str:
    """An account id as it is compared: Bakong's are the same in either case."""
    return "".join(clean_text(value).lower().split())


def clean_text(value: object) -> str:
    """Text that a database can hold; anything that is no text is empty."""
    if not isinstance(value, str):
        return ""
    text = value[:_TEXT_LIMIT].encode("utf-8", "replace").decode()
    return text.replace("\x00", "").strip()


def _check_age(found: Transaction, attempt: Attempt | None) -> None:
    if attempt is None or found.happened_at is None:
        return
    if found.happened_at < attempt.created_at - CLOCK_MARGIN:
        raise UnreadableTransaction("the transaction is older than the code that it pays")


def _details(data: Mapping[str, Any], md5: str) -> dict[str, str]:
    kept = {name: clean_text(data.get(key)) for key, name in _KEPT.items()}
    found = {"gateway": "Bakong", "md5": md5, **kept}
    return {name: text for name, text in found.items() if text}


def _read_decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**20 else None
    if isinstance(value, str) and not re.fullmatch(
        r"[0-9]{1,20}(\.[0-9]{1,30})?([eE][+]?[0-9]{1,2})?", value.strip()
    ):
        return None
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None
