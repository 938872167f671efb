"""Leases on references: who talks to a provider about them, so that nobody else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout.core.db import execute, run, unit_of_work

LEASE_SECONDS = 20
"""Longer than any call; of a worker that died the references are free again after it."""

FREE = """
known.done_at IS NULL AND (known.leased_until IS NULL OR known.leased_until <= clock_timestamp())
"""
DUE = f"{FREE} AND known.next_ask_at <= clock_timestamp()"

ASKED = """
attempt.*, session.description, session.reference, session.locale,
known.id AS known_id, known.reference AS known_reference, known.ask_until,
known.done_at AS known_done_at, clock_timestamp() AS asked_at
"""
"""What asking needs of a reference `known`, its attempt and its session."""


def lease_references(known_ids: Sequence[int], *, most: int, condition: str = FREE) -> list[Any]:
    """Take the first of these that nobody else has taken; rows with what `ASKED` names.

    `condition` is one of the constants here or narrower. In the current transaction.
    """
    return run(
        "WITH chosen AS (SELECT known.id FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY"  # noqa: S608 - constants
        " AS wanted (id, position) JOIN attempt_reference AS known ON known.id = wanted.id"
        f" WHERE {condition} ORDER BY wanted.position LIMIT %(most)s"
        " FOR UPDATE OF known SKIP LOCKED)"
        " UPDATE attempt_reference AS known SET leased_until = clock_timestamp()"
        " + make_interval(secs => %(lease)s)"
        " FROM chosen, attempt, checkout_session AS session WHERE known.id = chosen.id"
        " AND attempt.id = known.attempt_id AND session.id = attempt.session_id"
        f" RETURNING {ASKED}",
        ids=list(known_ids),
        most=most,
        lease=LEASE_SECONDS,
    )


def give_back(rows: Sequence[Any], *, wait_seconds: float = 0.0) -> None:
    """Let others have what could not be asked about, after `wait_seconds`."""
    with unit_of_work():
        execute(
            "UPDATE attempt_reference SET leased_until ="
            " clock_timestamp() + %(wait)s * interval '1 second' WHERE id = ANY(%(ids)s)",
            ids=[row.known_id for row in rows],
            wait=wait_seconds,
        )
