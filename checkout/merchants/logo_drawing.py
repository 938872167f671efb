"""Making a logo of what somebody has sent: its pixels, small, as WebP."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageOps

from checkout.merchants.logos import MAX_BYTES, MAX_SIDE, refuse_picture

FORMATS = ("PNG", "JPEG", "WEBP")
SIDE = 96
"""Pixels: twice the forty of the page, and a little."""
QUALITY = 82
MOST_KEPT_BYTES = 8000
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises, format by format, for pictures that are none."""


def draw_logo(picture: bytes) -> bytes:
    """The picture at no more than 96 by 96 pixels, as WebP; raises `invalid_image`."""
    if not 1 <= len(picture) <= MAX_BYTES:
        raise refuse_picture()
    try:
        with Image.open(BytesIO(picture), formats=FORMATS) as opened:
            if max(opened.size) > MAX_SIDE or min(opened.size) < 1:
                raise refuse_picture()
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(opened).convert("RGBA")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    except BROKEN:
        raise refuse_picture() from None
    return _encode(small)


def _encode(small: Image.Image) -> bytes:
    """As good as fits beside everything else on a page of 60 KB."""
    body = b""
    for quality in (QUALITY, 60, 30):
        kept = BytesIO()
        small.save(kept, "WEBP", quality=quality, method=6, exif=b"", icc_profile=None)
        body = kept.getvalue()
        if len(body) <= MOST_KEPT_BYTES:
            break
    return body
