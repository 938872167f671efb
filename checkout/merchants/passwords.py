"""Passwords: argon2id, computed beside the event loop."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from checkout.core.aside import run_aside
from checkout.core.errors import invalid

SHORTEST = 12
LONGEST = 128

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_password(password: str, email: str, param: str = "password") -> None:
    """Raise 422 for a password that is too short, too long, or the address itself.

    There are no rules of composition: length is what makes guessing long.
    """
    text = _normal(password)
    if len(text) < SHORTEST:
        raise invalid("value_too_short", f"A password has at least {SHORTEST} characters.", param)
    if len(text) > LONGEST:
        raise invalid("value_too_long", f"A password has at most {LONGEST} characters.", param)
    if text.casefold() == email.casefold():
        raise invalid("weak_password", "The e-mail address is no password.", param)


def hash_password(password: str) -> str:
    """What is stored of a password: its argon2id hash with parameters and salt."""
    return run_aside(lambda: _hasher.hash(_normal(password)))


def verify_password(hashed: str | None, password: str) -> bool:
    """Whether it is the password; for nobody's (None) it takes as long and is never."""
    known = hashed or _nobodys_hash()
    return run_aside(lambda: _verify(known, _normal(password))) and bool(hashed)


def needs_rehash(hashed: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _hasher.check_needs_rehash(hashed)


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    # Keyboards differ in how they compose Vietnamese letters; the password is the same.
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys_hash() -> str:
    return run_aside(lambda: _hasher.hash("nobody has this password"))
