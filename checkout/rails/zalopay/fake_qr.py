"""The string of the pretend order's QR code, in the form that banks scan."""

from __future__ import annotations

from binascii import crc_hqx

ACQUIRER = "970454"
ACCOUNT = "99ZP24002M00000001"


def make_qr(*, amount: int, reference: str) -> str:
    """A dynamic VietQR string for whole dong that carries the order's id."""
    target = _tag("00", ACQUIRER) + _tag("01", ACCOUNT)
    merchant = _tag("00", "A000000727") + _tag("01", target) + _tag("02", "QRIBFTTA")
    text = "".join(
        (
            _tag("00", "01"),
            _tag("01", "12"),
            _tag("38", merchant),
            _tag("53", "704"),
            _tag("54", str(amount)),
            _tag("58", "VN"),
            _tag("62", _tag("08", reference)),
            "6304",
        )
    )
    return f"{text}{crc_hqx(text.encode(), 0xFFFF):04X}"


def _tag(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
