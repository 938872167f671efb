"""Rows of tokens, sign-ins and invitations that are of no use any more."""

from __future__ import annotations

from checkout.core.db import run, unit_of_work

BATCH = 5000

# Table → its key, and which rows may go. An ended token is known for a day, so that its user
# is told that it has ended and not that it never was; a used refresh token until it expires, so
# that its second use is noticed.
OLD = {
    "access_token": ("hash", "expires_at < now() - interval '1 day'"),
    "refresh_token": ("hash", "expires_at < now() - interval '1 day'"),
    "user_token": ("hash", "expires_at < now() - interval '1 day'"),
    "sign_in_failure": ("email_hash", "failed_at < now() - interval '2 days'"),
    # Whom a store invited stays in its audit trail.
    "invitation": (
        "id",
        "coalesce(accepted_at, revoked_at, expires_at) < now() - interval '90 days'",
    ),
    "sign_in": (
        "id",
        "expires_at < now() - interval '90 days' OR revoked_at < now() - interval '90 days'",
    ),
}


def purge_ended() -> int:
    """Delete them, some thousands a transaction; returns how many."""
    return sum(_purge(table, key, condition) for table, (key, condition) in OLD.items())


def _purge(table: str, key: str, condition: str) -> int:
    deleted = 0
    while True:
        with unit_of_work():
            rows = run(
                f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table}"  # noqa: S608
                f" WHERE {condition} LIMIT {BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1 AS one"
            )
        deleted += len(rows)
        if len(rows) < BATCH:
            return deleted
