"""Identifiers: a prefix and a time-ordered tail that nobody can guess."""

from __future__ import annotations

import re
import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TAIL = re.compile(r"[0-9a-hjkmnp-tv-z]{28}")


_last = 0


def new_id(prefix: str) -> str:
    """`cs` → `cs_` and 28 characters: 48 bits of milliseconds, then 92 random bits.

    The time in front keeps new rows together in an index and lists in order. Within one
    millisecond a process steps on from its last id by a random 80 bits, so that what it
    makes in a row (events of one change) stays in that order.
    """
    global _last  # noqa: PLW0603 - the process's last id is what the next one follows
    number = (time.time_ns() // 1_000_000 << 92) | secrets.randbits(92)
    if number <= _last:
        number = _last + 1 + secrets.randbits(80)
    _last = number
    return f"{prefix}_{_tail(number)}"


def first_id(prefix: str, seconds_ago: float) -> str:
    """The lowest id that a row made so long ago could have, to walk the newest rows alone."""
    return first_id_at(prefix, time.time() - seconds_ago)


def first_id_at(prefix: str, moment: float) -> str:
    """The lowest id that a row could have that is made at a moment, in seconds since 1970."""
    return f"{prefix}_{_tail(int(moment * 1000) << 92)}"


def earlier_id(known: str, seconds: float) -> str:
    """The lowest id that a row could have that was made so long before the row `known`."""
    prefix, _, tail = known.partition("_")
    number = 0
    for symbol in tail:
        number = number << 5 | ALPHABET.index(symbol)
    return f"{prefix}_{_tail(max(0, (number >> 92) - int(seconds * 1000)) << 92)}"


def made_at(known: str) -> float:
    """When an id was made, in seconds since 1970, by the real clock of its maker."""
    number = 0
    for symbol in known.partition("_")[2]:
        number = number << 5 | ALPHABET.index(symbol)
    return (number >> 92) / 1000


def _tail(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(135, -1, -5))


def is_id(prefix: str, text: object) -> bool:
    """Whether a text has the shape of an id; a wrong shape needs no look into the database."""
    if not isinstance(text, str):
        return False
    head, _, tail = text.partition("_")
    return head == prefix and TAIL.fullmatch(tail) is not None


def new_secret(random_bytes: int = 32) -> str:
    """A random text for keys and tokens."""
    return secrets.token_urlsafe(random_bytes)
