"""ZaloPay's two messages by way of others: its callback, and what the browser brings back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from checkout.rails.base import Account, Answer, Notice, Receipt, Refusal
from checkout.rails.zalopay.mac import RETURN, is_genuine, join_fields
from checkout.rails.zalopay.movement import (
    UnreadableMovement,
    make_agreement,
    make_notice,
    make_unreadable,
)

AGREEMENT = (2, "2")
STORED, HELD, AGAIN, NOT_GENUINE = 1, 2, 0, -1
HELD_FOR_A_PERSON = ("partial", "over", "wrong_account", "wrong_currency", "unreadable")
PAID, CANCELLED = "1", "-49"


def read_callback(body: bytes, account: Account) -> Sequence[Notice] | Refusal:
    """The notice of a callback whose MAC is right, else why it is refused."""
    envelope = _read_object(body)
    data = envelope.get("data") if envelope is not None else None
    if envelope is None or not isinstance(data, str):
        return Refusal("the body is not a callback")
    key2 = str(account.settings.get("key2") or "")
    # Over the text as it came: written again, the same data may have another MAC.
    if not is_genuine(envelope.get("mac"), key2, data):
        return Refusal("the MAC is missing or wrong")
    if envelope.get("type") in AGREEMENT:
        return [make_agreement(body, data)]
    return [_read_payment(data, body)]


def answer_callback(receipts: Sequence[Receipt]) -> Answer:
    """The answer that ZaloPay's documents ask for.

    Another delivery only helps where our own record may come yet; what a person must look at is
    stored, and ZaloPay hears that it was not taken as a payment.
    """
    codes = {_code_for(receipt) for receipt in receipts}
    if AGAIN in codes:
        return make_answer(AGAIN, "please send again")
    return make_answer(HELD, "held for review") if HELD in codes else make_answer(STORED, "stored")


def make_answer(return_code: int, message: str) -> Answer:
    """An answer to a callback: always HTTP 200, the code says the rest."""
    body = json.dumps({"return_code": return_code, "return_message": message}).encode()
    return Answer(status=200, body=body)


def read_redirect(
    query: Mapping[str, str], account: Account
) -> Literal["done", "cancelled", "unknown"]:
    """What the shopper's browser brought back; anything that is not signed says nothing."""
    key2 = str(account.settings.get("key2") or "")
    if not is_genuine(query.get("checksum"), key2, join_fields(query, RETURN)):
        return "unknown"
    if query.get("appid") != str(account.settings.get("app_id")):
        return "unknown"
    status = query.get("status")
    if status == PAID:
        return "done"
    return "cancelled" if status == CANCELLED else "unknown"


def _code_for(receipt: Receipt) -> int:
    # An order that nobody knows may be one that is just being written.
    if not receipt.stored or receipt.disposition == "unknown_code":
        return AGAIN
    return HELD if receipt.disposition in HELD_FOR_A_PERSON else STORED


def _read_payment(data: str, body: bytes) -> Notice:
    fields = _read_object(data.encode("utf-8", "replace"))
    if fields is None:
        return make_unreadable(body, data, "data is not an object")
    try:
        return make_notice(
            fields,
            app_id=fields.get("app_id"),
            app_trans_id=fields.get("app_trans_id"),
            source="hook",
            raw=body,
        )
    except UnreadableMovement as problem:
        return make_unreadable(body, data, str(problem))


def _read_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body.decode("utf-8", "strict"), parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
