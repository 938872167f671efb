"""A hundred thousand sessions whose time is over in the same moment."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg

from bench.figures import Limit, Report, at_most, ratio
from bench.load import Answers, Load, request, run_load
from bench.run import Run
from bench.shop import Shop, copy_waiting, make_shop, make_waiting
from bench.stack import Installation, installation, settle_down

SECONDS, FOR_SESSIONS, TIMES_NORMAL = 30, 100_000, at_most(2)
BATCH = 500
CALLS_PER_SECOND = 60
"""Of others meanwhile: creating, reading and looking at a page in turn."""

# The same rows written by nothing but SQL.
_BARE = """
WITH due AS (
    SELECT id FROM checkout_session WHERE status = 'processing' AND reference = 'bare'
    LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE checkout_session AS session SET status = 'expired', seq = seq + 1, ended_at = now(),
        expired_reason = 'timeout', attempts = attempts + 1
    FROM due WHERE session.id = due.id RETURNING session.*
), closed AS (
    UPDATE attempt SET status = 'expired', ended_at = now() FROM moved
    WHERE attempt.session_id = moved.id
), told AS (
    INSERT INTO session_history (session_id, store_id, livemode, seq, from_status, to_status,
        event, actor, at)
    SELECT id, store_id, livemode, seq, 'processing', status, 'timed_out', 'system', now()
    FROM moved
), recorded AS (
    INSERT INTO outbox (id, store_id, livemode, type, subject, body, dispatched_at)
    SELECT 'evt_bare' || id, store_id, livemode, 'checkout.session.expired', id,
        to_jsonb(moved)::text, now() FROM moved
)
SELECT count(*) FROM moved
"""


def measure(run: Run) -> Report:
    """Seconds until the last one has ended, and what others notice of it."""
    report = Report("expiry")
    count = run.pick(100_000, 10_000)
    with installation(run.cluster, "expiry", "web") as place:
        shop = make_shop(place)
        original = make_waiting(place, shop)
        limit = _measure_bare(run, place, original, count)
        place.start("worker", "scheduler")
        run.progress.say("expiry: what is normal for others")
        normal = run_load(_others(place, shop, original[0], seconds=run.pick(15, 5)))
        with place.connect() as connection:
            seconds, meanwhile = _expire(run, report, place, connection, shop, original, count)
    target = at_most(SECONDS * count / FOR_SESSIONS)
    report.add(f"{count} sessions expired", seconds, "s", target, Limit("bare statements", limit))
    report.add(
        "sessions a second", count / seconds, "/s", None, Limit("bare statements", count / limit)
    )
    for percent in (50, 99):
        report.add(
            f"others meanwhile: p{percent}",
            meanwhile.ms(percent),
            "ms",
            None,
            Limit("normally", normal.ms(percent)),
        )
    report.add(
        "others' p99 against normal", ratio(meanwhile.ms(99), normal.ms(99)), "x", TIMES_NORMAL
    )
    report.faults += normal.faults("others", 200, 201) + meanwhile.faults("others", 200, 201)
    return report


def _measure_bare(run: Run, place: Installation, original: tuple[str, str], count: int) -> float:
    """Seconds for as many sessions by plain SQL, found from a tenth of them."""
    run.progress.say("expiry: the limit")
    share = count // 10
    with place.connect() as connection:
        copy_waiting(
            connection, original, share, first=50_000_000, session_changes={"reference": "'bare'"}
        )
        settle_down(connection)
        started = time.perf_counter()
        done = 0
        while done < share:
            row = connection.execute(_BARE, {"batch": BATCH}).fetchone()
            if not row or not row[0]:
                break
            done += row[0]
        return (time.perf_counter() - started) * count / max(1, done)


def _others(place: Installation, shop: Shop, session_id: str, *, seconds: float) -> Load:
    calls = [
        shop.create_request,
        request("GET", f"/api/v1/checkout/sessions/{session_id}", headers=shop.headers),
        request("GET", f"/pay/{session_id}"),
    ]
    return Load(place.address, calls, 16, seconds, warm_seconds=1, per_second=CALLS_PER_SECOND)


def _expire(
    run: Run,
    report: Report,
    place: Installation,
    connection: psycopg.Connection[Any],
    shop: Shop,
    original: tuple[str, str],
    count: int,
) -> tuple[float, Answers]:
    """All rows come into sight, past their deadline, with one commit."""
    run.progress.say(f"expiry: filling in {count} sessions, each with a live attempt")
    far = {"expires_at": "now() + interval '1 day'"}
    copy_waiting(connection, original, count, changes=far)
    settle_down(connection)
    run.progress.say("expiry: their time is over")
    _make_due(connection)
    started = time.perf_counter()
    found: list[Answers] = []
    others = threading.Thread(
        target=lambda: found.append(run_load(_others(place, shop, original[0], seconds=10)))
    )
    others.start()
    while (left := _left(connection)) and time.perf_counter() - started < 150:
        run.progress.count("expiry", count - left, count)
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    others.join()
    report.expect(not left, f"{left} of {count} sessions are still open")
    _prove(report, connection, count)
    return seconds, found[0]


def _make_due(connection: psycopg.Connection[Any]) -> None:
    """Attempts and sessions in one transaction, as if the clock had reached the deadline."""
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        for table in ("attempt", "checkout_session"):
            connection.execute(
                f"UPDATE {table} SET expires_at = now() WHERE expires_at > now()"
                f" AND starts_with(id, %(mark)s)",
                {"mark": "att_00" if table == "attempt" else "cs_00"},
            )


def _left(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM checkout_session WHERE starts_with(id, 'cs_00')"
        " AND status IN ('open', 'processing', 'awaiting_action')"
    ).fetchone()
    return int(row[0]) if row else 0


def _prove(report: Report, connection: psycopg.Connection[Any], count: int) -> None:
    row = connection.execute(
        "SELECT count(*), count(DISTINCT subject) FROM outbox"
        " WHERE type = 'checkout.session.expired' AND NOT starts_with(id, 'evt_bare')"
    ).fetchone()
    told = (int(row[0]), int(row[1])) if row else (0, 0)
    report.expect(told == (count, count), f"{told[0]} events for {told[1]} of {count} sessions")
