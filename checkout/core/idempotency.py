"""Idempotency keys: the first answer to a key is the only one.

The key's row is written in the transaction of the effect, so a crash leaves both or neither.
While the first request runs it holds an advisory lock, which PostgreSQL frees the moment its
connection dies.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore

from flask import current_app, request
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from checkout.core.config import config
from checkout.core.crypto import SealBroken, seal, unseal
from checkout.core.db import db, execute, one, run, unit_of_work
from checkout.core.errors import Problem, conflict, invalid, unavailable
from checkout.core.jobs import periodic
from checkout.core.scope import Scope

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
KEPT_HOURS = 24
PURGE_BATCH = 5000
ROOM_SECONDS = 4.0
"""As long as anybody waits for a connection."""

IN_USE = "idempotency_key_in_use"
REUSED = "idempotency_key_reused"

SEALED, COLUMN = "sealed:", "idempotency_key.body"
"""How a kept answer begins that is not to be read off the table; others are JSON objects."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one store and mode, and a hash over what was asked with it."""

    store_id: str
    livemode: bool
    key: str
    request_hash: str
    hides: bool = False
    """Whether the answer holds a secret, so that it is kept sealed."""

    @property
    def row(self) -> str:
        """Which row of all it is: what is sealed for one store's key opens in no other."""
        return f"{self.store_id}\x1f{self.livemode}\x1f{self.key}"

    @property
    def lock(self) -> int:
        """The key's number among PostgreSQL's advisory locks, a signed 64-bit one."""
        digest = hashlib.sha256(self.row.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that a key was given first."""

    status: int
    body: str


def read_key(scope: Scope, raw: bytes, *, hides: bool = False) -> Key | None:
    """The request's key, or None; raises `invalid_idempotency_key`."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise invalid(
            "invalid_idempotency_key",
            f"{HEADER} must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
            HEADER,
            status=400,
        )
    if not scope.secret:
        # What a page sends never meets the shop's own keys, which are printable.
        key = f"\x1f{scope.key_id}\x1f{key}"
    asked = hashlib.sha256(f"{request.method}\n{request.full_path}\n".encode() + raw)
    return Key(scope.store_id, scope.livemode, key, asked.hexdigest(), hides)


def claim(key: Key) -> Kept | None:
    """Take the key for the current transaction, or give the answer it already has.

    Two statements on purpose: the row is looked for only after the lock is held, so an answer
    that was committed a moment ago is seen. Raises `idempotency_key_in_use` and
    `idempotency_key_reused`.
    """
    row = one("SELECT pg_try_advisory_xact_lock(%(lock)s) AS got", lock=key.lock)
    if row is None or not row.got:
        raise _in_use()
    return _look_up(key)


@contextmanager
def held(key: Key) -> Iterator[Kept | None]:
    """Hold the key through several transactions, for work that calls the outside between them.

    The lock is a session's one on a connection of its own: it lives as long as the block, or
    as the process. The caller stores the answer in its last transaction with `keep`; when it
    cannot, right after it, and a crash in between leaves an effect without a key. That is why
    such work must also be safe to ask for twice by its own states.
    """
    with _room(), db.engine.connect() as connection:
        holder = connection.execution_options(isolation_level="AUTOCOMMIT")
        statement = text("SELECT pg_try_advisory_lock(:lock)")
        if not holder.execute(statement, {"lock": key.lock}).scalar():
            raise _in_use()
        try:
            with unit_of_work():
                kept = _look_up(key)
            yield kept
        finally:
            _release(connection, key)


@contextmanager
def _room() -> Iterator[None]:
    """At most half of the connections hold keys: each such call needs a second one to work."""
    holders: BoundedSemaphore = current_app.extensions.setdefault(
        "checkout_key_holders", BoundedSemaphore(config().database_pool // 2)
    )
    if not holders.acquire(timeout=ROOM_SECONDS):
        raise unavailable()
    try:
        yield
    finally:
        holders.release()


def _release(connection: Connection, key: Key) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": key.lock})
    except DBAPIError:
        # The connection is gone, and the lock with it; the pool must not get it back.
        connection.invalidate()


def keep(key: Key, status: int, body: str) -> None:
    """Store the answer in the current transaction. The first one stays, for its day."""
    if key.hides and status < 400:
        body = SEALED + base64.b64encode(seal(body.encode(), row=key.row, column=COLUMN)).decode()
    execute(
        "INSERT INTO idempotency_key (store_id, livemode, key, request_hash, status, body)"
        " VALUES (%(store_id)s, %(livemode)s, %(key)s, %(request_hash)s, %(status)s, %(body)s)"
        " ON CONFLICT (store_id, livemode, key) DO UPDATE SET request_hash = excluded.request_hash,"
        " status = excluded.status, body = excluded.body, created_at = now()"
        " WHERE idempotency_key.created_at < now() - make_interval(hours => %(hours)s)",
        store_id=key.store_id,
        livemode=key.livemode,
        key=key.key,
        request_hash=key.request_hash,
        status=status,
        body=body,
        hours=KEPT_HOURS,
    )


def keep_refusal(key: Key, problem: Problem, body: str) -> None:
    """Store a refusal after its transaction was rolled back; a passing one is not stored."""
    passing = problem.status >= 500 or problem.status == 429
    if passing or problem.code in (IN_USE, REUSED):
        return
    with unit_of_work():
        keep(key, problem.status, body)


@periodic("purge_idempotency_keys", every_seconds=600)
def purge_keys() -> int:
    """Delete keys older than a day, some thousands per transaction; returns how many."""
    deleted = 0
    while True:
        with unit_of_work():
            rows = run(
                "DELETE FROM idempotency_key WHERE (store_id, livemode, key) IN ("
                "SELECT store_id, livemode, key FROM idempotency_key"
                " WHERE created_at < now() - make_interval(hours => %(hours)s)"
                " LIMIT %(batch)s FOR UPDATE SKIP LOCKED) RETURNING 1 AS one",
                hours=KEPT_HOURS,
                batch=PURGE_BATCH,
            )
        deleted += len(rows)
        if len(rows) < PURGE_BATCH:
            return deleted


def _look_up(key: Key) -> Kept | None:
    row = one(
        "SELECT request_hash, status, body FROM idempotency_key"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND key = %(key)s"
        " AND created_at >= now() - make_interval(hours => %(hours)s)",
        store_id=key.store_id,
        livemode=key.livemode,
        key=key.key,
        hours=KEPT_HOURS,
    )
    if row is None:
        return None
    if row.request_hash != key.request_hash:
        raise invalid(REUSED, "This key was used with another request.", HEADER)
    return Kept(row.status, _opened(key, row.body))


def _opened(key: Key, body: str) -> str:
    """What was kept. An encryption key that was taken away since has taken its answers along."""
    if not body.startswith(SEALED):
        return body
    try:
        sealed = base64.b64decode(body.removeprefix(SEALED))
        return unseal(sealed, row=key.row, column=COLUMN).decode()
    except SealBroken:
        raise invalid(REUSED, "The answer to this key cannot be read again.", HEADER) from None


def _in_use() -> Problem:
    return conflict(IN_USE, "The first request with this key is still running.", HEADER)
