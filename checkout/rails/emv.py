"""What QR strings of the EMV kind have in common: tag, length and value, and a CRC at the end."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

VALUE_LIMIT = 99


class PayloadError(ValueError):
    """A string that cannot be built, or one that is not sound.

    `field` names what was given wrongly, where one thing was.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def crc16(text: str) -> str:
    """CRC-16/CCITT-FALSE over the UTF-8 bytes, as four upper-case hexadecimal digits."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def has_valid_crc(text: str) -> bool:
    """Whether the string ends in tag 63 with the CRC of everything before its value."""
    if not re.fullmatch(r"6304[0-9A-Fa-f]{4}", text[-8:]):
        return False
    try:
        return crc16(text[:-4]) == text[-4:].upper()
    except UnicodeEncodeError:
        return False


def write_field(tag: str, value: str) -> str:
    """One tag with its length, counted in characters. Raises PayloadError."""
    # A length has two digits: a longer value would make the whole string unreadable.
    if not 1 <= len(value) <= VALUE_LIMIT:
        raise PayloadError(f"tag {tag} must have 1 to {VALUE_LIMIT} characters")
    return f"{tag}{len(value):02d}{value}"


def walk_fields(text: str) -> Iterator[tuple[str, str]]:
    """Every (tag, value) in the order of the string. Raises PayloadError where it breaks off."""
    position = 0
    while position < len(text):
        header = text[position : position + 4]
        if not re.fullmatch(r"[0-9]{4}", header):
            raise PayloadError("a tag or its length is not two digits")
        end = position + 4 + int(header[2:])
        if end > len(text):
            raise PayloadError("a value runs past the end")
        yield header[:2], text[position + 4 : end]
        position = end
