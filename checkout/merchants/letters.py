"""Mails about accounts: asked for by anybody, written only to whom they concern.

Whoever asks for one gets the same answer in the same time: a row is written and no address is
looked up. A sweep does that a moment later.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import render_template

from checkout.core import ids
from checkout.core.config import config
from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.i18n import text
from checkout.core.jobs import ring
from checkout.core.mail import queue_mail
from checkout.merchants.users import find_user

WRITE = "write_letters"
BATCH = 50
SIGN_UP_HOURS = 24
RESET_MINUTES = 30
MOST_PER_HOUR = 5
"""Nobody's mailbox is filled by somebody else: so many mails of a kind to one address."""

SIGN_UP, RESET = "sign_up", "reset"
TEXTS = {
    "sign_up": "mail.sign_up.",
    "known": "mail.known.",
    "reset": "mail.reset.",
    "password_changed": "mail.password_changed.",
    "two_factor_off": "mail.two_factor_off.",
    "email_changed": "mail.email_changed.",
    "email_left": "mail.email_left.",
}
PATHS = {
    "sign_up": "/dashboard/confirm",
    "known": "/dashboard/sign-in",
    "reset": "/dashboard/reset",
    "password_changed": "/dashboard/forgot",
    "two_factor_off": "/dashboard/account",
    "email_changed": "/dashboard/sign-in",
    "email_left": "/dashboard/sign-in",
}


def ask_letter(kind: str, email: str, locale: str, data: dict[str, Any] | None = None) -> None:
    """Let a `sign_up` or `reset` mail be written in a moment."""
    execute(
        "INSERT INTO letter (kind, email, locale, data)"
        " VALUES (%(kind)s, %(email)s, %(locale)s, %(data)s)",
        kind=kind,
        email=email,
        locale=locale,
        data=data or {},
    )
    ring(WRITE)


def write_letters() -> int:
    """Write those that wait, each to whom its address belongs; returns how many were looked at."""
    with unit_of_work():
        letters = run(
            "DELETE FROM letter WHERE id IN (SELECT id FROM letter ORDER BY id"
            " LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING *",
            limit=BATCH,
        )
        for letter in letters:
            _write(letter)
    return len(letters)


def tell_user(kind: str, user: Any) -> None:
    """Tell a merchant what happened to the account, in the current transaction."""
    _mail(kind, user.email, user.locale, ids.new_id("sgn"), token=None)


def use_token(purpose: str, plain: str) -> Any | None:
    """Use up a mailed token in the current transaction; its row, or None for a useless one."""
    return one(
        "UPDATE user_token SET used_at = clock_timestamp() WHERE hash = %(hash)s"
        " AND purpose = %(purpose)s AND used_at IS NULL AND expires_at > clock_timestamp()"
        " RETURNING *",
        hash=hash_secret(plain),
        purpose=purpose,
    )


def look_at_token(purpose: str, plain: str) -> Any | None:
    """The row of a token that could be used now, without using it."""
    return one(
        "SELECT * FROM user_token WHERE hash = %(hash)s AND purpose = %(purpose)s"
        " AND used_at IS NULL AND expires_at > clock_timestamp()",
        hash=hash_secret(plain),
        purpose=purpose,
    )


def void_tokens(purpose: str, email: str) -> None:
    """Other links of the kind that were mailed to this address are of no use any more."""
    execute(
        "UPDATE user_token SET used_at = clock_timestamp()"
        " WHERE email = %(email)s AND purpose = %(purpose)s AND used_at IS NULL",
        email=email,
        purpose=purpose,
    )


def _write(letter: Any) -> None:
    user = find_user(letter.email)
    kind = "known" if user is not None and letter.kind == SIGN_UP else letter.kind
    if (user is None and kind == RESET) or _had_enough(kind, letter.email):
        return
    # The row of a `known` mail only counts it: its token is shown to nobody.
    token = f"ut_{ids.new_secret(32)}"
    minutes = SIGN_UP_HOURS * 60 if kind == SIGN_UP else RESET_MINUTES
    execute(
        "INSERT INTO user_token (hash, purpose, user_id, email, data, expires_at)"
        " VALUES (%(hash)s, %(purpose)s, %(user_id)s, %(email)s, %(data)s,"
        " clock_timestamp() + make_interval(mins => %(minutes)s))",
        hash=hash_secret(token),
        purpose=kind,
        user_id=None if user is None else user.id,
        email=letter.email,
        data=letter.data if kind == SIGN_UP else {},
        minutes=minutes,
    )
    shown = None if kind == "known" else token
    locale = letter.locale if user is None else user.locale
    _mail(kind, letter.email, locale, hash_secret(token), token=shown)


def _had_enough(kind: str, email: str) -> bool:
    row = one(
        "SELECT count(*) AS found FROM user_token WHERE email = %(email)s"
        " AND purpose = %(purpose)s AND created_at > clock_timestamp() - interval '1 hour'",
        email=email,
        purpose=kind,
    )
    return row is not None and row.found >= MOST_PER_HOUR


def _mail(kind: str, email: str, locale: str, subject_id: str, *, token: str | None) -> None:
    url = config().public_url + PATHS[kind]
    if token is not None:
        url += f"?token={quote(token)}"
    said = {part: text(TEXTS[kind] + part, locale) for part in ("subject", "body", "button", "end")}
    queue_mail(
        purpose=f"account.{kind}",
        subject_id=subject_id,
        store_id="",
        livemode=True,
        recipient=email,
        subject=said["subject"],
        text_body=f"{said['body']}\n\n{url}\n\n{said['end']}\n",
        html_body=render_template("mail/account.html", locale=locale, url=url, **said),
        locale=locale,
        secret=token is not None,
    )
