"""The pretend VNPay's query and refund API, with signed answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, Answer, Shelf
from checkout.rails.vnpay.api import ANSWER_NAMES, REQUEST_NAMES
from checkout.rails.vnpay.fake_orders import BANK, FIRST_NUMBER, NO_NUMBER, ORDER, paid_payment
from checkout.rails.vnpay.signing import HASH, is_genuine_message, sign_message
from checkout.rails.vnpay.wire import PAID, REFUND_REFUSED, UNFINISHED, to_wire_time

REQUEST = "request"
REFUND_STEPS = ("05", "06", PAID)
"""A refund goes one step further each time somebody asks about it."""
REFUSED_WORD = "refuse"
"""A refund whose reason has this word is refused by the bank in the end."""

_MESSAGES = {
    "00": "Success",
    "02": "Invalid terminal",
    "03": "Malformed data",
    "91": "Transaction not found",
    "94": "Request is duplicated",
    "95": "Original transaction does not allow this refund",
    "97": "Invalid signature",
}

Fields = dict[str, str]


def serve_api(body: bytes, account: Account, shelf: Shelf, now: datetime) -> Answer:
    """Answer a query or a refund; `now` is the bank's time."""
    asked = _read(body)
    command = asked.get("vnp_Command", "")
    if command not in REQUEST_NAMES:
        return _answer("querydr", asked, account, shelf, {"vnp_ResponseCode": "03"})
    return _answer(command, asked, account, shelf, _judge(command, asked, account, shelf, now))


def _judge(command: str, asked: Fields, account: Account, shelf: Shelf, now: datetime) -> Fields:
    code = _find_fault(command, asked, account, shelf)
    if code is not None:
        return {"vnp_ResponseCode": code}
    shelf.put(REQUEST, asked["vnp_RequestId"], {})
    order = shelf.get(ORDER, asked.get("vnp_TxnRef", ""))
    if order is None or order["create_date"] != asked.get("vnp_TransactionDate"):
        return {"vnp_ResponseCode": "91"}
    if command == "refund":
        return _take_refund(order, asked, shelf, now)
    return _tell_state(order, shelf)


def _find_fault(command: str, asked: Fields, account: Account, shelf: Shelf) -> str | None:
    secret = str(account.settings.get("hash_secret") or "")
    if not is_genuine_message(asked, REQUEST_NAMES[command], secret):
        return "97"
    if asked.get("vnp_TmnCode") != account.settings.get("tmn_code"):
        return "02"
    if not 1 <= len(asked.get("vnp_RequestId", "")) <= 32:
        return "03"
    return "94" if shelf.get(REQUEST, asked["vnp_RequestId"]) is not None else None


def _tell_state(order: Mapping[str, Any], shelf: Shelf) -> Fields:
    """Of a payment that is going back its refund, else the payment that counts most."""
    if order["refunds"]:
        *earlier, latest = order["refunds"]
        moved = {**latest, "step": latest["step"] + 1}
        shelf.put(ORDER, order["reference"], {**order, "refunds": [*earlier, moved]})
        return _refund_state(order, moved)
    tried = order["payments"]
    payment = paid_payment(order) or (tried[-1] if tried else None)
    if payment is None:
        return _state(order, "01", NO_NUMBER, order["amount"], "", UNFINISHED)
    return _state(
        order, "01", payment["number"], payment["amount"], payment["pay_date"], payment["status"]
    )


def _take_refund(order: dict[str, Any], asked: Fields, shelf: Shelf, now: datetime) -> Fields:
    payment = paid_payment(order)
    amount = asked.get("vnp_Amount", "")
    if not (amount.isascii() and amount.isdigit() and int(amount) > 0):
        return {"vnp_ResponseCode": "03"}
    if payment is None or asked.get("vnp_TransactionNo") not in ("", payment["number"]):
        return {"vnp_ResponseCode": "95"}
    given_back = sum(
        int(refund["amount"]) for refund in order["refunds"] if _status_of(refund) != REFUND_REFUSED
    )
    full = asked.get("vnp_TransactionType") == "02"
    if given_back + int(amount) > int(payment["amount"]) or (full and amount != payment["amount"]):
        return {"vnp_ResponseCode": "95"}
    refund = {
        "number": str(FIRST_NUMBER + shelf.next_number()),
        "amount": amount,
        "type": asked.get("vnp_TransactionType", ""),
        "pay_date": to_wire_time(now),
        "refused": REFUSED_WORD in asked.get("vnp_OrderInfo", "").lower(),
        "step": 0,
    }
    order["refunds"].append(refund)
    shelf.put(ORDER, order["reference"], order)
    return _refund_state(order, refund)


def _refund_state(order: Mapping[str, Any], refund: Mapping[str, Any]) -> Fields:
    return _state(
        order,
        refund["type"],
        refund["number"],
        refund["amount"],
        refund["pay_date"],
        _status_of(refund),
    )


def _status_of(refund: Mapping[str, Any]) -> str:
    status = REFUND_STEPS[min(refund["step"], len(REFUND_STEPS) - 1)]
    return REFUND_REFUSED if status == PAID and refund["refused"] else status


def _state(
    order: Mapping[str, Any], type_: str, number: str, amount: str, pay_date: str, status: str
) -> Fields:
    return {
        "vnp_ResponseCode": "00",
        "vnp_Amount": amount,
        "vnp_BankCode": BANK,
        "vnp_PayDate": pay_date,
        "vnp_TransactionNo": number,
        "vnp_TransactionType": type_,
        "vnp_TransactionStatus": status,
        "vnp_OrderInfo": order["order_info"],
    }


def _answer(
    command: str, asked: Fields, account: Account, shelf: Shelf, said: Mapping[str, str]
) -> Answer:
    fields = {
        "vnp_ResponseId": f"{shelf.next_number():032d}",
        "vnp_Command": command,
        "vnp_Message": _MESSAGES[said["vnp_ResponseCode"]],
        "vnp_TmnCode": str(account.settings.get("tmn_code") or ""),
        "vnp_TxnRef": asked.get("vnp_TxnRef", ""),
        **said,
    }
    secret = str(account.settings.get("hash_secret") or "")
    fields[HASH] = sign_message(fields, ANSWER_NAMES[command], secret)
    return Answer(status=200, body=json.dumps(fields).encode())


def _read(body: bytes) -> Fields:
    try:
        found = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}
