"""ZaloPay's facts of money, read the same way from a callback and from a query."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checkout.rails.base import Match, Notice, Source

CURRENCY = "VND"
AMOUNT_LIMIT = 9_999_999_999_999
TEXT_LIMIT = 200
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
KEPT = ("channel", "discount_amount", "user_fee_amount", "zp_user_id")
"""A discount is between the payer and ZaloPay: the shop is owed the order's whole amount."""


class UnreadableMovement(ValueError):
    """A genuine message without the fields that make it a movement of money."""


def make_notice(
    fields: Mapping[str, Any], *, app_id: object, app_trans_id: object, source: Source, raw: bytes
) -> Notice:
    """The notice of a payment. Raises UnreadableMovement.

    The callback and the query name the movement by the same zp_trans_id.
    """
    reference = _read_trans_id(app_trans_id)
    number, app = _read_id(fields.get("zp_trans_id")), _read_app_id(app_id)
    return Notice(
        provider_reference=number,
        source=source,
        outcome="succeeded",
        raw=raw,
        amount=_read_amount(fields.get("amount")),
        currency=CURRENCY,
        account=app,
        # An app keeps its id when the shop's settings change, and so does the movement: the
        # address that ZaloPay knows may be that of an account before this one.
        fingerprint=f"{app}:{number}",
        matches=(Match("reference", reference),),
        occurred_at=read_time(fields.get("server_time")),
        details={"app_trans_id": reference, **_details(fields)},
    )


def make_failure(app_trans_id: str, *, app_id: object, raw: bytes, code: str, why: str) -> Notice:
    """The notice that an order is over without money."""
    return Notice(
        provider_reference=f"{app_trans_id}:failed",
        source="list",
        outcome="failed",
        raw=raw,
        account=str(app_id),
        matches=(Match("reference", app_trans_id),),
        details={"app_trans_id": app_trans_id, "failure_code": code, "failure_message": why},
    )


def make_unreadable(raw: bytes, data: str, why: str) -> Notice:
    """The notice of a genuine callback that is not understood; its text is its identity."""
    return Notice(
        provider_reference=f"raw:{_digest(data)}",
        source="hook",
        outcome="unreadable",
        raw=raw,
        details={"unreadable": why},
    )


def make_agreement(raw: bytes, data: str) -> Notice:
    """The notice of an agreement, which is never a payment.

    The type that says so is not signed: a payment's callback that somebody marked as an
    agreement must not take the place of the real one, so it gets an identity of its own.
    """
    return Notice(
        provider_reference=f"agreement:{_digest(data)}", source="hook", outcome="ignored", raw=raw
    )


def read_time(value: object) -> datetime | None:
    """UTC from Unix milliseconds; None where there is no time to be relied on."""
    text = _digits(value)
    if not re.fullmatch(r"[0-9]{12,14}", text):
        return None
    moment = datetime.fromtimestamp(int(text) / 1000, UTC)
    return moment if EARLIEST <= moment <= LATEST else None


def _read_id(value: object) -> str:
    text = _digits(value)
    if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) == 0:
        raise UnreadableMovement("zp_trans_id is missing or malformed")
    return text


def _read_trans_id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable():
        raise UnreadableMovement("app_trans_id is missing or malformed")
    return value


def _read_app_id(value: object) -> str:
    text = _digits(value)
    if not text:
        raise UnreadableMovement("app_id is missing or malformed")
    return text


def _read_amount(value: object) -> int:
    text = _digits(value)
    amount = int(text) if text else 0
    if not 1 <= amount <= AMOUNT_LIMIT:
        raise UnreadableMovement("the amount is not a whole number of dong above zero")
    return amount


def _digits(value: object) -> str:
    """A whole number as text, whether it came as a number or as text; else empty."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = value if isinstance(value, str) else str(value)
    return text if re.fullmatch(r"[0-9]{1,20}", text) else ""


def _details(fields: Mapping[str, Any]) -> dict[str, int | str]:
    kept = {name: fields.get(name) for name in KEPT}
    return {
        name: value[:TEXT_LIMIT] if isinstance(value, str) else value
        for name, value in kept.items()
        if value not in (None, "")
        and (isinstance(value, str) or (type(value) is int and abs(value) <= AMOUNT_LIMIT))
    }


def _digest(data: str) -> str:
    return hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()
