"""A shop's colour: readable whatever it is, and never anything but a colour."""

from __future__ import annotations

import re

import pytest

from checkout.core.brand import DARK_PAPER, LIGHT_PAPER, brand_css, contrast


def colors_of(css: str) -> list[tuple[int, int, int]]:
    found = re.findall(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", css)
    return [(int(red, 16), int(green, 16), int(blue, 16)) for red, green, blue in found]


@pytest.mark.parametrize(
    "color", ["#000000", "#ffffff", "#ff6600", "#FFEE00", "#0f6b5c", "#7f7f7f", "#00ff00"]
)
def test_every_colour_becomes_readable(color):
    light, light_ink, light_soft, dark, dark_ink, dark_soft = colors_of(brand_css(color))
    for accent, ink, soft, paper in (
        (light, light_ink, light_soft, LIGHT_PAPER),
        (dark, dark_ink, dark_soft, DARK_PAPER),
    ):
        assert contrast(accent, paper) >= 4.5
        assert contrast(accent, soft) >= 4.4
        assert contrast(accent, ink) >= 4.5


@pytest.mark.parametrize(
    "text",
    [None, "", "red", "#fff", "#12345g", "#123456;}body{display:none", "#1234567", "#12345\n"],
)
def test_what_is_no_colour_is_not_written(text):
    assert brand_css(text) is None
