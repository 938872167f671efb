"""Sign-ins: a browser or program in which a merchant is known, until it is ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from checkout.core import ids
from checkout.core.crypto import hash_secret
from checkout.core.db import after_commit, execute, one, run
from checkout.core.errors import missing
from checkout.core.web import client_address
from checkout.merchants.access import IDLE_DAYS, forget_found_users

MAX_USER_AGENT = 300
MAX_SIGN_INS = 50


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a merchant may know a sign-in by."""

    user_agent: str
    address: str


def request_facts() -> RequestFacts:
    """Those of the current request."""
    agent = request.headers.get("User-Agent", "")
    shown = "".join(letter for letter in agent if letter.isprintable())
    return RequestFacts(shown[:MAX_USER_AGENT], client_address()[:60])


def sign_in_browser(user_id: str, facts: RequestFacts) -> str:
    """A new sign-in; returns the cookie's value, which nobody can read again."""
    plain = f"bs_{ids.new_secret(32)}"
    start_sign_in(user_id, "browser", facts, days=IDLE_DAYS, cookie_hash=hash_secret(plain))
    return plain


def start_sign_in(
    user_id: str, kind: str, facts: RequestFacts, *, days: int, cookie_hash: str | None = None
) -> str:
    """Insert a sign-in whose password was typed now; returns its id.

    A merchant has so many and no more: the one used longest ago makes room.
    """
    row = one(
        "INSERT INTO sign_in (id, user_id, kind, cookie_hash, user_agent, address, password_at,"
        " last_used_at, expires_at) VALUES (%(id)s, %(user_id)s, %(kind)s, %(cookie_hash)s,"
        " %(user_agent)s, %(address)s, clock_timestamp(), clock_timestamp(),"
        " clock_timestamp() + make_interval(days => %(days)s)) RETURNING id",
        id=ids.new_id("sgn"),
        user_id=user_id,
        kind=kind,
        cookie_hash=cookie_hash,
        user_agent=facts.user_agent,
        address=facts.address,
        days=days,
    )
    assert row is not None  # noqa: S101 - an INSERT ... RETURNING has its row
    execute(
        "UPDATE sign_in SET revoked_at = clock_timestamp() WHERE id IN (SELECT id FROM sign_in"
        " WHERE user_id = %(user_id)s AND revoked_at IS NULL"
        " ORDER BY last_used_at DESC, id DESC OFFSET %(most)s)",
        user_id=user_id,
        most=MAX_SIGN_INS,
    )
    sign_in_id: str = row.id
    return sign_in_id


def list_sign_ins(user_id: str) -> list[Any]:
    """Those that have not ended, the one used last first."""
    return run(
        "SELECT * FROM sign_in"
        " WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()"
        " ORDER BY last_used_at DESC, id DESC",
        user_id=user_id,
    )


def load_sign_in(sign_in_id: str) -> Any:
    """The row of one that is known to be there."""
    row = one("SELECT * FROM sign_in WHERE id = %(id)s", id=sign_in_id)
    assert row is not None  # noqa: S101 - somebody is signed in by it
    return row


def end_sign_in(user_id: str, sign_in_id: str) -> Any:
    """End one of the merchant's, in all processes within a second; returns its row.

    Raises `resource_missing`; ending one that has ended is a harmless repeat.
    """
    row = one(
        "UPDATE sign_in SET revoked_at = coalesce(revoked_at, clock_timestamp())"
        " WHERE id = %(id)s AND user_id = %(user_id)s RETURNING *",
        id=sign_in_id,
        user_id=user_id,
    )
    if row is None:
        raise missing("sign_in", "sign-in")
    after_commit(forget_found_users)
    return row


def end_sign_ins(user_id: str, *, but: str = "") -> None:
    """End all of a merchant's sign-ins, except perhaps one."""
    execute(
        "UPDATE sign_in SET revoked_at = clock_timestamp()"
        " WHERE user_id = %(user_id)s AND revoked_at IS NULL AND id <> %(but)s",
        user_id=user_id,
        but=but,
    )
    after_commit(forget_found_users)


def note_password(sign_in_id: str) -> None:
    """The password was typed in this sign-in just now."""
    execute("UPDATE sign_in SET password_at = clock_timestamp() WHERE id = %(id)s", id=sign_in_id)
    after_commit(forget_found_users)
