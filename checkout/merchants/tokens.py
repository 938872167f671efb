"""Tokens of programs: a short-lived one to call with, another to get the next pair for, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.audit import record_security
from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one, unit_of_work
from checkout.core.errors import Problem, unauthorized
from checkout.merchants.sign_ins import RequestFacts, end_sign_in, start_sign_in

ACCESS_MINUTES = 15
REFRESH_DAYS = 7


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair, in clear: nobody can read it again."""

    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime


def sign_in_program(user_id: str, facts: RequestFacts) -> Tokens:
    """A new sign-in of a program, and its first pair of tokens."""
    return _make_tokens(start_sign_in(user_id, "api", facts, days=REFRESH_DAYS))


def refresh_tokens(plain: str) -> Tokens:
    """The next pair for a refresh token. Opens its own units of work.

    Raises 401 `invalid_refresh_token`. A token that comes a second time was stolen, from the
    program or by it: nobody can tell, so the whole sign-in ends, and with it every token.
    """
    hashed = hash_secret(plain)
    with unit_of_work():
        sign_in_id = _use_up(hashed)
        if sign_in_id is not None:
            return _make_tokens(sign_in_id)
    with unit_of_work():
        reused = _find_reused(hashed)
        if reused is not None:
            end_sign_in(reused.user_id, reused.sign_in_id)
    if reused is not None:
        actor = f"user:{reused.user_id}"
        record_security("refresh_token_reused", actor=actor, sign_in=reused.sign_in_id)
    raise refused()


def refused() -> Problem:
    return unauthorized("invalid_refresh_token", "This refresh token is not valid; sign in again.")


def _use_up(hashed: str) -> str | None:
    """The one statement that lets a refresh token be used once."""
    row = one(
        "UPDATE refresh_token AS token SET used_at = clock_timestamp() FROM sign_in"
        " JOIN app_user ON app_user.id = sign_in.user_id"
        " WHERE token.hash = %(hash)s AND token.used_at IS NULL"
        " AND token.expires_at > clock_timestamp() AND sign_in.id = token.sign_in_id"
        " AND sign_in.revoked_at IS NULL AND app_user.deleted_at IS NULL RETURNING sign_in.id",
        hash=hashed,
    )
    return None if row is None else row.id


def _find_reused(hashed: str) -> Any | None:
    return one(
        "SELECT token.sign_in_id, sign_in.user_id FROM refresh_token AS token"
        " JOIN sign_in ON sign_in.id = token.sign_in_id"
        " WHERE token.hash = %(hash)s AND token.used_at IS NOT NULL AND sign_in.revoked_at IS NULL",
        hash=hashed,
    )


def _make_tokens(sign_in_id: str) -> Tokens:
    access, refresh = f"at_{ids.new_secret(32)}", f"rt_{ids.new_secret(32)}"
    row = one(
        "WITH access AS (INSERT INTO access_token (hash, sign_in_id, expires_at)"
        " VALUES (%(access)s, %(sign_in_id)s,"
        " clock_timestamp() + make_interval(mins => %(minutes)s)) RETURNING expires_at),"
        " refresh AS (INSERT INTO refresh_token (hash, sign_in_id, expires_at)"
        " VALUES (%(refresh)s, %(sign_in_id)s,"
        " clock_timestamp() + make_interval(days => %(days)s)) RETURNING expires_at)"
        " SELECT access.expires_at AS access_at, refresh.expires_at AS refresh_at"
        " FROM access, refresh",
        access=hash_secret(access),
        refresh=hash_secret(refresh),
        sign_in_id=sign_in_id,
        minutes=ACCESS_MINUTES,
        days=REFRESH_DAYS,
    )
    assert row is not None  # noqa: S101 - both INSERTs have their row
    execute(
        "UPDATE sign_in SET expires_at = %(until)s WHERE id = %(id)s",
        until=row.refresh_at,
        id=sign_in_id,
    )
    return Tokens(access, row.access_at, refresh, row.refresh_at)
