"""A shop's own colour on the pages its shoppers see, kept readable on light and dark ground."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

HEX = re.compile(r"#[0-9a-fA-F]{6}")
READABLE = 4.6
"""A little more contrast than the 4.5 that small text needs."""
LIGHT_PAPER = (255, 255, 255)
DARK_PAPER = (21, 29, 26)
LIGHT_SOFTNESS = 0.9
DARK_SOFTNESS = 0.82
STEPS = 20

Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shade:
    """A shop's colour as it stands on one ground; all as `#rrggbb`."""

    paper: str
    accent: str
    ink: str
    """What is written on the accent."""
    soft: str


def brand_shades(color: str | None) -> tuple[Shade, Shade] | None:
    """The colour by day and by night; None for what is no `#rrggbb`."""
    if color is None or not HEX.fullmatch(color):
        return None
    own = _read(color)
    light = _until_readable(own, (0, 0, 0), LIGHT_PAPER, LIGHT_SOFTNESS)
    dark = _until_readable(own, (255, 255, 255), DARK_PAPER, DARK_SOFTNESS)
    return _shade(light, LIGHT_PAPER, LIGHT_SOFTNESS), _shade(dark, DARK_PAPER, DARK_SOFTNESS)


@lru_cache(maxsize=512)
def brand_css(color: str | None) -> str | None:
    """Custom properties for a `#rrggbb` colour; None for what is no such colour."""
    shades = brand_shades(color)
    if shades is None:
        return None
    by_day, by_night = (_properties(shade) for shade in shades)
    return (
        f"@layer tokens{{:root{{{by_day}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{by_night}}}}}}}"
    )


def contrast(first: Color, second: Color) -> float:
    """The WCAG contrast ratio of two colours, 1 to 21."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _until_readable(own: Color, towards: Color, paper: Color, softness: float) -> Color:
    """The first shade on the way to black or white that reads on paper and on its own soft
    ground.
    """
    shades = (_mix(own, towards, step / STEPS) for step in range(STEPS + 1))
    grounds = ((shade, (paper, _mix(shade, paper, softness))) for shade in shades)
    return next(
        (
            shade
            for shade, below in grounds
            if all(contrast(shade, each) >= READABLE for each in below)
        ),
        towards,
    )


def _shade(accent: Color, paper: Color, softness: float) -> Shade:
    ink = max(((255, 255, 255), (0, 0, 0)), key=lambda candidate: contrast(candidate, accent))
    soft = _mix(accent, paper, softness)
    return Shade(_hex(paper), _hex(accent), _hex(ink), _hex(soft))


def _properties(shade: Shade) -> str:
    return f"--accent:{shade.accent};--accent-ink:{shade.ink};--accent-soft:{shade.soft}"


def _mix(first: Color, second: Color, share: float) -> Color:
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def _luminance(color: Color) -> float:
    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(value) for value in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read(color: str) -> Color:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
