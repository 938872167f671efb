"""Payment codes: the seven symbols by which money finds its attempt.

Six symbols are random (31^6, about 888 million), the seventh is a check symbol: the sum of
weight × value over all seven is a multiple of 31. The weights 1 to 7 differ and 31 is prime,
so one wrong symbol, or any two swapped ones, never give another valid code.
"""

from __future__ import annotations

import re
import secrets

SYMBOLS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
LENGTH = 7
_VALUES = {symbol: value for value, symbol in enumerate(SYMBOLS)}
_BARE = re.compile(r"([A-Z]{2,5}?)([A-Z0-9]{7})")


def new_code(prefix: str) -> str:
    """A fresh code such as HM-7K3QX9W; uniqueness is the database's word, not this function's."""
    drawn = "".join(secrets.choice(SYMBOLS) for _ in range(LENGTH - 1))
    return f"{prefix}-{drawn}{check_symbol(drawn)}"


def check_symbol(drawn: str) -> str:
    """The symbol that completes six drawn ones; its own weight is 7."""
    total = sum(weight * _VALUES[symbol] for weight, symbol in enumerate(drawn, start=1))
    return SYMBOLS[-total * pow(LENGTH, -1, len(SYMBOLS)) % len(SYMBOLS)]


def is_sound(tail: str) -> bool:
    """Whether seven symbols carry a right check symbol."""
    return (
        len(tail) == LENGTH
        and all(symbol in _VALUES for symbol in tail)
        and check_symbol(tail[:-1]) == tail[-1]
    )


def with_hyphen(bare: str) -> str | None:
    """HM7K3QX9W → HM-7K3QX9W; None for what cannot be a code."""
    found = _BARE.fullmatch(bare)
    return f"{found[1]}-{found[2]}" if found else None
