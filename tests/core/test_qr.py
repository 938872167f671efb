"""QR codes that readers read, on the screen and as a file."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from checkout.core.qr import QUIET_ZONE, qr_matrix, qr_path, qr_png, qr_svg

PAYLOADS = [
    "A",
    (
        "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA"
        "53037045405100005802VN62150811Chuyen tien630453E6"
    ),
    "https://pay.example/" + "x" * 400,
    "Khách hàng · ភាសា · 0123456789",
]


def draw_svg(svg: str, scale: int = 6) -> Image.Image:
    """Draw the one path of our SVG: rows of horizontal strokes, one module thick."""
    width = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])
    image = Image.new("L", (width * scale, width * scale), 255)
    pen = ImageDraw.Draw(image)
    x = y = 0.0
    path = re.search(r'stroke="#000" d="([^"]*)"', svg)[1]
    for command, first, second in re.findall(r"([Mmh])([\d.]+)(?: ([\d.]+))?", path):
        if command == "h":
            top = (y - 0.5) * scale
            right = (x + float(first)) * scale - 1
            pen.rectangle((x * scale, top, right, top + scale - 1), fill=0)
            x += float(first)
        elif command == "m":
            x += float(first)
        else:
            x, y = float(first), float(second)
    return image


def read(image: Image.Image) -> str:
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1
    return found[0].text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_drawing_can_be_read(payload):
    assert read(draw_svg(qr_svg(payload, "label"))) == payload


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_file_can_be_read_and_has_its_quiet_zone(payload):
    image = Image.open(io.BytesIO(qr_png(payload, ["500.000 VND", "HM7K3QX9W"]))).convert("L")
    assert image.width >= 600
    assert read(image) == payload
    modules = len(qr_matrix(payload)) + 2 * QUIET_ZONE
    zone = image.width // modules * QUIET_ZONE
    for box in ((0, 0, image.width, zone), (0, 0, zone, image.width)):
        assert image.crop(box).getextrema() == (255, 255)


def test_the_caption_stands_below():
    plain = Image.open(io.BytesIO(qr_png("A", [])))
    captioned = Image.open(io.BytesIO(qr_png("A", ["500.000 VND", "HM7K3QX9W", "Het han 14:45"])))
    assert captioned.height - plain.height >= 3 * 40
    below = captioned.convert("L").crop((0, plain.width, captioned.width, captioned.height))
    assert below.getextrema()[0] == 0


def test_a_caption_of_other_letters_is_no_error():
    assert qr_png("A", ["Hết hạn ₫ ភាសា", ""])


def test_the_label_is_text():
    svg = qr_svg("A", '"><script>alert(1)</script>')
    assert "<script>" not in svg
    assert 'role="img"' in svg


def test_the_drawing_is_small():
    assert len(qr_svg(PAYLOADS[1], "x")) < 6_000


def test_the_same_code_is_drawn_once():
    qr_path.cache_clear()
    for _ in range(3):
        qr_svg(PAYLOADS[1], "x")
    assert qr_path.cache_info().misses == 1


def test_too_much_text_is_refused():
    with pytest.raises(ValueError, match="version"):
        qr_matrix("x" * 5000)
