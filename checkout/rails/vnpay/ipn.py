"""VNPay's IPN: proving it, reading it, and the answer code that stops or invites a retry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from checkout.rails.base import Account, Answer, Notice, Receipt, Refusal
from checkout.rails.vnpay.notice import WRONG_AMOUNT, make_notice
from checkout.rails.vnpay.signing import HASH, form_text, is_genuine_form
from checkout.rails.vnpay.wire import judge_codes

_RESULT = ("vnp_ResponseCode", "vnp_TransactionStatus")
_MESSAGES = {
    "00": "Recorded",
    "01": "Order not found",
    "02": "Order already confirmed",
    "04": "Amount differs",
    "97": "Invalid signature",
    "99": "Not recorded",
}


def read_ipn(query: Mapping[str, str], account: Account) -> Notice | Refusal:
    """The notice of an IPN's query, which has been decoded once."""
    fault = _find_fault(query, account)
    if fault is not None:
        return Refusal(fault)
    if not any(query.get(name) for name in _RESULT):
        # Our own payment URL carries the same kind of signature, and every shopper has one.
        return Refusal("it tells of no result")
    raw = f"{form_text(query)}&{HASH}={query[HASH]}".encode()
    code = query.get("vnp_ResponseCode", "")
    return make_notice(query, code=code, source="hook", raw=raw, account=account)


def read_result(
    query: Mapping[str, str], account: Account
) -> Literal["done", "cancelled", "unknown"]:
    """What the query that a browser came back with says; anybody can send it again."""
    if _find_fault(query, account) is not None:
        return "unknown"
    code = query.get("vnp_ResponseCode", "")
    if judge_codes(query.get("vnp_TransactionStatus", ""), code) == "paid":
        return "done"
    return "cancelled" if code == "24" else "unknown"


def answer_for(receipts: Sequence[Receipt]) -> Answer:
    """The answer to an IPN whose notices became these receipts."""
    codes = [_code_of(receipt) for receipt in receipts]
    return make_answer(next((code for code in codes if code != "00"), "00"))


def make_answer(code: str) -> Answer:
    """VNPay reads the code; the status is 200 whatever it says."""
    body = {"RspCode": code, "Message": _MESSAGES[code]}
    return Answer(status=200, body=json.dumps(body).encode())


def _find_fault(query: Mapping[str, str], account: Account) -> str | None:
    secret = str(account.settings.get("hash_secret") or "")
    if not secret:
        return "no hash secret is configured"
    return None if is_genuine_form(query, secret) else "the signature is missing or wrong"


def _code_of(receipt: Receipt) -> str:  # noqa: PLR0911 - one line a case
    disposition = receipt.disposition
    if not receipt.stored:
        return "99"
    if disposition in ("unknown_code", "unknown_attempt"):
        return "01"
    if disposition in ("partial", "over") or receipt.details.get("why") == WRONG_AMOUNT:
        return "04"
    if disposition in ("wrong_account", "wrong_currency"):
        return "99"
    if receipt.repeated or disposition in ("duplicate", "repeated"):
        return "02"
    if disposition == "ignored" and "failure_code" in receipt.details:
        # A failure of an attempt that has its end already, most often a success.
        return "02"
    return "00"
