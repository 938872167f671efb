"""Creating an order at ZaloPay, and the prompt that comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from checkout.rails.base import Account, Attempt, Deeplink, HttpClient, Prompt, RailError
from checkout.rails.zalopay.client import (
    FAILED,
    SUCCEEDED,
    GarbledAnswer,
    Reply,
    app_id_of,
    call_zalopay,
    key1_of,
)
from checkout.rails.zalopay.ids import to_milliseconds, trans_id_of
from checkout.rails.zalopay.mac import CREATE, join_fields, make_mac

CREATE_PATH = "/v2/create"
LEAST_SECONDS, MOST_SECONDS = 300, 2_592_000
"""How long an order may live; one for less outlives its attempt, and its money counts as late."""
DESCRIPTION_LIMIT = 256
QR_LIMIT = 1_000
URL_LIMIT = 2_000
ALREADY_USED = -68


def create_order(attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
    """Open an order and give its prompt. Raises RailError."""
    fields = order_fields(attempt, account, now)
    return _make_prompt(call_zalopay(account, CREATE_PATH, fields, http), attempt, account)


def order_fields(attempt: Attempt, account: Account, now: datetime) -> dict[str, Any]:
    """The signed fields of an order. Raises RailError where the settings are incomplete."""
    fields: dict[str, Any] = {
        "app_id": app_id_of(account),
        # ZaloPay wants to tell payers apart; the session says nothing about a person.
        "app_user": attempt.session[:50],
        "app_trans_id": attempt.provider_reference or trans_id_of(attempt),
        "app_time": to_milliseconds(now),
        "expire_duration_seconds": _seconds_left(attempt, now),
        "amount": attempt.amount,
        "item": "[]",
        "embed_data": _embed_data(attempt, account.settings),
        "description": _describe(attempt),
        "bank_code": str(account.settings.get("bank_code") or ""),
    }
    if account.hook_url.startswith("https://"):
        fields["callback_url"] = account.hook_url
    fields["mac"] = make_mac(key1_of(account), join_fields(fields, CREATE))
    return fields


def clean_text(text: str, limit: int) -> str:
    """Text that ZaloPay shows to people: one line without control characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:limit].strip()


def is_link(url: object, account: Account) -> bool:
    """Whether a page may lead to this address: https, or the pretend provider's own pages."""
    if not isinstance(url, str) or len(url) > URL_LIMIT or not url.isprintable():
        return False
    pretend = f"{account.provider_page_url}/"
    return url.startswith("https://") or (not account.livemode and url.startswith(pretend))


def app_button(order_url: str) -> Deeplink:
    """The order's own address: a phone with ZaloPay on it opens the app with the order."""
    return Deeplink(app="zalopay", name="ZaloPay", url=order_url, fills=True)


def _make_prompt(reply: Reply, attempt: Attempt, account: Account) -> Prompt:
    if reply.return_code == FAILED:
        used = reply.sub_return_code == ALREADY_USED
        why = "its id has been used" if used else f"({reply.sub_return_code}): {reply.message}"
        raise RailError("provider_rejected", f"ZaloPay refuses the order {why}", temporary=False)
    if reply.return_code != SUCCEEDED:
        raise GarbledAnswer("order yet")
    order_url = reply.fields.get("order_url")
    if not isinstance(order_url, str) or not is_link(order_url, account):
        raise GarbledAnswer("address of the order")
    tokens = {name: _text(reply.fields, name) for name in ("zp_trans_token", "order_token")}
    return Prompt(
        kind="redirect",
        redirect_url=order_url,
        # Banks and ZaloPay scan the order's own string; a camera opens its address.
        qr_payload=_text(reply.fields, "qr_code") or order_url,
        deeplinks=(app_button(order_url),),
        provider_reference=attempt.provider_reference or trans_id_of(attempt),
        details={"order_url": order_url, **{name: text for name, text in tokens.items() if text}},
    )


def _seconds_left(attempt: Attempt, now: datetime) -> int:
    left = ceil((attempt.expires_at - now).total_seconds())
    return min(max(left, LEAST_SECONDS), MOST_SECONDS)


def _embed_data(attempt: Attempt, settings: Mapping[str, Any]) -> str:
    data: dict[str, Any] = {}
    methods = [one.strip() for one in str(settings.get("payment_methods") or "").split(",")]
    if any(methods):
        data["preferred_payment_method"] = methods
    if attempt.return_url:
        data["redirecturl"] = attempt.return_url
    return json.dumps(data, separators=(",", ":"))


def _describe(attempt: Attempt) -> str:
    """What the payer reads; the code at its end is what a shop's support asks for."""
    code = attempt.code
    about = clean_text(attempt.description or attempt.reference or "", DESCRIPTION_LIMIT - 20)
    return f"{about} · {code}" if about else code


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    fits = isinstance(value, str) and len(value) <= QR_LIMIT and value.isprintable()
    return str(value) if fits else ""
