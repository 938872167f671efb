"""Another address for a merchant, whose mailbox is gone or was mistyped."""

from __future__ import annotations

from typing import Any

import psycopg

from checkout.core.audit import record_account_event, record_audit
from checkout.core.body import Body, validate
from checkout.core.db import one, run
from checkout.core.errors import conflict, invalid, missing
from checkout.core.fields import Email
from checkout.merchants.letters import RESET, tell_user, void_tokens
from checkout.merchants.lockout import forget_tries
from checkout.merchants.sign_ins import end_sign_ins


class _Given(Body):
    email: Email


def change_email(user_id: str, email: str, *, actor: str) -> Any:
    """Let a merchant sign in with another address from now on; returns the row.

    Every sign-in ends, links that were mailed to the old address open nothing, and both
    addresses are written to. The password and a second factor stay. Who calls this has made
    sure whose the new address is: no mail asks. Raises 422 for no address or the one that it
    is already, and 409 `email_taken`.
    """
    new = validate(_Given, {"email": email}).email
    old = one(
        "SELECT * FROM app_user WHERE id = %(id)s AND deleted_at IS NULL FOR UPDATE", id=user_id
    )
    if old is None:
        raise missing("user", "user")
    if new == old.email:
        raise invalid("invalid_value", "This is the address already.", "email")
    user = _put(user_id, new)
    void_tokens(RESET, old.email)
    forget_tries(old.email)
    end_sign_ins(user_id)
    tell_user("email_left", old)
    tell_user("email_changed", user)
    record_account_event("email_changed", f"user:{user_id}")
    # Each store's trail is a lock: they are always taken in the same order.
    for row in run(
        "SELECT store_id FROM membership WHERE user_id = %(id)s ORDER BY store_id", id=user_id
    ):
        record_audit(row.store_id, actor, "member.email_changed", target=user_id)
    return user


def _put(user_id: str, email: str) -> Any:
    try:
        return one(
            "UPDATE app_user SET email = %(email)s WHERE id = %(id)s RETURNING *",
            email=email,
            id=user_id,
        )
    except psycopg.errors.UniqueViolation:
        raise conflict(
            "email_taken", "Somebody has an account with this address.", "email"
        ) from None
