"""Between a right password and the second code: a ticket that says the first was right.

A browser keeps it for five minutes instead of the password. Nothing is stored: it is signed
together with everything that ends it. That is another browser, a new password, two-factor
begun anew or turned off, and a code used, by this sign-in or by another.
"""

from __future__ import annotations

from typing import Any

from checkout.core import clock
from checkout.core.crypto import same, tag
from checkout.core.db import one
from checkout.core.ids import is_id
from checkout.merchants.two_factor import count_recovery_codes

VALID_SECONDS = 300
MOST_DIGITS = 12


def issue_ticket(user: Any, browser: str) -> str:
    """What proves the password of a merchant's row, in the browser known by that word."""
    until = int(clock.now().timestamp()) + VALID_SECONDS
    return f"{user.id}.{until}.{_signature(user, until, browser)}"


def read_ticket(ticket: str, browser: str) -> Any | None:
    """The merchant's row for whom a ticket still opens the second step; None for a useless one."""
    user_id, _, rest = ticket.partition(".")
    written, _, signature = rest.partition(".")
    known = is_id("usr", user_id) and written.isascii() and written.isdigit()
    if not known or len(written) > MOST_DIGITS:
        return None
    user = one(
        "SELECT * FROM app_user WHERE id = %(id)s AND deleted_at IS NULL"
        " AND totp_confirmed_at IS NOT NULL",
        id=user_id,
    )
    if user is None or not same(signature, _signature(user, int(written), browser)):
        return None
    return user if int(written) > clock.now().timestamp() else None


def _signature(user: Any, until: int, browser: str) -> str:
    ends_with = (
        browser,
        user.id,
        until,
        user.password_hash,
        user.totp_confirmed_at,
        user.totp_step,
        count_recovery_codes(user.id),
    )
    return tag("second_step", "\x1f".join(str(part) for part in ends_with))
