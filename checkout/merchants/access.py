"""Who is signed in: from an access token or a browser's cookie to a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import request

from checkout.core import clock
from checkout.core.brief_cache import BriefCache
from checkout.core.config import config
from checkout.core.crypto import hash_secret
from checkout.core.db import execute, one, unit_of_work
from checkout.core.errors import Problem, unauthorized

NOTED_SECONDS = 60
IDLE_DAYS = 7
LONGEST_DAYS = 30
RECENT_MINUTES = 10
MAX_COOKIE = 100

_ALIVE = (
    "sign_in.revoked_at IS NULL AND sign_in.expires_at > clock_timestamp()"
    " AND app_user.deleted_at IS NULL"
)
_COLUMNS = (
    "app_user.id AS user_id, sign_in.id AS sign_in_id, app_user.email, app_user.name,"
    " app_user.locale, sign_in.password_at, sign_in.kind,"
    " sign_in.last_used_at < clock_timestamp() - make_interval(secs => %(noted)s) AS unnoted"
)


@dataclass(frozen=True, slots=True)
class UserAccess:
    """A merchant who is signed in, and where."""

    user_id: str
    sign_in_id: str
    email: str
    name: str
    locale: str
    password_at: datetime
    """When the password was typed last in this sign-in."""


class PasswordNeeded(Problem):
    """The password was typed too long ago for what is asked; a browser asks for it anew."""

    def __init__(self) -> None:
        message = "Sign in again: this needs a password typed within the last ten minutes."
        super().__init__("permission_error", 403, "password_needed", message)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A token of ours whose time is over."""


_found: BriefCache[str, UserAccess | _Ended | None] = BriefCache()


def authenticate_access_token(plain: str) -> UserAccess | None:
    """Whose access token it is; None for what is none of ours.

    Raises 401 `access_token_expired` for one that has expired or was revoked. The answer is at
    most half a second old.
    """
    if not plain.startswith("at_") or not plain.isascii():
        return None
    hashed = hash_secret(plain)
    found = _found.get(hashed, lambda: _read_token(hashed))
    if isinstance(found, _Ended):
        raise unauthorized("access_token_expired", "This access token has ended; refresh it.")
    return found


def load_browser_user() -> UserAccess | None:
    """Whom the request's cookie signs in; None for nobody. At most half a second old."""
    plain = request.cookies.get(cookie_name(), "")
    if not plain or len(plain) > MAX_COOKIE or not plain.isascii():
        return None
    hashed = hash_secret(plain)
    found = _found.get(hashed, lambda: _read_cookie(hashed))
    return found if isinstance(found, UserAccess) else None


def cookie_name() -> str:
    """Where pages are served over https, a name that browsers take from this very host only."""
    return "__Host-merchant" if config().is_https else "merchant"


def require_recent_password(access: UserAccess) -> None:
    """Raise 403 `password_needed` unless the password was typed within ten minutes."""
    if clock.now() - access.password_at > timedelta(minutes=RECENT_MINUTES):
        raise PasswordNeeded


def forget_found_users() -> None:
    """Empty this process's cache; the others' is at most half a second old."""
    _found.clear()


def _read_token(hashed: str) -> UserAccess | _Ended | None:
    # A unit of its own: what follows may call the outside and must find no open transaction.
    with unit_of_work():
        row = one(
            f"SELECT {_COLUMNS}, {_ALIVE} AND token.expires_at > clock_timestamp() AS alive"  # noqa: S608
            " FROM access_token AS token JOIN sign_in ON sign_in.id = token.sign_in_id"
            " JOIN app_user ON app_user.id = sign_in.user_id WHERE token.hash = %(hash)s",
            hash=hashed,
            noted=NOTED_SECONDS,
        )
        if row is not None and row.alive and row.unnoted:
            _note_use(row)
    if row is None:
        return None
    return _access(row) if row.alive else _Ended()


def _read_cookie(hashed: str) -> UserAccess | None:
    with unit_of_work():
        row = one(
            f"SELECT {_COLUMNS} FROM sign_in JOIN app_user ON app_user.id = sign_in.user_id"  # noqa: S608
            f" WHERE sign_in.cookie_hash = %(hash)s AND {_ALIVE}",
            hash=hashed,
            noted=NOTED_SECONDS,
        )
        if row is not None and row.unnoted:
            _note_use(row)
    return None if row is None else _access(row)


def _access(row: Any) -> UserAccess:
    return UserAccess(
        user_id=row.user_id,
        sign_in_id=row.sign_in_id,
        email=row.email,
        name=row.name,
        locale=row.locale,
        password_at=row.password_at,
    )


def _note_use(row: Any) -> None:
    """Once a minute, without waiting for who is at it; a browser in use stays signed in."""
    execute(
        "UPDATE sign_in SET last_used_at = clock_timestamp(), expires_at = CASE kind"
        " WHEN 'browser' THEN least(clock_timestamp() + make_interval(days => %(idle)s),"
        " created_at + make_interval(days => %(longest)s)) ELSE expires_at END"
        " WHERE id = (SELECT id FROM sign_in WHERE id = %(id)s FOR UPDATE SKIP LOCKED)",
        id=row.sign_in_id,
        idle=IDLE_DAYS,
        longest=LONGEST_DAYS,
    )
