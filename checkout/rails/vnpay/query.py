"""Asking VNPay about one payment, and trying the credentials with a payment that never was."""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from checkout.rails.base import Account, Attempt, HttpClient, Notice
from checkout.rails.vnpay.api import (
    FOUND,
    NOT_FOUND,
    OUR_MISTAKES,
    TOO_SOON,
    TOO_SOON_SECONDS,
    call_api,
    is_genuine,
    no_information,
    query_fields,
    rejected,
    send_message,
)
from checkout.rails.vnpay.notice import make_notice
from checkout.rails.vnpay.wire import to_wire_time

PAYMENT_TYPES = ("01", "")
"""vnp_TransactionType of a payment; once money goes back, the answer is about the refund."""


def ask_payment(
    reference: str, create_date: str, account: Account, http: HttpClient, now: datetime
) -> dict[str, str] | None:
    """The genuine answer about a payment; None where VNPay knows of none. Raises RailError."""
    answer = call_api(query_fields(reference, create_date, now), account, http)
    code = answer.get("vnp_ResponseCode", "")
    if code == FOUND:
        return answer
    if code == NOT_FOUND:
        return None
    if code == TOO_SOON:
        raise no_information("VNPay was asked about this too often", TOO_SOON_SECONDS)
    raise no_information(f"VNPay answers the query with code {code[:20]!r}")


def check_payment(
    attempt: Attempt, account: Account, http: HttpClient, now: datetime
) -> Notice | None:
    """What VNPay says of an attempt, if it is final or for a person. Raises RailError."""
    reference = attempt.provider_reference or attempt.memo
    answer = ask_payment(reference, _create_date(attempt), account, http, now)
    if answer is None or answer.get("vnp_TransactionType", "") not in PAYMENT_TYPES:
        return None
    raw = json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()
    notice = make_notice(answer, code=None, source="list", raw=raw, account=account)
    return None if notice.outcome == "pending" else notice


def try_credentials(account: Account, http: HttpClient, now: datetime) -> str:
    """Ask about a payment that never was: only right credentials make VNPay say so.

    Raises RailError.
    """
    fields = query_fields(f"PROBE{secrets.token_hex(6).upper()}", to_wire_time(now), now)
    answer = send_message(fields, account, http)
    code = answer.get("vnp_ResponseCode", "")
    # A wrong secret cannot verify the answer that says so; nothing hangs on believing this one.
    if code in OUR_MISTAKES:
        raise rejected(code)
    if not is_genuine(answer, fields, account):
        raise no_information("VNPay's answer is not signed with this account's hash secret")
    if code != NOT_FOUND:
        raise no_information(f"VNPay answers the query with code {code[:20]!r}")
    return "VNPay knows the terminal code and the hash secret"


def _create_date(attempt: Attempt) -> str:
    return str(attempt.details.get("create_date") or to_wire_time(attempt.created_at))
