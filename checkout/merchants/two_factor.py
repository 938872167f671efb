"""Two-factor: codes of an authenticator app, each good for one sign-in, and recovery codes."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

import pyotp

from checkout.core import clock
from checkout.core.audit import record_account_event
from checkout.core.crypto import hash_secret, same, seal, unseal
from checkout.core.db import execute, one, run
from checkout.core.errors import Problem, conflict, invalid

ISSUER = "Checkout"
STEP_SECONDS = 30
STEPS_ASIDE = 1
"""So many steps a phone's clock may be off."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
COLUMN = "app_user.totp_sealed"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app is told, once."""

    secret: str
    url: str
    """An otpauth:// address, for its QR code."""


def begin_two_factor(user_id: str) -> Setup:
    """Make a secret that counts once a code of it has been given.

    Raises `two_factor_enabled`. Beginning again makes another secret.
    """
    secret = pyotp.random_base32()
    row = one(
        "UPDATE app_user SET totp_sealed = %(sealed)s, totp_step = NULL"
        " WHERE id = %(id)s AND totp_confirmed_at IS NULL RETURNING email",
        id=user_id,
        sealed=seal(secret.encode(), row=user_id, column=COLUMN),
    )
    if row is None:
        raise conflict("two_factor_enabled", "Two-factor is on already.")
    return _setup(secret, row.email)


def read_setup(user_id: str) -> Setup | None:
    """What was begun and is not confirmed, to be shown again; None without."""
    row = _read(user_id)
    if row.totp_sealed is None or row.totp_confirmed_at is not None:
        return None
    return _setup(_secret(row), row.email)


def confirm_two_factor(user_id: str, code: str) -> list[str]:
    """Turn two-factor on with a first code; returns the recovery codes, shown once.

    Raises `two_factor_enabled`, `two_factor_not_started` and `invalid_code`.
    """
    row = _read(user_id, lock=True)
    if row.totp_confirmed_at is not None:
        raise conflict("two_factor_enabled", "Two-factor is on already.")
    if row.totp_sealed is None:
        raise _not_started()
    if not _take_totp(row, code):
        raise invalid("invalid_code", "This is not the code that the app shows now.", "code")
    execute(
        "UPDATE app_user SET totp_confirmed_at = clock_timestamp() WHERE id = %(id)s", id=user_id
    )
    record_account_event("two_factor_on", f"user:{user_id}")
    return _make_recovery_codes(user_id)


def renew_recovery_codes(user_id: str) -> list[str]:
    """New recovery codes; the old ones end. Raises `two_factor_not_started`."""
    if _read(user_id, lock=True).totp_confirmed_at is None:
        raise _not_started()
    record_account_event("recovery_codes_renewed", f"user:{user_id}")
    return _make_recovery_codes(user_id)


def disable_two_factor(user_id: str) -> bool:
    """Turn it off and forget its secret; returns whether it was on."""
    was_on = _read(user_id, lock=True).totp_confirmed_at is not None
    execute(
        "UPDATE app_user SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_step = NULL"
        " WHERE id = %(id)s",
        id=user_id,
    )
    execute("DELETE FROM recovery_code WHERE user_id = %(id)s", id=user_id)
    if was_on:
        record_account_event("two_factor_off", f"user:{user_id}")
    return was_on


def take_second_factor(user: Any, *, totp: str | None, recovery_code: str | None) -> bool:
    """Use up a code of the app or a recovery code; False for one that is wrong or was used."""
    if totp is not None:
        return _take_totp(user, totp)
    return recovery_code is not None and _take_recovery_code(user.id, recovery_code)


def count_recovery_codes(user_id: str) -> int:
    """How many are left."""
    row = one(
        "SELECT count(*) AS found FROM recovery_code WHERE user_id = %(id)s AND used_at IS NULL",
        id=user_id,
    )
    return 0 if row is None else int(row.found)


def _take_totp(user: Any, code: str) -> bool:
    digits = code.replace(" ", "")
    step = _find_step(_secret(user), digits)
    if step is None:
        return False
    # A code that was seen over somebody's shoulder is no good: its step has been taken.
    row = one(
        "UPDATE app_user SET totp_step = %(step)s WHERE id = %(id)s"
        " AND (totp_step IS NULL OR totp_step < %(step)s) RETURNING id",
        id=user.id,
        step=step,
    )
    return row is not None


def _find_step(secret: str, digits: str) -> int | None:
    totp = pyotp.TOTP(secret)
    present = int(clock.now().timestamp()) // STEP_SECONDS
    steps = range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1)
    found = [step for step in steps if same(totp.generate_otp(step), digits)]
    return found[0] if found else None


def _take_recovery_code(user_id: str, code: str) -> bool:
    row = one(
        "UPDATE recovery_code SET used_at = clock_timestamp()"
        " WHERE user_id = %(user_id)s AND hash = %(hash)s AND used_at IS NULL RETURNING hash",
        user_id=user_id,
        hash=_hash_code(user_id, code),
    )
    if row is None:
        return False
    left = count_recovery_codes(user_id)
    record_account_event("recovery_code_used", f"user:{user_id}", left=left)
    return True


def _make_recovery_codes(user_id: str) -> list[str]:
    execute("DELETE FROM recovery_code WHERE user_id = %(id)s", id=user_id)
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    run(
        "INSERT INTO recovery_code (user_id, hash)"
        " SELECT %(user_id)s, hash FROM unnest(%(hashes)s::text[]) AS hash",
        user_id=user_id,
        hashes=[_hash_code(user_id, code) for code in codes],
    )
    return codes


def _new_code() -> str:
    """80 random bits in four groups of four, without letters that look like digits."""
    letters = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _hash_code(user_id: str, code: str) -> str:
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return hash_secret(f"{user_id}:{letters}")


def _read(user_id: str, *, lock: bool = False) -> Any:
    row = one(
        "SELECT id, email, totp_sealed, totp_confirmed_at FROM app_user"  # noqa: S608
        f" WHERE id = %(id)s {'FOR UPDATE' if lock else ''}",
        id=user_id,
    )
    assert row is not None  # noqa: S101 - users are never removed, and this one is signed in
    return row


def _secret(user: Any) -> str:
    return unseal(user.totp_sealed, row=user.id, column=COLUMN).decode()


def _setup(secret: str, email: str) -> Setup:
    return Setup(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def _not_started() -> Problem:
    return conflict("two_factor_not_started", "Two-factor has not been set up.")
