"""What the shopper sees of a KHQR attempt: the string to scan, and whom it pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from checkout.rails.base import Account, Attempt, Prompt, RailError
from checkout.rails.emv import PayloadError
from checkout.rails.khqr.payload import (
    LIMITS,
    Khqr,
    build_payload,
    md5_of,
    milliseconds,
    write_amount,
)

LIFETIME = timedelta(minutes=10)
"""The National Bank lets no dynamic code live longer."""
PAYLOAD_DETAIL = "qr"
SETTING_NAMES = {
    "account_id": "bakong_account_id",
    "name": "merchant_name",
    "city": "merchant_city",
    "merchant_id": "merchant_id",
    "acquiring_bank": "acquiring_bank",
    "account_information": "account_information",
    "category_code": "merchant_category_code",
    "store_label": "store_label",
    "language": "language",
    "local_name": "local_name",
    "local_city": "local_city",
}
"""Where the texts of a string come from: field → setting."""


def make_prompt(attempt: Attempt, settings: Mapping[str, Any], now: datetime) -> Prompt:
    """The prompt for an attempt, another one on every call, as its MD5 carries the time.

    Raises RailError where the settings cannot serve it.
    """
    ends_at = min(now + LIFETIME, attempt.expires_at)
    payload = _build(attempt, settings, now, ends_at)
    return Prompt(
        kind="transfer",
        qr_payload=payload,
        transfer_details={
            "bank_code": "",
            "bank_name": str(settings.get("acquiring_bank") or "Bakong"),
            "bank_bin": "",
            "account_number": str(settings.get("bakong_account_id") or ""),
            "account_name": str(settings.get("merchant_name") or ""),
            "memo": attempt.memo,
        },
        provider_reference=md5_of(payload),
        expires_at=ends_at if ends_at < attempt.expires_at else None,
        details={PAYLOAD_DETAIL: payload},
    )


def describe(settings: Mapping[str, Any], currency: str) -> Khqr:
    """What every string of an account says, before there is an amount."""
    texts: dict[str, Any] = {
        field: str(settings.get(name) or "") for field, name in SETTING_NAMES.items()
    }
    if not texts["local_name"] and not texts["local_city"]:
        # The language is a setting with a default, which alone asks for nothing.
        texts["language"] = ""
    merchant = settings.get("kind") == "merchant"
    return Khqr(kind="merchant" if merchant else "individual", currency=currency, **texts)


def make_source(attempt: Attempt, account: Account) -> dict[str, str] | None:
    """What a bank app needs to lead the shopper back; None unless it is complete."""
    source = {
        "appIconUrl": str(account.settings.get("app_icon_url") or ""),
        "appName": str(account.settings.get("merchant_name") or ""),
        "appDeepLinkCallback": attempt.return_url or "",
    }
    return source if all(source.values()) else None


def _build(attempt: Attempt, settings: Mapping[str, Any], now: datetime, ends_at: datetime) -> str:
    try:
        return build_payload(
            replace(
                describe(settings, attempt.currency),
                amount=write_amount(attempt.amount, attempt.currency),
                bill_number=attempt.memo,
                purpose=_purpose_of(attempt),
                created_ms=milliseconds(now),
                expires_ms=milliseconds(ends_at),
            )
        )
    except PayloadError as problem:
        raise RailError("rail_not_configured", str(problem), temporary=False) from problem


def _purpose_of(attempt: Attempt) -> str:
    """The merchant's own reference, where it fits as it is: half an order number misleads."""
    text = (attempt.reference or "").strip()
    plain = text.isascii() and text.isprintable()
    return text if plain and len(text) <= LIMITS["purpose"] else ""
