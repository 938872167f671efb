"""Reading KHQR strings, also those of others, and judging whether one may be paid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from checkout.rails.emv import PayloadError, has_valid_crc, walk_fields
from checkout.rails.khqr.payload import AMOUNT_LIMIT, CURRENCY_CODES, LIMITS, Kind

_NAMES = {code: name for name, code in CURRENCY_CODES.items()}
_DECIMALS = {"KHR": 0, "USD": 2}
_REQUIRED = ("payload_format", "category_code", "currency_code", "country", "name", "city")
_ADDITIONAL = {
    "01": "bill_number",
    "02": "mobile_number",
    "03": "store_label",
    "07": "terminal_label",
    "08": "purpose",
}
_EXACT = {"payload_format": 2, "init_method": 2, "currency_code": 3, "country": 2}


@dataclass(frozen=True, slots=True)
class KhqrContent:
    """What a KHQR string says, as it is written; fields that it does not carry are None."""

    kind: Kind
    account_id: str
    merchant_id: str | None
    account_information: str | None
    acquiring_bank: str | None
    payload_format: str | None
    init_method: str | None
    upi_account: str | None
    category_code: str | None
    currency_code: str | None
    """The number of the currency: 116 or 840."""
    amount: str | None
    country: str | None
    name: str | None
    city: str | None
    bill_number: str | None
    mobile_number: str | None
    store_label: str | None
    terminal_label: str | None
    purpose: str | None
    language: str | None
    local_name: str | None
    local_city: str | None
    created_ms: str | None
    expires_ms: str | None
    crc: str

    @property
    def currency(self) -> str | None:
        """KHR or USD, or None for any other."""
        return _NAMES.get(self.currency_code or "")


def read_payload(text: str) -> KhqrContent:
    """Read a KHQR string: lenient about order, unknown tags and age, strict about its structure.

    Raises PayloadError with the reason.
    """
    if not has_valid_crc(text):
        raise PayloadError("the checksum does not fit")
    tags = _read_fields(text)
    kind: Kind = "individual" if "29" in tags else "merchant"
    if ("29" in tags) == ("30" in tags):
        raise PayloadError("a KHQR names exactly one account")
    template = _read_fields(tags["29" if kind == "individual" else "30"])
    if "00" not in template:
        raise PayloadError("the account is missing")
    additional, local, times = (_read_fields(tags.get(tag, "")) for tag in ("62", "64", "99"))
    return KhqrContent(
        kind=kind,
        account_id=template["00"],
        merchant_id=template.get("01") if kind == "merchant" else None,
        account_information=template.get("01") if kind == "individual" else None,
        acquiring_bank=template.get("02"),
        payload_format=tags.get("00"),
        init_method=tags.get("01"),
        upi_account=tags.get("15"),
        category_code=tags.get("52"),
        currency_code=tags.get("53"),
        amount=tags.get("54"),
        country=tags.get("58"),
        name=tags.get("59"),
        city=tags.get("60"),
        **{name: additional.get(tag) for tag, name in _ADDITIONAL.items()},
        language=local.get("00"),
        local_name=local.get("01"),
        local_city=local.get("02"),
        created_ms=times.get("00"),
        expires_ms=times.get("01"),
        crc=text[-4:],
    )


def find_fault(text: str, now_ms: int) -> str | None:
    """Why a KHQR string must not be paid now; None for a sound one.

    The rules of the National Bank's package, and that the amount is one.
    """
    try:
        content = read_payload(text)
    except PayloadError as problem:
        return str(problem)
    return (
        _find_field_fault(content)
        or _find_amount_fault(content)
        or _find_time_fault(content, now_ms)
    )


def _find_field_fault(content: KhqrContent) -> str | None:
    for name in _REQUIRED:
        if not getattr(content, name):
            return f"{name} is missing"
    for name, limit in LIMITS.items():
        if len(getattr(content, name) or "") > limit:
            return f"{name} is too long"
    for name, length in _EXACT.items():
        value = getattr(content, name)
        if value is not None and len(value) != length:
            return f"{name} must have {length} characters"
    if "@" not in content.account_id:
        return "an account looks like name@bank"
    if content.currency is None:
        return "the currency is neither KHR nor USD"
    return None


def _find_amount_fault(content: KhqrContent) -> str | None:
    if content.amount is None:
        return "a dynamic code needs an amount" if content.init_method == "12" else None
    found = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", content.amount)
    if found is None or len(content.amount) > AMOUNT_LIMIT:
        return "the amount is not a number"
    whole, fraction = found[1].strip("0"), (found[2] or "").rstrip("0")
    if not whole and not fraction:
        return "the amount is zero"
    if len(fraction) > _DECIMALS[content.currency or "KHR"]:
        return "the amount has too many decimals"
    return None


def _find_time_fault(content: KhqrContent, now_ms: int) -> str | None:
    if content.amount is None:
        return None
    if content.expires_ms is None:
        return "a code with an amount needs an end"
    if not re.fullmatch(r"[0-9]{13}", content.expires_ms):
        return "times are milliseconds of thirteen digits"
    if content.created_ms is not None:
        if not re.fullmatch(r"[0-9]{13}", content.created_ms):
            return "times are milliseconds of thirteen digits"
        if content.expires_ms < content.created_ms:
            return "the code ends before it begins"
    return "the code has run out" if int(content.expires_ms) < now_ms else None


def _read_fields(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for tag, value in walk_fields(text):
        # Two values under one tag mean one thing to this reader and another to the next.
        if tag in found:
            raise PayloadError(f"tag {tag} stands there twice")
        found[tag] = value
    return found
