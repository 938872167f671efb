"""The string of the pretend order's QR code, in the form that banks scan."""

from __future__ import annotations

from checkout.rails.emv import crc16, write_field

ACQUIRER = "970454"
ACCOUNT = "99ZP24002M00000001"


def make_qr(*, amount: int, reference: str) -> str:
    """A dynamic VietQR string for whole dong that carries the order's id."""
    target = write_field("00", ACQUIRER) + write_field("01", ACCOUNT)
    merchant = write_field("00", "A000000727") + write_field("01", target)
    fields = {
        "00": "01",
        "01": "12",
        "38": merchant + write_field("02", "QRIBFTTA"),
        "53": "704",
        "54": str(amount),
        "58": "VN",
        "62": write_field("08", reference),
    }
    text = "".join(write_field(tag, value) for tag, value in fields.items()) + "6304"
    return text + crc16(text)
