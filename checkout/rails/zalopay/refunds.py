"""Giving money back: ZaloPay takes the order and tells the end only when it is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from checkout.rails.base import Account, HttpClient, RailError, Refund, RefundResult
from checkout.rails.zalopay.client import (
    FAILED,
    SUCCEEDED,
    Reply,
    app_id_of,
    call_zalopay,
    key1_of,
)
from checkout.rails.zalopay.ids import refund_id_of, to_milliseconds, vietnam_date
from checkout.rails.zalopay.mac import REFUND, REFUND_QUERY, join_fields, make_mac
from checkout.rails.zalopay.orders import clean_text

REFUND_PATH = "/v2/refund"
QUERY_PATH = "/v2/query_refund"
DESCRIPTION_LIMIT = 100
ID_USED, UNKNOWN = -23, -101
ID_FAULTS = (-24, -25, -26)
REFUSALS = {
    -13: "refund_too_late",
    -14: "refund_amount_invalid",
    -24: "refund_id_invalid",
    -25: "refund_id_invalid",
    -26: "refund_id_invalid",
    UNKNOWN: "refund_payment_unknown",
}
FINAL_FAILURES = {
    0: "refund_failed",
    -13: "refund_too_late",
    -14: "refund_amount_invalid",
    -32: "refund_not_possible",
    UNKNOWN: "refund_unknown",
}
AT_OPERATIONS = -1
ARRIVAL_TIME = timedelta(minutes=20)
"""A request whose timestamp is fifteen minutes off is refused: after this it cannot arrive."""


def send_refund(refund: Refund, account: Account, http: HttpClient, now: datetime) -> RefundResult:
    """Ask ZaloPay to give money back. Raises RailError; a temporary one means nobody knows."""
    if not refund.provider_reference.isdecimal():
        raise RailError(
            "provider_rejected", "The payment has no id at ZaloPay to refund", temporary=False
        )
    app_id = app_id_of(account)
    fields: dict[str, object] = {
        "app_id": app_id,
        "m_refund_id": refund_id_of(refund, app_id),
        "zp_trans_id": refund.provider_reference,
        "amount": refund.amount,
        "timestamp": to_milliseconds(now),
        "description": clean_text(refund.reason, DESCRIPTION_LIMIT) or f"Refund {refund.id}",
    }
    fields["mac"] = make_mac(key1_of(account), join_fields(fields, REFUND))
    reply = call_zalopay(account, REFUND_PATH, fields, http)
    if reply.return_code != FAILED:
        # Even a success is only taken, not done: query_refund tells how it ends.
        return _result("pending", reply, refund, app_id)
    if reply.sub_return_code == ID_USED:
        return _result("pending", reply, refund, app_id, code="refund_id_used")
    if reply.sub_return_code in ID_FAULTS and vietnam_date(now) != vietnam_date(refund.created_at):
        # The id carries the day on which the refund was made: a call on that day, whose answer
        # was lost, may have been taken, and this one is refused for its date alone.
        return query_refund(refund, account, http, now)
    code = REFUSALS.get(reply.sub_return_code, "refund_refused")
    return _result("refused", reply, refund, app_id, code=code)


def query_refund(refund: Refund, account: Account, http: HttpClient, now: datetime) -> RefundResult:
    """How a refund stands. Raises RailError."""
    app_id = app_id_of(account)
    fields: dict[str, object] = {
        "app_id": app_id,
        "m_refund_id": refund_id_of(refund, app_id),
        "timestamp": to_milliseconds(now),
    }
    fields["mac"] = make_mac(key1_of(account), join_fields(fields, REFUND_QUERY))
    reply = call_zalopay(account, QUERY_PATH, fields, http)
    if reply.return_code == SUCCEEDED:
        return _result("done", reply, refund, app_id)
    if reply.return_code == FAILED:
        return _read_failure(reply, refund, app_id, now)
    at_operations = reply.sub_return_code == AT_OPERATIONS
    code = "refund_at_provider_operations" if at_operations else ""
    return _result("pending", reply, refund, app_id, code=code)


def _read_failure(reply: Reply, refund: Refund, app_id: int, now: datetime) -> RefundResult:
    code = FINAL_FAILURES.get(reply.sub_return_code)
    if code is None:
        # Only what the documents call final frees the money for another refund.
        return _result("pending", reply, refund, app_id, code="refund_unclear")
    if reply.sub_return_code == UNKNOWN and now < refund.created_at + ARRIVAL_TIME:
        return _result("pending", reply, refund, app_id, code=code)
    return _result("refused", reply, refund, app_id, code=code)


def _result(
    status: Literal["done", "pending", "refused"],
    reply: Reply,
    refund: Refund,
    app_id: int,
    *,
    code: str = "",
) -> RefundResult:
    given = reply.fields.get("refund_id")
    refund_id = str(given) if type(given) in (int, str) and given else None
    known = refund_id or refund.known.get("refund_id")
    details = {"m_refund_id": refund_id_of(refund, app_id)}
    if known:
        details["refund_id"] = str(known)
    return RefundResult(
        status=status,
        provider_reference=details.get("refund_id") or details["m_refund_id"],
        code=code,
        message=f"({reply.sub_return_code}) {reply.message}",
        details=details,
    )
