"""Wrong passwords in a row: counted per address, whether anybody has it or not.

Beside the limit per network address (core/limits.py) this slows down those who guess at one
account from many places. It is kept in the database, so that no restart of Redis opens it.
"""

from __future__ import annotations

import math

from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one
from checkout.core.errors import too_many
from checkout.core.refusals import note_refusal
from checkout.core.web import NOBODY, Caller

FREE_TRIES = 10
FIRST_LOCK_SECONDS = 30
LONGEST_LOCK_SECONDS = 900
FORGOTTEN_HOURS = 24

_LONG_AGO = "known.failed_at < clock_timestamp() - make_interval(hours => %(hours)s)"


def count_try(email: str) -> None:
    """Count a try before it is judged, so that many at once are not more than so many.

    Raises 429 `too_many_failures` while the address is locked: after ten in a row for half a
    minute, then twice as long with each further one, up to 15 minutes. What is refused then
    leaves a security event of the account, once a minute.
    """
    hashed = hash_secret(email)
    row = one(
        "INSERT INTO sign_in_failure AS known (email_hash, failed_count, failed_at)"  # noqa: S608
        " VALUES (%(hash)s, 1, clock_timestamp()) ON CONFLICT (email_hash) DO UPDATE SET"
        " failed_at = clock_timestamp(),"
        f" failed_count = CASE WHEN {_LONG_AGO} THEN 1"
        " ELSE least(known.failed_count + 1, 100) END, locked_until = CASE"
        f" WHEN {_LONG_AGO} OR known.failed_count + 1 < %(free)s THEN NULL"
        " ELSE clock_timestamp() + make_interval(secs => least(%(longest)s,"
        " %(first)s * 2 ^ least(known.failed_count + 1 - %(free)s, 10))) END"
        " WHERE known.locked_until IS NULL OR known.locked_until <= clock_timestamp()"
        " RETURNING known.failed_count",
        hash=hashed,
        hours=FORGOTTEN_HOURS,
        free=FREE_TRIES,
        first=FIRST_LOCK_SECONDS,
        longest=LONGEST_LOCK_SECONDS,
    )
    if row is None:
        note_refusal("account_locked", hashed, whose=lambda: _account(email))
        raise too_many(
            "too_many_failures",
            "Too many wrong passwords for this address. Please wait, or set a new one.",
            _seconds_left(email),
        )


def take_back_try(email: str) -> None:
    """The try was right as far as it went: the password fits and a code is still to come."""
    execute(
        "UPDATE sign_in_failure SET failed_count = greatest(failed_count - 1, 0),"
        " locked_until = NULL WHERE email_hash = %(hash)s",
        hash=hash_secret(email),
    )


def forget_tries(email: str) -> None:
    """Somebody has proven to be the one."""
    execute("DELETE FROM sign_in_failure WHERE email_hash = %(hash)s", hash=hash_secret(email))


def _account(email: str) -> Caller:
    """Whose account the address is; nobody's where there is none."""
    row = one("SELECT id FROM app_user WHERE email = %(email)s AND deleted_at IS NULL", email=email)
    return Caller(f"user:{row.id}") if row is not None else NOBODY


def _seconds_left(email: str) -> int:
    row = one(
        "SELECT extract(epoch FROM locked_until - clock_timestamp()) AS seconds"
        " FROM sign_in_failure WHERE email_hash = %(hash)s",
        hash=hash_secret(email),
    )
    return math.ceil(row.seconds) if row is not None and row.seconds is not None else 1
