"""What a browser calls itself, short enough to be recognised by its owner."""

from __future__ import annotations

# A browser names those that it wants to be taken for as well: the first found here is the one.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("coc_coc_browser/", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST = 80


def tell_device(user_agent: str) -> str:
    """`Chrome · Android`; what names neither, as it is and cut; empty for nothing at all."""
    found = [_first(user_agent, BROWSERS), _first(user_agent, SYSTEMS)]
    return " · ".join(name for name in found if name) or user_agent[:LONGEST]


def _first(user_agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in names if mark in user_agent), "")
