"""Payment codes that a message may have meant: one slip away from what was written.

Among the codes that are one slip away from seven written symbols, the check symbol leaves one
for each place of the slip. So few remain that one which the store has really given out is very
likely the right one: a stray hit is a matter of some tens in 888 million.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from checkout.payments.codes import LENGTH, SYMBOLS, is_sound

Slip = Literal["none", "swapped", "other", "missing", "extra", "prefix", "cut"]
SLIPS: tuple[Slip, ...] = ("none", "swapped", "other", "missing", "extra", "prefix", "cut")
"""The likelier first: of two ways to read a code the likelier counts."""

TEXT_LIMIT = 500
READINGS_LIMIT = 8
LEAST_READ = 5
"""With fewer symbols than these too many codes would fit."""


@dataclass(frozen=True, slots=True)
class Near:
    """A code that may be meant, with its hyphen, and the slip that would explain the message."""

    code: str
    slip: Slip
    read: str
    """What was read of it."""


def near_codes(text: str, prefixes: Sequence[str]) -> dict[str, Near]:
    """Every code that a message may mean, by the code itself; a few hundred at the most."""
    plain = fold(text)
    squeezed = re.sub(r"[^A-Z0-9]", "", plain)
    found: dict[str, Near] = {}
    for near in (*_after_prefixes(plain, squeezed, prefixes), *_without_prefix(squeezed, prefixes)):
        known = found.get(near.code)
        if known is None or SLIPS.index(near.slip) < SLIPS.index(known.slip):
            found[near.code] = near
    return found


def fold(text: str) -> str:
    """Upper case without marks, full-width letters made plain, as banks would have written."""
    normal = unicodedata.normalize("NFKD", text[:TEXT_LIMIT]).upper().replace("Đ", "D")
    return "".join(char for char in normal if unicodedata.category(char) not in ("Mn", "Cf"))


def _after_prefixes(plain: str, squeezed: str, prefixes: Sequence[str]) -> Iterator[Near]:
    for prefix in prefixes:
        # The look-ahead consumes nothing: a prefix inside a word hides no other.
        starts = list(re.finditer(f"(?={re.escape(prefix)})", squeezed))[:READINGS_LIMIT]
        for start in starts:
            begin = start.start() + len(prefix)
            yield from _read(prefix, squeezed[begin : begin + LENGTH + 1])
        for cut in list(re.finditer(rf"{re.escape(prefix)}[^A-Z0-9]{{0,3}}([A-Z0-9]+)", plain)):
            if LEAST_READ <= len(cut[1]) < LENGTH:
                yield from _cut(prefix, cut[1])


def _read(prefix: str, tail: str) -> Iterator[Near]:
    """What up to eight symbols behind a prefix may mean."""
    seven, six = tail[:LENGTH], tail[: LENGTH - 1]
    candidates: list[tuple[str, Slip, str]] = [(seven, "none", seven)]
    candidates += [(swapped, "swapped", seven) for swapped in _swaps(seven)]
    candidates += [(other, "other", seven) for other in _others(seven)]
    candidates += [(longer, "missing", six) for longer in _insertions(six)]
    candidates += [(shorter, "extra", tail) for shorter in _deletions(tail)]
    for symbols, slip, read in candidates:
        if is_sound(symbols):
            yield Near(f"{prefix}-{symbols}", slip, prefix + read)


def _without_prefix(squeezed: str, prefixes: Sequence[str]) -> Iterator[Near]:
    """Seven symbols with a right check symbol are a code whose prefix was lost or mistyped."""
    for begin in range(len(squeezed) - LENGTH + 1):
        window = squeezed[begin : begin + LENGTH]
        if is_sound(window):
            for prefix in prefixes:
                yield Near(f"{prefix}-{window}", "prefix", window)


def _cut(prefix: str, tail: str) -> Iterator[Near]:
    """A bank that carries few letters has cut the end off."""
    endings = [""]
    for _ in range(LENGTH - len(tail)):
        endings = [ending + symbol for ending in endings for symbol in SYMBOLS]
    for ending in endings:
        if is_sound(tail + ending):
            yield Near(f"{prefix}-{tail}{ending}", "cut", prefix + tail)


def _swaps(symbols: str) -> Iterator[str]:
    for left, right in combinations(range(len(symbols)), 2):
        swapped = list(symbols)
        swapped[left], swapped[right] = swapped[right], swapped[left]
        yield "".join(swapped)


def _others(symbols: str) -> Iterator[str]:
    for place in range(len(symbols)):
        for symbol in SYMBOLS:
            yield symbols[:place] + symbol + symbols[place + 1 :]


def _insertions(symbols: str) -> Iterator[str]:
    for place in range(len(symbols) + 1):
        for symbol in SYMBOLS:
            yield symbols[:place] + symbol + symbols[place:]


def _deletions(symbols: str) -> Iterator[str]:
    for place in range(len(symbols)):
        yield symbols[:place] + symbols[place + 1 :]
