"""The pretend ZaloPay's refunds: taken at once, done when they have been asked about twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, Shelf
from checkout.rails.zalopay.fake_orders import PAYMENT, failure, is_near, key_of, success
from checkout.rails.zalopay.ids import REFUND_ID_LIMIT, vietnam_date
from checkout.rails.zalopay.mac import REFUND_QUERY, is_genuine, join_fields, refund_names

REFUND = "refund"
ASKED_UNTIL_DONE = 2
Fields = Mapping[str, Any]


def answer_refund(
    fields: Fields, account: Account, shelf: Shelf, *, now: datetime, sent_at: datetime
) -> dict[str, Any]:
    """Take a refund, with all of ZaloPay's own checks."""
    text = join_fields(fields, refund_names(fields))
    if not is_genuine(fields.get("mac"), key_of(account, "key1"), text):
        return failure(-402, "the mac is not right")
    refund_id = str(fields.get("m_refund_id"))
    payment = shelf.get(PAYMENT, str(fields.get("zp_trans_id")))
    fault = _find_id_fault(refund_id, account, now) or _find_fault(fields, payment, now, sent_at)
    if fault is None and shelf.get(REFUND, refund_id) is not None:
        fault = -23, "m_refund_id is used"
    if fault is not None or payment is None:
        code, message = fault or (-101, "the payment is not known")
        return failure(2, message, code)
    amount = fields["amount"]
    shelf.put(
        PAYMENT, str(payment["zp_trans_id"]), {**payment, "refunded": payment["refunded"] + amount}
    )
    number = int(f"{vietnam_date(now)}{shelf.next_number() % 10**9:09d}")
    shelf.put(REFUND, refund_id, {"m_refund_id": refund_id, "refund_id": number, "asked": 0})
    return _processing() | {"refund_id": number}


def answer_refund_query(fields: Fields, account: Account, shelf: Shelf) -> dict[str, Any]:
    """How a refund stands: processing when first asked about, done from then on."""
    text = join_fields(fields, REFUND_QUERY)
    if not is_genuine(fields.get("mac"), key_of(account, "key1"), text):
        return failure(-402, "the mac is not right")
    refund_id = str(fields.get("m_refund_id"))
    refund = shelf.get(REFUND, refund_id)
    if refund is None:
        return failure(2, "the refund is not known", -101)
    asked = refund["asked"] + 1
    shelf.put(REFUND, refund_id, {**refund, "asked": asked})
    answer = success() if asked >= ASKED_UNTIL_DONE else _processing()
    return answer | {"refund_id": refund["refund_id"]}


def _processing() -> dict[str, Any]:
    return {"return_code": 3, "return_message": "processing", "sub_return_code": 2}


def _find_id_fault(refund_id: str, account: Account, now: datetime) -> tuple[int, str] | None:
    shape = re.fullmatch(r"([0-9]{6})_([0-9]+)_[0-9A-Za-z]+", refund_id)
    if shape is None or len(refund_id) > REFUND_ID_LIMIT:
        return -24, "m_refund_id is malformed"
    if shape[1] != vietnam_date(now):
        return -25, "m_refund_id does not begin with today"
    if shape[2] != str(account.settings.get("app_id")):
        return -26, "m_refund_id names another app"
    return None


def _find_fault(
    fields: Fields, payment: Fields | None, now: datetime, sent_at: datetime
) -> tuple[int, str] | None:
    if not is_near(fields.get("timestamp"), now, sent_at):
        return -13, "the timestamp is too far from now"
    if payment is None:
        return -101, "the payment is not known"
    amount = fields.get("amount")
    left = payment["amount"] - payment["refunded"]
    if type(amount) is not int or not 1 <= amount <= left:
        return -14, "the amount is not valid"
    return None
