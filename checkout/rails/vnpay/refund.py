"""Giving money back through VNPay, and following it until it has arrived."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from checkout.rails.base import Account, HttpClient, RailError, Refund, RefundResult
from checkout.rails.vnpay.api import (
    FOUND,
    NOT_FOUND,
    NOT_SUCCESSFUL,
    TOO_SOON,
    call_api,
    no_information,
)
from checkout.rails.vnpay.query import ask_payment
from checkout.rails.vnpay.url import NO_ADDRESS
from checkout.rails.vnpay.wire import (
    PAID,
    REFUND_REFUSED,
    REFUNDING,
    VIETNAM,
    to_plain_text,
    to_wire_amount,
    to_wire_time,
)

FULL = "02"
PARTIAL = "03"
NOT_SEEN = "not_seen"
"""The code of a refund that VNPay does not show (yet)."""
ANOTHER = "another_refund"
"""The code where VNPay shows a refund of the payment that cannot be told from this one."""
CREATED_BY = "checkout"
REQUEST_ID_LIMIT = 32


def refund_fields(refund: Refund, now: datetime) -> dict[str, str]:
    """The fields of a request to give money back; its id is the same on every try."""
    full = refund.amount == refund.payment_amount and not refund.refunded_before
    reference = _reference(refund)
    return {
        "vnp_RequestId": request_id(refund.id),
        "vnp_Command": "refund",
        "vnp_TransactionType": FULL if full else PARTIAL,
        "vnp_TxnRef": reference,
        "vnp_Amount": to_wire_amount(refund.amount),
        "vnp_OrderInfo": to_plain_text(f"Hoan tien {reference} {refund.reason}"),
        "vnp_TransactionNo": refund.provider_reference,
        "vnp_TransactionDate": to_wire_time(refund.attempt_created_at),
        "vnp_CreateBy": CREATED_BY,
        "vnp_CreateDate": to_wire_time(now),
        "vnp_IpAddr": NO_ADDRESS,
    }


def request_id(refund_id: str) -> str:
    """Our id of a refund as a vnp_RequestId: letters and digits, its random end kept."""
    return re.sub(r"[^0-9A-Za-z]", "", refund_id)[-REQUEST_ID_LIMIT:]


def send_refund(refund: Refund, account: Account, http: HttpClient, now: datetime) -> RefundResult:
    """Ask VNPay to give money back. Raises RailError; after a temporary one nobody knows.

    VNPay remembers a request's id for the day only, so on any later one it is asked before, and
    only where it shows no refund at all this one is sent again: it tells of the latest alone,
    behind which another may stand.
    """
    if _day(now) != _day(refund.created_at):
        seen = ask_refund(refund, account, http, now)
        if seen.code != NOT_SEEN:
            return seen
    answer = call_api(refund_fields(refund, now), account, http)
    code = answer.get("vnp_ResponseCode", "")
    if code == FOUND:
        return _result_of(answer)
    if code == TOO_SOON:
        return RefundResult("pending", code=code, message="VNPay has this request already.")
    if code in (NOT_FOUND, NOT_SUCCESSFUL):
        return RefundResult("refused", code=code, message=_message_of(answer))
    raise no_information(f"VNPay answers the refund with code {code[:20]!r}")


def ask_refund(refund: Refund, account: Account, http: HttpClient, now: datetime) -> RefundResult:
    """How a refund stands, from the query of its payment. Raises RailError."""
    create_date = to_wire_time(refund.attempt_created_at)
    answer = ask_payment(_reference(refund), create_date, account, http, now)
    if answer is None or answer.get("vnp_TransactionType") not in (FULL, PARTIAL):
        return _not_told(refund, NOT_SEEN, "VNPay does not show this refund.")
    if not _is_about(refund, answer):
        return _not_told(refund, ANOTHER, "VNPay shows a refund that may be another one.")
    return _result_of(answer)


def _not_told(refund: Refund, code: str, message: str) -> RefundResult:
    return RefundResult("pending", code=code, message=message, details=refund.known)


def _is_about(refund: Refund, answer: Mapping[str, str]) -> bool:
    """Whether a shown refund can only be this one; VNPay shows one per payment, the latest."""
    if answer.get("vnp_Amount") != to_wire_amount(refund.amount):
        return False
    number = answer.get("vnp_TransactionNo")
    if not refund.refunded_before:
        return True
    # An earlier refund of the same amount looks alike: then only its own number tells.
    return number == refund.known.get("transaction_no") != refund.provider_reference


def _result_of(answer: Mapping[str, str]) -> RefundResult:
    status = answer.get("vnp_TransactionStatus", "")
    number = answer.get("vnp_TransactionNo", "")[:20]
    known = {"transaction_no": number, "transaction_status": status[:20]}
    if status == PAID:
        return RefundResult("done", number or None, details=known)
    if status == REFUND_REFUSED:
        return RefundResult("refused", number or None, status, _message_of(answer), known)
    message = "" if status in REFUNDING else "VNPay accepted the refund and says no state."
    return RefundResult("pending", number or None, status[:20], message, known)


def _message_of(answer: Mapping[str, str]) -> str:
    return answer.get("vnp_Message", "")[:255] or "VNPay refused the refund."


def _reference(refund: Refund) -> str:
    if refund.attempt_reference is None:
        raise RailError("provider_rejected", "This payment has no VNPay order", temporary=False)
    return refund.attempt_reference


def _day(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).date().isoformat()
