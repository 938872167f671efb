"""QR codes, drawn here: an SVG for the page, a PNG to keep and show to a bank app."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache

from markupsafe import Markup, escape
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET_ZONE = 4
"""Modules of white around the code; readers need them."""
MASK = 3
"""Any mask is valid; trying all eight for the prettiest would cost six times as much."""
PNG_WIDTH = 720
PNG_LINE_HEIGHT = 44
PNG_FONT_SIZE = 32

Matrix = tuple[tuple[bool, ...], ...]


@lru_cache(maxsize=2048)
def qr_path(payload: str) -> tuple[int, str]:
    """The code's width in modules, quiet zone included, and its dark modules as one path."""
    rows = qr_matrix(payload)
    return len(rows) + 2 * QUIET_ZONE, "".join(_draw_row(y, row) for y, row in enumerate(rows))


def qr_svg(payload: str, label: str) -> Markup:
    """The code as an SVG element that screen readers know by `label`."""
    width, path = qr_path(payload)
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {width}" role="img"'
        f' aria-label="{escape(label)}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{width}v{width}H0z"/>'
        f'<path stroke="#000" d="{path}"/></svg>'
    )


def qr_png(payload: str, caption: Sequence[str]) -> bytes:
    """The code as a PNG with lines of text below it (ASCII: the built-in font has no other)."""
    # Loaded when the first image is asked for: the page itself needs no image library.
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    rows = qr_matrix(payload)
    scale = PNG_WIDTH // (len(rows) + 2 * QUIET_ZONE)
    edge = scale * (len(rows) + 2 * QUIET_ZONE)
    image = Image.new("1", (edge, edge + PNG_LINE_HEIGHT * len(caption) + QUIET_ZONE * scale), 1)
    draw = ImageDraw.Draw(image)
    for y, row in enumerate(rows):
        for x, length in _runs(row):
            left, top = (x + QUIET_ZONE) * scale, (y + QUIET_ZONE) * scale
            draw.rectangle((left, top, left + length * scale - 1, top + scale - 1), fill=0)
    font = ImageFont.load_default(PNG_FONT_SIZE)
    for number, line in enumerate(caption):
        text = line.encode("ascii", "ignore").decode()
        draw.text((edge / 2, edge + number * PNG_LINE_HEIGHT), text, fill=0, font=font, anchor="ma")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


@lru_cache(maxsize=256)
def qr_matrix(payload: str) -> Matrix:
    """The modules of the code, without a quiet zone; raises ValueError for too long a text."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=MASK)
    code.add_data(payload)
    code.make(fit=True)
    return tuple(tuple(bool(module) for module in row) for row in code.get_matrix())


def _draw_row(y: int, row: Sequence[bool]) -> str:
    # Half a module lower, since a stroke of width one reaches half to each side of its line.
    at = 0
    parts: list[str] = []
    for x, length in _runs(row):
        parts.append(
            f"m{x - at} 0h{length}" if parts else f"M{x + QUIET_ZONE} {y + QUIET_ZONE}.5h{length}"
        )
        at = x + length
    return "".join(parts)


def _runs(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """(start, length) of each run of dark modules."""
    start: int | None = None
    for x, dark in enumerate((*row, False)):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None
