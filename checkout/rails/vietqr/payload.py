"""VietQR strings: EMV tag-length-value text with a CRC at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from checkout.rails.emv import PayloadError, crc16, has_valid_crc, walk_fields, write_field
from checkout.rails.vietqr.memo import to_bank_text

GUID = "A000000727"
AMOUNT_LIMIT = 9_999_999_999_999

Service = Literal["QRIBFTTA", "QRIBFTTC"]


@dataclass(frozen=True, slots=True)
class VietQRContent:
    """What a VietQR string says; fields it does not carry are None."""

    init_method: str | None
    service: str | None
    bank_bin: str
    account: str
    amount: str | None
    currency: str | None
    country: str | None
    memo: str | None
    bill_number: str | None
    reference: str | None


def build_payload(
    *,
    bank_bin: str,
    account: str,
    service: Service = "QRIBFTTA",
    amount: int | None = None,
    memo: str | None = None,
    bill_number: str | None = None,
    reference: str | None = None,
) -> str:
    """The string to draw. With an amount (whole dong) the payer cannot be asked for another.

    Vietnamese letters in the texts lose their marks. Raises PayloadError for what no bank
    app could read.
    """
    additional = (
        _optional("01", bill_number, "bill_number")
        + _optional("05", reference, "reference")
        + _optional("08", memo, "memo")
    )
    text = "".join(
        (
            write_field("00", "01"),
            write_field("01", "11" if amount is None else "12"),
            write_field("38", _account_template(bank_bin, account, service)),
            write_field("53", "704"),
            "" if amount is None else write_field("54", _amount_text(amount)),
            write_field("58", "VN"),
            write_field("62", additional) if additional else "",
            "6304",
        )
    )
    return text + crc16(text)


def read_payload(text: str) -> VietQRContent:
    """Read a VietQR string, lenient about order and unknown tags, strict about CRC and lengths.

    Raises PayloadError with the reason.
    """
    if not has_valid_crc(text):
        raise PayloadError("the checksum does not fit")
    fields = dict(walk_fields(text))
    template = dict(walk_fields(fields.get("38", "")))
    if template.get("00") != GUID:
        raise PayloadError("this is not a VietQR")
    target = dict(walk_fields(template.get("01", "")))
    if not target.get("00") or not target.get("01"):
        raise PayloadError("bank or account is missing")
    additional = dict(walk_fields(fields.get("62", "")))
    return _content(fields, template, target, additional)


def _content(
    fields: Mapping[str, str],
    template: Mapping[str, str],
    target: Mapping[str, str],
    additional: Mapping[str, str],
) -> VietQRContent:
    return VietQRContent(
        init_method=fields.get("01"),
        service=template.get("02"),
        bank_bin=target["00"],
        account=target["01"],
        amount=fields.get("54"),
        currency=fields.get("53"),
        country=fields.get("58"),
        memo=additional.get("08"),
        bill_number=additional.get("01"),
        reference=additional.get("05"),
    )


def _account_template(bank_bin: str, account: str, service: Service) -> str:
    if not re.fullmatch(r"[0-9]{6}", bank_bin):
        raise PayloadError("a BIN has six digits")
    shape = r"[0-9A-Za-z]{1,19}" if service == "QRIBFTTA" else r"[0-9]{16}|[0-9]{19}"
    if not re.fullmatch(shape, account):
        raise PayloadError("the account is at most 19 letters and digits, a card 16 or 19 digits")
    target = write_field("00", bank_bin) + write_field("01", account)
    return write_field("00", GUID) + write_field("01", target) + write_field("02", service)


def _amount_text(amount: int) -> str:
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise PayloadError("an amount is a whole number of dong")
    if not 1 <= amount <= AMOUNT_LIMIT:
        raise PayloadError("an amount has 1 to 13 digits and is above zero")
    return str(amount)


def _optional(tag: str, value: str | None, name: str) -> str:
    if value is None:
        return ""
    text = to_bank_text(value)
    if not text.isascii() or not text.isprintable():
        raise PayloadError(f"{name} has characters that banks do not carry")
    return write_field(tag, text)
