"""The pretend ZaloPay's orders: made, asked about, paid."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from checkout.rails.base import Account, FakeCall, Shelf
from checkout.rails.zalopay.fake_qr import make_qr
from checkout.rails.zalopay.ids import to_milliseconds, vietnam_date
from checkout.rails.zalopay.mac import CREATE, is_genuine, join_fields, join_query, make_mac

ORDER = "order"
PAYMENT = "payment"
CLOCK_TOLERANCE = timedelta(minutes=15)
CHANNEL = 38
DECLINED, CANCELLED, EXPIRED = -1, -49, -54
"""ZaloPay publishes no code for a plain refusal; the pretend one says -1."""
TEXT_LIMITS = {
    "app_user": 50,
    "app_trans_id": 40,
    "embed_data": 2048,
    "item": 2048,
    "description": 256,
    "bank_code": 20,
}
Fields = Mapping[str, Any]


def answer_create(
    fields: Fields, account: Account, shelf: Shelf, *, now: datetime, sent_at: datetime
) -> dict[str, Any]:
    """Make an order, with all of ZaloPay's own checks."""
    if not _is_ours(fields, account, join_fields(fields, CREATE)):
        return failure(-402, "the app or the mac is not right")
    fault = _find_fault(fields, now, sent_at)
    if fault is not None:
        return failure(-401, fault)
    trans_id = str(fields["app_trans_id"])
    if shelf.get(ORDER, trans_id) is not None:
        return failure(2, "app_trans_id is used", -68)
    order = {name: fields[name] for name in CREATE}
    seconds = int(fields.get("expire_duration_seconds") or 900)
    order["expires_at"] = (now + timedelta(seconds=seconds)).isoformat()
    shelf.put(ORDER, trans_id, order)
    token = f"TOKEN-{trans_id}"
    return {
        **success(),
        "order_url": gateway_url(account, trans_id),
        "zp_trans_token": token,
        "order_token": token,
        "qr_code": make_qr(amount=int(fields["amount"]), reference=trans_id),
    }


def answer_query(fields: Fields, account: Account, shelf: Shelf, now: datetime) -> dict[str, Any]:
    """How an order stands."""
    trans_id = fields.get("app_trans_id")
    text = join_query(fields.get("app_id"), trans_id, key_of(account, "key1"))
    if not _is_ours(fields, account, text):
        return failure(-402, "the app or the mac is not right")
    order = shelf.get(ORDER, str(trans_id))
    if order is None:
        return failure(2, "the order does not exist", -101) | {"is_processing": False}
    if order.get("payment"):
        return {**success(), "is_processing": False, **order["payment"]}
    if order.get("failure"):
        return failure(2, "the payment failed", order["failure"]) | {"is_processing": False}
    if is_over(order, now):
        return failure(2, "the order is expired", EXPIRED) | {"is_processing": False}
    return {"return_code": 3, "return_message": "not paid yet", "is_processing": True}


def pay_order(
    order: Fields, account: Account, shelf: Shelf, *, amount: int, now: datetime
) -> FakeCall:
    """Move money on an order, whatever its state, and give the callback that tells of it.

    The order keeps its first payment, so that a query tells of that one.
    """
    zp_trans_id = int(f"{vietnam_date(now)}{shelf.next_number() % 10**9:09d}")
    paid = {
        "amount": amount,
        "zp_trans_id": zp_trans_id,
        "server_time": to_milliseconds(now),
        "discount_amount": 0,
    }
    shelf.put(PAYMENT, str(zp_trans_id), {**paid, "refunded": 0})
    trans_id = str(order["app_trans_id"])
    shelf.put(ORDER, trans_id, {**order, "payment": order.get("payment") or paid})
    return make_callback(order, paid, account)


def fail_order(order: Fields, shelf: Shelf, sub_code: int) -> None:
    """End an order without money; one that has been paid stays so."""
    if not order.get("payment"):
        shelf.put(ORDER, str(order["app_trans_id"]), {**order, "failure": sub_code})


def make_callback(order: Fields, paid: Fields, account: Account) -> FakeCall:
    """ZaloPay's callback of a payment."""
    facts = {
        **{name: order[name] for name in CREATE},
        **paid,
        "channel": CHANNEL,
        "merchant_user_id": f"M-{order['app_user']}"[:50],
        "zp_user_id": "200918000000001",
        "user_fee_amount": 0,
    }
    data = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    body = {"data": data, "mac": make_mac(key_of(account, "key2"), data), "type": 1}
    return FakeCall(
        method="POST",
        path=f"/hooks/zalopay/{account.id}",
        headers={"Content-Type": "application/json"},
        body=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        retry_key=str(order["app_trans_id"]),
    )


def gateway_url(account: Account, trans_id: str) -> str:
    """The page on which an order is paid."""
    return f"{account.provider_page_url}/gateway?order={trans_id}"


def is_over(order: Fields, now: datetime) -> bool:
    """Whether an order's time has run out."""
    return now >= datetime.fromisoformat(order["expires_at"])


def is_near(value: object, *moments: datetime) -> bool:
    """Whether a time in milliseconds is at most fifteen minutes from one of the moments.

    Test stores have a clock of their own beside the real one; ZaloPay has just one.
    """
    if type(value) is not int:
        return False
    tolerance = CLOCK_TOLERANCE.total_seconds() * 1000
    return any(abs(value - to_milliseconds(moment)) <= tolerance for moment in moments)


def key_of(account: Account, name: str) -> str:
    """One of the account's keys; empty where it is not set."""
    return str(account.settings.get(name) or "")


def success() -> dict[str, Any]:
    """The beginning of an answer that says yes."""
    return {"return_code": 1, "return_message": "success", "sub_return_code": 1}


def failure(return_code: int, message: str, sub_code: int | None = None) -> dict[str, Any]:
    """An answer that says no."""
    return {
        "return_code": return_code,
        "return_message": message,
        "sub_return_code": return_code if sub_code is None else sub_code,
        "sub_return_message": message,
    }


def _is_ours(fields: Fields, account: Account, text: str) -> bool:
    ours = fields.get("app_id") == account.settings.get("app_id")
    return ours and is_genuine(fields.get("mac"), key_of(account, "key1"), text)


def _find_fault(fields: Fields, now: datetime, sent_at: datetime) -> str | None:
    amount, seconds = fields.get("amount"), fields.get("expire_duration_seconds", 900)
    callback_url = fields.get("callback_url", "https://")
    faults = (
        ("app_user", not fields.get("app_user")),
        ("app_trans_id", not _is_trans_id(fields.get("app_trans_id"), now)),
        ("app_time", not is_near(fields.get("app_time"), now, sent_at)),
        ("amount", type(amount) is not int or amount < 1),
        ("expire_duration_seconds", type(seconds) is not int or not 300 <= seconds <= 2_592_000),
        ("embed_data", not _is_json(fields.get("embed_data"), dict)),
        ("item", not _is_json(fields.get("item"), list)),
        ("description", not fields.get("description")),
        ("callback_url", not str(callback_url).startswith("https://")),
        *((name, not _fits(fields, name)) for name in TEXT_LIMITS if name in fields),
    )
    return next((f"{name} is not valid" for name, wrong in faults if wrong), None)


def _fits(fields: Fields, name: str) -> bool:
    value = fields[name]
    return isinstance(value, str) and len(value) <= TEXT_LIMITS[name]


def _is_trans_id(value: object, now: datetime) -> bool:
    today = f"{vietnam_date(now)}_"
    return isinstance(value, str) and re.fullmatch(rf"{today}[0-9A-Za-z_-]+", value) is not None


def _is_json(value: object, kind: type) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except (ValueError, RecursionError):
        return False
