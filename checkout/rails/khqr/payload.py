"""Building KHQR strings, in the order and to the byte of the National Bank's own package."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from checkout.rails.emv import PayloadError, crc16, write_field

Kind = Literal["individual", "merchant"]

CURRENCY_CODES = {"KHR": "116", "USD": "840"}
TEMPLATES: dict[Kind, str] = {"individual": "29", "merchant": "30"}
AMOUNT_LIMIT = 13
"""Characters that an amount may have."""
DEFAULT_CITY = "Phnom Penh"
DEFAULT_CATEGORY = "5999"
LIMITS = {
    "account_id": 32,
    "merchant_id": 32,
    "account_information": 32,
    "acquiring_bank": 32,
    "upi_account": 99,
    "category_code": 4,
    "name": 25,
    "city": 15,
    "bill_number": 25,
    "mobile_number": 25,
    "store_label": 25,
    "terminal_label": 25,
    "purpose": 25,
    "local_name": 25,
    "local_city": 15,
}
"""The most characters of each text."""
_AMOUNTS = {"KHR": r"0|[1-9][0-9]*", "USD": r"(0|[1-9][0-9]*)(\.[0-9]{1,2})?"}
_LARGEST_BMP = "\uffff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Khqr:
    """What a KHQR string is to say; an empty text leaves its field out."""

    kind: Kind
    account_id: str
    name: str
    currency: str
    city: str = ""
    merchant_id: str = ""
    account_information: str = ""
    acquiring_bank: str = ""
    upi_account: str = ""
    category_code: str = ""
    amount: str = ""
    """In riel or dollars; without one, or with zero, the code is a static one."""
    bill_number: str = ""
    mobile_number: str = ""
    store_label: str = ""
    terminal_label: str = ""
    purpose: str = ""
    language: str = ""
    local_name: str = ""
    local_city: str = ""
    created_ms: int | None = None
    expires_ms: int | None = None
    """Unix time in milliseconds, like `created_ms`; dynamic codes need both."""


def build_payload(khqr: Khqr) -> str:
    """The string to draw. Raises PayloadError for what no bank app could read."""
    khqr = _clean(khqr)
    text = "".join(
        (
            write_field("00", "01"),
            write_field("01", "12" if khqr.amount else "11"),
            _optional("15", khqr.upi_account),
            write_field(TEMPLATES[khqr.kind], _account_template(khqr)),
            write_field("52", khqr.category_code or DEFAULT_CATEGORY),
            write_field("53", CURRENCY_CODES[khqr.currency]),
            _optional("54", khqr.amount),
            write_field("58", "KH"),
            write_field("59", khqr.name),
            write_field("60", khqr.city or DEFAULT_CITY),
            _optional("62", _additional_data(khqr)),
            _optional("64", _local_language(khqr)),
            _optional("99", _timestamps(khqr)),
            # Last of all, although its number is lower than that of the times.
            "6304",
        )
    )
    return text + crc16(text)


def write_amount(amount: int, currency: str) -> str:
    """An amount in minor units as the text of tag 54: riel whole, dollars with cents if any."""
    if currency == "KHR":
        return str(amount)
    whole, cents = divmod(amount, 100)
    return f"{whole}.{cents:02d}" if cents else str(whole)


def md5_of(payload: str) -> str:
    """The name under which Bakong knows a dynamic code: of exactly the bytes that were shown."""
    return hashlib.md5(payload.encode(), usedforsecurity=False).hexdigest()


def milliseconds(moment: datetime) -> int:
    """Unix time in whole milliseconds, as tag 99 carries it."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _clean(khqr: Khqr) -> Khqr:
    if khqr.currency not in CURRENCY_CODES:
        raise PayloadError("the currency is neither KHR nor USD", "currency")
    texts = {
        one.name: getattr(khqr, one.name).strip()
        for one in fields(khqr)
        if isinstance(getattr(khqr, one.name), str)
    }
    for name, text in texts.items():
        _check_text(name, text)
    texts["amount"] = _read_amount(texts["amount"], khqr.currency)
    clean = replace(khqr, **texts)
    _check_together(clean)
    return clean


def _check_text(name: str, text: str) -> None:
    # Packages disagree about the length of what lies beyond the basic plane, such as emoji.
    if not text.isprintable() or any(letter > _LARGEST_BMP for letter in text):
        raise PayloadError(f"{name} has characters that not every bank app can read", name)
    if len(text) > LIMITS.get(name, len(text)):
        raise PayloadError(f"{name} is longer than {LIMITS[name]} characters", name)


def _check_together(khqr: Khqr) -> None:
    if not khqr.name:
        raise PayloadError("the name is missing", "name")
    if not re.fullmatch(r"[^@]+@[^@]+", khqr.account_id):
        raise PayloadError("an account looks like name@bank", "account_id")
    if khqr.category_code and not re.fullmatch(r"[0-9]{1,4}", khqr.category_code):
        raise PayloadError("a category code has at most four digits", "category_code")
    if khqr.upi_account and khqr.currency == "USD":
        raise PayloadError("UnionPay accounts take no dollars", "upi_account")


def _read_amount(text: str, currency: str) -> str:
    if not text:
        return ""
    if not re.fullmatch(_AMOUNTS[currency], text):
        raise PayloadError(f"{text!r} is no amount of {currency}", "amount")
    whole, point, cents = text.partition(".")
    if not (whole + cents).strip("0"):
        return ""
    written = whole + point + cents.ljust(2, "0") if point else whole
    if len(written) > AMOUNT_LIMIT:
        raise PayloadError(f"an amount has at most {AMOUNT_LIMIT} characters", "amount")
    return written


def _account_template(khqr: Khqr) -> str:
    account = write_field("00", khqr.account_id)
    if khqr.kind == "individual":
        behind = _optional("01", khqr.account_information)
        return account + behind + _optional("02", khqr.acquiring_bank)
    for name in ("merchant_id", "acquiring_bank"):
        if not getattr(khqr, name):
            raise PayloadError(f"a merchant needs {name}", name)
    return account + write_field("01", khqr.merchant_id) + write_field("02", khqr.acquiring_bank)


def _additional_data(khqr: Khqr) -> str:
    return (
        _optional("01", khqr.bill_number)
        + _optional("02", khqr.mobile_number)
        + _optional("03", khqr.store_label)
        + _optional("07", khqr.terminal_label)
        + _optional("08", khqr.purpose)
    )


def _local_language(khqr: Khqr) -> str:
    if not (khqr.language or khqr.local_name or khqr.local_city):
        return ""
    if not re.fullmatch(r"[A-Za-z]{2}", khqr.language):
        raise PayloadError("a language is two letters", "language")
    if not khqr.local_name:
        raise PayloadError("the name in that language is missing", "local_name")
    named = write_field("00", khqr.language) + write_field("01", khqr.local_name)
    return named + _optional("02", khqr.local_city)


def _timestamps(khqr: Khqr) -> str:
    if not khqr.amount:
        return ""
    if khqr.created_ms is None or khqr.expires_ms is None:
        raise PayloadError("a code with an amount needs its times", "expires_ms")
    created, expires = str(khqr.created_ms), str(khqr.expires_ms)
    if not all(re.fullmatch(r"[0-9]{13}", moment) for moment in (created, expires)):
        raise PayloadError("times are milliseconds of thirteen digits", "expires_ms")
    if khqr.expires_ms < khqr.created_ms:
        raise PayloadError("the code would end before it begins", "expires_ms")
    return write_field("00", created) + write_field("01", expires)


def _optional(tag: str, value: str) -> str:
    return write_field(tag, value) if value else ""
