"""Asking ZaloPay about orders: the only way to learn that one has failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from checkout.rails.base import Account, Attempt, HttpClient, Notice, RailError
from checkout.rails.zalopay.client import (
    FAILED,
    SUCCEEDED,
    GarbledAnswer,
    Reply,
    app_id_of,
    call_zalopay,
    key1_of,
)
from checkout.rails.zalopay.ids import trans_id_of, vietnam_date
from checkout.rails.zalopay.mac import join_query, make_mac
from checkout.rails.zalopay.movement import UnreadableMovement, make_failure, make_notice
from checkout.rails.zalopay.orders import LEAST_SECONDS

QUERY_PATH = "/v2/query"
UNKNOWN_ORDER = -101
CREATION_TIME = timedelta(seconds=60)
"""An order so young that ZaloPay does not know it may still be on its way there."""
FAILURES = {
    -54: "expired",
    -49: "cancelled",
    -92: "provider_rejected",
    UNKNOWN_ORDER: "provider_rejected",
}
MAY_PAY_YET = {
    -63: "insufficient_funds",
    -217: "declined",
    **dict.fromkeys((-332, -333), "declined"),
    **dict.fromkeys((*range(-1333, -1329), *range(-1343, -1339)), "limit_exceeded"),
}
"""What stands in one payer's way; the order stays open, and they or another may pay it yet."""


def check_orders(
    attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
) -> Sequence[Notice]:
    """What is known of these attempts' orders. Raises RailError where nothing was learnt.

    An answer that cannot be read stops nobody else's; one that asks us to wait stops the rest.
    """
    found: list[Notice] = []
    problem: RailError | None = None
    for attempt in attempts:
        try:
            reply = query_order(_reference_of(attempt), account, http)
            found += read_order(reply, attempt, account, now)
        except RailError as error:
            problem = error
            if not isinstance(error, GarbledAnswer):
                break
    if problem is not None and not found:
        raise problem
    return found


def query_order(app_trans_id: str, account: Account, http: HttpClient) -> Reply:
    """One question about one order. Raises RailError."""
    app_id, key1 = app_id_of(account), key1_of(account)
    fields = {
        "app_id": app_id,
        "app_trans_id": app_trans_id,
        "mac": make_mac(key1, join_query(app_id, app_trans_id, key1)),
    }
    return call_zalopay(account, QUERY_PATH, fields, http)


def read_order(reply: Reply, attempt: Attempt, account: Account, now: datetime) -> Sequence[Notice]:
    """The notice that an answer makes; none while nothing is final. Raises RailError."""
    app_id, reference = app_id_of(account), _reference_of(attempt)
    if reply.return_code == SUCCEEDED:
        try:
            return [
                make_notice(
                    reply.fields,
                    app_id=app_id,
                    app_trans_id=reference,
                    source="list",
                    raw=reply.raw,
                )
            ]
        except UnreadableMovement as error:
            raise GarbledAnswer(f"payment: {error}") from error
    code = _failure_code(reply, attempt, now)
    if code is None:
        return []
    why = f"ZaloPay says ({reply.sub_return_code}): {reply.message}"
    return [make_failure(reference, app_id=app_id, raw=reply.raw, code=code, why=why)]


def probe_account(account: Account, http: HttpClient, now: datetime) -> str:
    """Ask about an order that nobody made: shows that the app id and key1 are right."""
    reply = query_order(f"{vietnam_date(now)}_probe", account, http)
    expected = (reply.return_code, reply.sub_return_code) == (FAILED, UNKNOWN_ORDER)
    what = "does not know a made-up order, as it should" if expected else f"says {reply.message}"
    return f"ZaloPay takes app id and key1, and {what}; key2 is proven by the first callback"


def _failure_code(reply: Reply, attempt: Attempt, now: datetime) -> str | None:
    """Why the order is over for good; None while it may still be paid."""
    # Only a plain "not processing", or nothing said of it, ends an order.
    if reply.return_code != FAILED or reply.fields.get("is_processing", False) is not False:
        return None
    sub_code = reply.sub_return_code
    if sub_code in MAY_PAY_YET:
        ends_at = max(attempt.expires_at, attempt.created_at + timedelta(seconds=LEAST_SECONDS))
        return MAY_PAY_YET[sub_code] if now >= ends_at else None
    if sub_code == UNKNOWN_ORDER and now < attempt.created_at + CREATION_TIME:
        return None
    return FAILURES.get(sub_code, "declined")


def _reference_of(attempt: Attempt) -> str:
    return attempt.provider_reference or trans_id_of(attempt)
