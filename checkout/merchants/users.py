"""Merchants' rows: made, found, changed, and emptied when somebody leaves."""

from __future__ import annotations

from typing import Any

from checkout.core import ids
from checkout.core.db import after_commit, execute, one, run
from checkout.core.errors import Problem, conflict, invalid, missing
from checkout.core.i18n import LOCALES
from checkout.merchants.access import forget_found_users
from checkout.merchants.members import leave_store
from checkout.merchants.sign_ins import end_sign_ins

MAX_NAME_LENGTH = 100


def find_user(email: str) -> Any | None:
    """The row of a merchant by the address, written in any case; None for nobody."""
    return one(
        "SELECT * FROM app_user WHERE email = %(email)s AND deleted_at IS NULL",
        email=email.strip().lower(),
    )


def load_user(user_id: str) -> Any:
    """A merchant's row; raises `resource_missing`."""
    row = one("SELECT * FROM app_user WHERE id = %(id)s AND deleted_at IS NULL", id=user_id)
    if row is None:
        raise missing("user", "user")
    return row


def insert_user(email: str, name: str, locale: str, password_hash: str) -> Any:
    """A new merchant, whose address is known to be right; raises 409 `email_taken`."""
    row = one(
        "INSERT INTO app_user (id, email, name, locale, password_hash)"
        " VALUES (%(id)s, %(email)s, %(name)s, %(locale)s, %(password_hash)s)"
        " ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING RETURNING *",
        id=ids.new_id("usr"),
        email=email,
        name=name,
        locale=locale,
        password_hash=password_hash,
    )
    if row is None:
        raise conflict("email_taken", "Somebody has an account with this address.", "email")
    return row


def change_user(user_id: str, *, name: str | None = None, locale: str | None = None) -> Any:
    """Change what a merchant is called and reads; returns the row."""
    if locale is not None and locale not in LOCALES:
        raise invalid("invalid_value", "This language is not known.", "locale")
    row = one(
        "UPDATE app_user SET name = coalesce(%(name)s, name),"
        " locale = coalesce(%(locale)s, locale)"
        " WHERE id = %(id)s AND deleted_at IS NULL RETURNING *",
        id=user_id,
        name=None if name is None else check_name(name),
        locale=locale,
    )
    if row is None:
        raise missing("user", "user")
    after_commit(forget_found_users)
    return row


def check_name(name: str) -> str:
    """A person's name without blanks around it; raises 422 for none, a long or an odd one."""
    shown = name.strip()
    if not 1 <= len(shown) <= MAX_NAME_LENGTH or not shown.isprintable():
        raise invalid("invalid_value", f"A name has 1 to {MAX_NAME_LENGTH} characters.", "name")
    return shown


def set_password(user_id: str, password_hash: str) -> None:
    execute(
        "UPDATE app_user SET password_hash = %(hash)s WHERE id = %(id)s",
        hash=password_hash,
        id=user_id,
    )


def hold_password(user_id: str, proven_hash: str) -> bool:
    """Whether a merchant's password still has this hash, which then stays until the transaction
    ends.
    """
    row = one(
        "SELECT id FROM app_user WHERE id = %(id)s AND deleted_at IS NULL"
        " AND password_hash = %(hash)s FOR NO KEY UPDATE",
        id=user_id,
        hash=proven_hash,
    )
    return row is not None


def delete_user(user_id: str) -> None:
    """Take the person out of the row and end all sign-ins; what the stores earned stays.

    Raises 409 `sole_owner` for the only owner of a store.
    """
    _leave_stores(user_id)
    execute(
        "UPDATE app_user SET email = id || '@deleted.invalid', name = '', password_hash = '',"
        " totp_sealed = NULL, totp_confirmed_at = NULL, totp_step = NULL,"
        " deleted_at = clock_timestamp() WHERE id = %(id)s AND deleted_at IS NULL",
        id=user_id,
    )
    execute("UPDATE sign_in SET user_agent = '', address = '' WHERE user_id = %(id)s", id=user_id)
    execute("DELETE FROM recovery_code WHERE user_id = %(id)s", id=user_id)
    execute("DELETE FROM user_token WHERE user_id = %(id)s", id=user_id)
    end_sign_ins(user_id)


def _leave_stores(user_id: str) -> None:
    """In one order, so that two owners who leave at once do not wait for each other."""
    for row in run(
        "SELECT store_id FROM membership WHERE user_id = %(id)s ORDER BY store_id", id=user_id
    ):
        try:
            leave_store(row.store_id, user_id, actor=f"user:{user_id}")
        except Problem as problem:
            if problem.code != "last_owner":
                raise
            raise conflict(
                "sole_owner", "Make somebody else an owner of your store, or delete it, first."
            ) from None
