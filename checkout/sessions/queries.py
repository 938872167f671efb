"""Reading sessions. Tables of later areas are named in SQL, never imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.db import later, one, pipeline, run
from checkout.core.errors import missing
from checkout.sessions.objects import attempt_object, payment_object, session_object

STORE_NOW = (
    "clock_timestamp() + CASE WHEN session.livemode THEN interval '0'"
    " ELSE make_interval(secs => store.clock_offset_seconds) END"
)


@dataclass(frozen=True, slots=True)
class Locked:
    """A session whose row is ours until the transaction ends, with its store's time."""

    session: Any
    now: datetime


def lock_session(
    session_id: str, *, store_id: str | None = None, livemode: bool | None = None
) -> Locked:
    """Lock one session for a change; attempts, transfers and its payment hang on this lock.

    With a store and mode the session must be theirs. Raises 404 `resource_missing`.
    """
    found = lock_sessions([session_id]) if ids.is_id("cs", session_id) else []
    if not found or (
        store_id is not None
        and (found[0].session.store_id, found[0].session.livemode) != (store_id, livemode)
    ):
        raise missing(what="checkout session")
    return found[0]


def lock_sessions(session_ids: Sequence[str], *, wait: bool = True) -> list[Locked]:
    """Lock several sessions, always in the order of their ids.

    The order is one within a store. Whoever locks across stores does not `wait`, and goes
    without the sessions that somebody else holds at the moment.
    """
    with pipeline():
        locked = begin_lock(session_ids, wait=wait)
    return locked()


def begin_lock(session_ids: Sequence[str], *, wait: bool = True) -> Callable[[], list[Locked]]:
    """Lock sessions inside a `pipeline`; what is locked is to be had after it."""
    wanted = list(session_ids)
    sessions = later(
        "SELECT * FROM checkout_session WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE"  # noqa: S608 - constants
        + ("" if wait else " SKIP LOCKED"),
        ids=wanted,
    )
    # Executed after the locks are ours, so that the time is not from before a wait.
    stores = later(
        "SELECT id, clock_timestamp() AS live_now, clock_timestamp() +"
        " make_interval(secs => clock_offset_seconds) AS test_now"
        " FROM store WHERE id IN (SELECT store_id FROM checkout_session WHERE id = ANY(%(ids)s))",
        ids=wanted,
    )
    return lambda: _with_times(sessions(), stores())


def _with_times(sessions: Sequence[Any], stores: Sequence[Any]) -> list[Locked]:
    by_id = {store.id: store for store in stores}
    locked = []
    for session in sessions:
        store = by_id[session.store_id]
        now = store.live_now if session.livemode else store.test_now
        locked.append(Locked(session, now))
    return locked


def load_session_object(session_id: str, *, store_id: str, livemode: bool) -> dict[str, Any]:
    """A session in its API form with its newest attempt and its payment expanded.

    Raises 404 `resource_missing`, also for another store's or mode's session.
    """
    session = None
    if ids.is_id("cs", session_id):
        session = one(
            f"SELECT session.*, {STORE_NOW} AS store_now FROM checkout_session AS session"  # noqa: S608
            " JOIN store ON store.id = session.store_id WHERE session.id = %(id)s"
            " AND session.store_id = %(store_id)s AND session.livemode = %(livemode)s",
            id=session_id,
            store_id=store_id,
            livemode=livemode,
        )
    if session is None:
        raise missing(what="checkout session")
    return expand([session])[0]


def expand(sessions: Sequence[Any], *, now: datetime | None = None) -> list[dict[str, Any]]:
    """The API forms of sessions, attempts and payments expanded.

    `now` is the store's time; without it every row brings its own as `store_now`.
    """
    session_ids = [session.id for session in sessions]
    attempts = {
        row.session_id: attempt_object(row)
        for row in run(
            "SELECT DISTINCT ON (session_id) * FROM attempt WHERE session_id = ANY(%(ids)s)"
            " ORDER BY session_id, number DESC",
            ids=session_ids,
        )
    }
    payments = {
        row.session_id: payment_object(row)
        for row in run("SELECT * FROM payment WHERE session_id = ANY(%(ids)s)", ids=session_ids)
    }
    return [
        session_object(
            session,
            now=now or session.store_now,
            attempt=attempts.get(session.id),
            payment=payments.get(session.id),
        )
        for session in sessions
    ]


def load_history(session_id: str) -> list[Any]:
    """Every change of a session, oldest first."""
    return run(
        "SELECT * FROM session_history WHERE session_id = %(id)s ORDER BY seq, id", id=session_id
    )
