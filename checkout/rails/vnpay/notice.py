"""The notice of what VNPay says of a payment, the same from an IPN and from a query's answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from checkout.rails.base import Account, Match, Notice, Source
from checkout.rails.vnpay.wire import (
    CURRENCY,
    FAILURES,
    REVERSED,
    SUSPECTED,
    TEXT_LIMIT,
    judge_codes,
    read_wire_amount,
    read_wire_time,
)

REFERENCE_LIMIT = 100
WRONG_AMOUNT = "amount"
"""The detail `why` of genuine money whose amount cannot be read."""

_DETAILS = {
    "transaction_no": "vnp_TransactionNo",
    "bank_code": "vnp_BankCode",
    "bank_transaction_no": "vnp_BankTranNo",
    "card_type": "vnp_CardType",
    "response_code": "vnp_ResponseCode",
    "transaction_status": "vnp_TransactionStatus",
    "amount_told": "vnp_Amount",
}


def make_notice(
    fields: Mapping[str, str], *, code: str | None, source: Source, raw: bytes, account: Account
) -> Notice:
    """The notice of verified fields.

    `code` is the payment's own vnp_ResponseCode; None in a query's answer, which has none.
    """
    status = fields.get("vnp_TransactionStatus", "")
    verdict = judge_codes(status, code)
    base = _base_notice(fields, source=source, raw=raw)
    if verdict == "paid":
        return _paid(base, fields)
    if verdict == "suspected":
        return _held(base, fields, mark=SUSPECTED, why="suspected")
    if verdict == "reversed":
        return _held(base, fields, mark=REVERSED, why="reversed")
    mark = status if code is None else f"{code}:{status}"
    base = replace(base, provider_reference=_reference(fields, raw, mark))
    if verdict == "open":
        return replace(base, outcome="pending")
    if fields.get("vnp_TmnCode") != account.settings.get("tmn_code"):
        # Another terminal's failure says nothing of our attempt.
        return replace(base, outcome="ignored")
    return _failed(base, code)


def _base_notice(fields: Mapping[str, str], *, source: Source, raw: bytes) -> Notice:
    reference = fields.get("vnp_TxnRef", "")[:REFERENCE_LIMIT]
    details = {
        ours: fields[theirs][:TEXT_LIMIT] for ours, theirs in _DETAILS.items() if fields.get(theirs)
    }
    return Notice(
        provider_reference="",
        source=source,
        outcome="pending",
        raw=raw,
        account=fields.get("vnp_TmnCode", "")[:TEXT_LIMIT],
        matches=(Match("reference", reference),) if reference else (),
        memo=fields.get("vnp_OrderInfo", "")[:TEXT_LIMIT],
        occurred_at=_paid_at(fields),
        details=details,
    )


def _paid(base: Notice, fields: Mapping[str, str]) -> Notice:
    number = transaction_number(fields)
    if number is None:
        return _held(base, fields, mark="number", why="transaction_no")
    amount = read_wire_amount(fields.get("vnp_Amount", ""))
    if amount is None:
        return _held(base, fields, mark=WRONG_AMOUNT, why=WRONG_AMOUNT)
    return replace(
        base,
        provider_reference=number,
        outcome="succeeded",
        amount=amount,
        currency=CURRENCY,
        # A terminal keeps its code when its secret is replaced, and so does the movement.
        fingerprint=f"{base.account}:{number}",
    )


def _held(base: Notice, fields: Mapping[str, str], *, mark: str, why: str) -> Notice:
    """Genuine, and for a person to look at; without an amount, so that nothing is booked.

    Its reference leaves the bare number free for the money itself, should it be confirmed later.
    """
    number = transaction_number(fields)
    return replace(
        base,
        provider_reference=f"{number}:{mark}" if number else _reference(fields, base.raw, mark),
        outcome="unreadable",
        details={**base.details, "why": why},
    )


def _failed(base: Notice, code: str | None) -> Notice:
    failure_code, message = FAILURES.get(code or "", ("declined", "VNPay declined the payment."))
    details = {**base.details, "failure_code": failure_code, "failure_message": message}
    return replace(base, outcome="failed", details=details)


def transaction_number(fields: Mapping[str, str]) -> str | None:
    """vnp_TransactionNo, which is all zeros where no money has moved."""
    number = fields.get("vnp_TransactionNo", "")
    return number if re.fullmatch(r"(?=0*[1-9])[0-9]{1,15}", number) else None


def _reference(fields: Mapping[str, str], raw: bytes, mark: str) -> str:
    reference = fields.get("vnp_TxnRef", "")[:REFERENCE_LIMIT]
    if not reference:
        return f"raw:{hashlib.sha256(raw).hexdigest()}"
    return f"{reference}:{fields.get('vnp_TransactionNo', '')[:15]}:{mark[:20]}"


def _paid_at(fields: Mapping[str, str]) -> datetime | None:
    return read_wire_time(fields.get("vnp_PayDate", ""))
