"""From a password and perhaps a second code to a merchant; the same answer for unknown ones."""

from __future__ import annotations

from typing import Any

from checkout.core.audit import record_security
from checkout.core.db import one, unit_of_work
from checkout.core.errors import Problem, unauthorized
from checkout.core.limits import note_failed_authentication, refuse_blocked
from checkout.merchants.access import UserAccess
from checkout.merchants.lockout import count_try, forget_tries, take_back_try
from checkout.merchants.passwords import hash_password, needs_rehash, verify_password
from checkout.merchants.two_factor import take_second_factor
from checkout.merchants.users import find_user, hold_password, load_user


def log_in(
    email: str, password: str, *, totp: str | None = None, recovery_code: str | None = None
) -> Any:
    """The merchant's row. Opens its own units of work: a failure must be counted, not undone.

    Raises 401 `invalid_credentials`, `totp_required` and `invalid_totp`, 429 `ip_blocked` and
    `too_many_failures`.
    """
    user = _prove_user(email, password)
    if user.totp_confirmed_at is not None:
        _prove_second_factor(user, totp, recovery_code)
    with unit_of_work():
        return _welcome(user, password)


def begin_log_in(email: str, password: str) -> Any:
    """The first of two steps, by password; the merchant's row. Opens its own units of work.

    With two-factor on (`totp_confirmed_at`) nobody is logged in yet: `finish_log_in` follows.
    Raises what `log_in` raises for a password.
    """
    user = _prove_user(email, password)
    with unit_of_work():
        if user.totp_confirmed_at is None:
            return _welcome(user, password)
        take_back_try(user.email)
    return user


def finish_log_in(user: Any, *, totp: str | None, recovery_code: str | None) -> None:
    """The second step, once the first has been proven; raises what `log_in` raises for a code.

    A code is counted like a password: who knows the password guesses at codes no faster.
    Opens its own units of work.
    """
    if totp is None and recovery_code is None:
        raise unauthorized("totp_required", "Send the code of your authenticator app.")
    refuse_blocked()
    with unit_of_work():
        count_try(user.email)
    _prove_second_factor(user, totp, recovery_code)
    with unit_of_work():
        forget_tries(user.email)


def prove_password(email: str, hashed: str | None, password: str, *, actor: str = "") -> None:
    """Raise what `log_in` raises unless it is the password; a wrong one is counted.

    Opens its own units of work. What a right one forgets is the caller's business.
    """
    refuse_blocked()
    with unit_of_work():
        count_try(email)
    if not verify_password(hashed, password):
        raise _fail(actor, "invalid_credentials", "The e-mail address or the password is wrong.")


def prove_again(access: UserAccess, password: str) -> Any:
    """Let somebody who is signed in type the password once more; raises as `log_in` does.

    Returns the merchant's row, with the hash of the password that was right.
    """
    with unit_of_work():
        user = load_user(access.user_id)
    prove_password(user.email, user.password_hash, password, actor=f"user:{user.id}")
    with unit_of_work():
        forget_tries(user.email)
    return user


def refuse_changed_password(user: Any) -> None:
    """Raise 401 `invalid_credentials` where the password that the row's hash is of has been
    changed since it was proven; nobody changes it until the transaction ends.

    Proving takes a while. A new password ends whatever the old one has opened, and what the old
    one would open a moment later must not come to be.
    """
    if not hold_password(user.id, user.password_hash):
        raise unauthorized("invalid_credentials", "The password has just been changed.")


def _prove_user(email: str, password: str) -> Any:
    """The row of the merchant whose password it is; a try stays counted."""
    email = email.strip().lower()
    with unit_of_work():
        user = find_user(email)
    if user is None:
        prove_password(email, None, password)
    else:
        prove_password(email, user.password_hash, password, actor=f"user:{user.id}")
    assert user is not None  # noqa: S101 - nobody's password is never right
    return user


def _welcome(user: Any, password: str) -> Any:
    """The row of somebody who has proven to be the one, as it stands from now on."""
    forget_tries(user.email)
    return _rehash(user, password) if needs_rehash(user.password_hash) else user


def _prove_second_factor(user: Any, totp: str | None, recovery_code: str | None) -> None:
    if totp is None and recovery_code is None:
        with unit_of_work():
            take_back_try(user.email)
        raise unauthorized("totp_required", "Send the code of your authenticator app as well.")
    with unit_of_work():
        right = take_second_factor(user, totp=totp, recovery_code=recovery_code)
    if not right:
        raise _fail(f"user:{user.id}", "invalid_totp", "This code is wrong or was used already.")


def _fail(actor: str, code: str, message: str) -> Problem:
    note_failed_authentication(actor)
    record_security("log_in_failed", actor=actor, reason=code)
    return unauthorized(code, message)


def _rehash(user: Any, password: str) -> Any:
    row = one(
        "UPDATE app_user SET password_hash = %(new)s WHERE id = %(id)s AND password_hash = %(old)s"
        " RETURNING *",
        id=user.id,
        old=user.password_hash,
        new=hash_password(password),
    )
    return user if row is None else row
