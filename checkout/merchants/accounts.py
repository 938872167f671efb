"""Accounts of merchants: what other areas need of them, and the verbs of their life."""

from __future__ import annotations

from typing import Any

from checkout.core.audit import record_account_event
from checkout.core.config import config
from checkout.core.db import one, unit_of_work
from checkout.core.errors import Problem, unauthorized
from checkout.core.limits import note_failed_authentication, refuse_blocked
from checkout.merchants.access import (
    UserAccess,
    authenticate_access_token,
    load_browser_user,
    require_recent_password,
)
from checkout.merchants.letters import (
    RESET,
    SIGN_UP,
    ask_letter,
    look_at_token,
    tell_user,
    use_token,
    void_tokens,
)
from checkout.merchants.lockout import forget_tries
from checkout.merchants.log_in import prove_again, prove_password, refuse_changed_password
from checkout.merchants.passwords import check_password, hash_password
from checkout.merchants.sign_ins import end_sign_ins, note_password, sign_in_browser
from checkout.merchants.two_factor import disable_two_factor
from checkout.merchants.users import check_name, insert_user, load_user, set_password

__all__ = [
    "UserAccess",
    "ask_account",
    "ask_reset",
    "authenticate_access_token",
    "change_password",
    "confirm_account",
    "load_browser_user",
    "put_password",
    "register_user",
    "require_recent_password",
    "reset_password",
    "sign_in_browser",
    "turn_off_two_factor",
]


def register_user(email: str, password: str, name: str, locale: str) -> Any:
    """A new merchant whose address is known to be right; returns the row.

    Raises `email_taken`, and 422 for a password or name that will not do. Who signs up by
    himself comes through `ask_account` and `confirm_account`.
    """
    check_password(password, email)
    return insert_user(email.strip().lower(), check_name(name), locale, hash_password(password))


def ask_account(email: str, password: str, name: str, locale: str) -> None:
    """Sign up: a mail goes to the address, whoever has it. Opens its own unit of work.

    Nothing is told of whether the address is known. The account comes to be when the link in
    the mail is followed and the password typed again. Where a developer has set up no mail
    server it comes to be at once.
    """
    email = email.strip().lower()
    check_password(password, email)
    name, hashed = check_name(name), hash_password(password)
    with unit_of_work():
        if config().environment == "development" and not config().smtp_url:
            _insert_unless_known(email, name, locale, hashed)
        else:
            data = {"name": name, "password_hash": hashed, "locale": locale}
            ask_letter(SIGN_UP, email, locale, data)


def confirm_account(token: str, password: str) -> Any:
    """Make the account that a mailed link is for, once; returns the merchant's row.

    The password is asked for again: a link alone could have been asked for by somebody else,
    who would then know the password of an account that the mailbox's owner has confirmed.
    Raises 401 `invalid_token` and what a wrong password raises. Opens its own units of work.
    """
    with unit_of_work():
        asked = look_at_token(SIGN_UP, token)
    if asked is None:
        raise _useless()
    prove_password(asked.email, asked.data["password_hash"], password)
    with unit_of_work():
        used = use_token(SIGN_UP, token)
        if used is None:
            raise _useless(counts=False)
        forget_tries(used.email)
        void_tokens(SIGN_UP, used.email)
        given = used.data
        row = _insert_unless_known(
            used.email, given["name"], given["locale"], given["password_hash"]
        )
        if row is None:
            raise _useless(counts=False)
        return row


def ask_reset(email: str, locale: str) -> None:
    """Mail a link to set a new password, where somebody has this address."""
    ask_letter(RESET, email.strip().lower(), locale)


def reset_password(token: str, password: str) -> Any:
    """Set a new password by a mailed link, once, and end every sign-in; returns the row.

    Raises 401 `invalid_token`, and 422 for a password that will not do; the link then stays
    good. A second factor stays on. Opens its own units of work.
    """
    with unit_of_work():
        asked = look_at_token(RESET, token)
    if asked is None:
        raise _useless()
    check_password(password, asked.email)
    hashed = hash_password(password)
    with unit_of_work():
        used = use_token(RESET, token)
        if used is None:
            raise _useless(counts=False)
        void_tokens(RESET, used.email)
        user = load_user(used.user_id)
        put_password(user, hashed)
        return user


def change_password(access: UserAccess, old: str, new: str) -> None:
    """Set a new password for the old one; every other sign-in ends. Opens its own units.

    Raises what a wrong password raises, and 422 for a new one that will not do.
    """
    check_password(new, access.email, "new_password")
    proven = prove_again(access, old)
    hashed = hash_password(new)
    with unit_of_work():
        refuse_changed_password(proven)
        put_password(load_user(access.user_id), hashed, but=access.sign_in_id)
        note_password(access.sign_in_id)


def turn_off_two_factor(user_id: str) -> Any:
    """Forget the second factor, and tell the merchant by mail where it was on; gives the row."""
    user = load_user(user_id)
    if disable_two_factor(user_id):
        tell_user("two_factor_off", user)
    return load_user(user_id)


def put_password(user: Any, hashed: str, *, but: str = "") -> None:
    """Store a new password's hash, end every sign-in except perhaps one, and mail that it was."""
    set_password(user.id, hashed)
    forget_tries(user.email)
    void_tokens(RESET, user.email)
    end_sign_ins(user.id, but=but)
    record_account_event("password_changed", f"user:{user.id}")
    tell_user("password_changed", user)


def _insert_unless_known(email: str, name: str, locale: str, hashed: str) -> Any | None:
    known = one(
        "SELECT 1 AS found FROM app_user WHERE email = %(email)s AND deleted_at IS NULL",
        email=email,
    )
    return None if known else insert_user(email, name, locale, hashed)


def _useless(*, counts: bool = True) -> Problem:
    """The same for a link that was used, has expired or never was."""
    if counts:
        refuse_blocked()
        note_failed_authentication()
    return unauthorized("invalid_token", "This link has been used or has expired.")
