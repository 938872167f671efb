"""Numbers for `/metrics` that all processes share, read from the database at each scrape.

Every query walks a partial index, or the newest rows by their time-ordered ids, so that a
scrape costs the same however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from checkout.core import ids
from checkout.core.db import run

RECENT_SECONDS = 300
NEWEST_TRIES = 10_000
ALIVE_SECONDS = 30

_QUEUES = """
SELECT queue, waiting, greatest(0, extract(epoch FROM clock_timestamp() - due_at)) AS late FROM (
    SELECT 'inbox' AS queue, count(*) AS waiting, min(next_try_at) AS due_at
        FROM inbox WHERE judged_at IS NULL
    UNION ALL SELECT 'outbox', count(*), min(next_try_at) FROM outbox WHERE dispatched_at IS NULL
    UNION ALL SELECT 'deliveries', count(*), min(next_try_at)
        FROM delivery WHERE status = 'waiting'
    UNION ALL SELECT 'mail', count(*), min(next_try_at) FROM mail WHERE status = 'waiting'
    UNION ALL SELECT 'questions', count(*), min(next_ask_at) FROM attempt_reference
        WHERE done_at IS NULL AND next_ask_at <= clock_timestamp()
) AS queues
"""

_STANDING = """
SELECT (SELECT count(*) FROM checkout_session
        WHERE status IN ('open', 'processing', 'awaiting_action')) AS open_sessions,
    (SELECT count(*) FROM transfer
        WHERE resolved_at IS NULL AND (held > 0 OR amount IS NULL)) AS held_transfers
"""

_ATTEMPTS = """
SELECT rail, livemode, status, count(*) AS count FROM attempt
WHERE id >= %(first)s GROUP BY rail, livemode, status
"""

_NOTICES = """
SELECT rail, livemode, coalesce(result, 'waiting') AS outcome, count(*) AS count FROM inbox
WHERE id >= %(first)s GROUP BY rail, livemode, outcome
"""

_SETTLED = """
SELECT rail, livemode, percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP
    (ORDER BY extract(epoch FROM judged_at - received_at)) AS seconds FROM inbox
WHERE id >= %(first)s AND judged_at IS NOT NULL GROUP BY rail, livemode
"""

_TRIES = """
SELECT CASE WHEN response_status BETWEEN 200 AND 299 THEN 'accepted'
        WHEN response_status IS NOT NULL THEN 'refused' ELSE 'unanswered' END AS outcome,
    count(*) AS count
FROM (SELECT response_status, at FROM delivery_attempt ORDER BY id DESC LIMIT %(most)s) AS newest
WHERE at > clock_timestamp() - make_interval(secs => %(seconds)s) GROUP BY outcome
"""

_ACCOUNTS = """
SELECT account.rail, account.livemode, CASE WHEN coalesce(health.failures, 0) = 0 THEN 'answering'
        WHEN health.resting_until > clock_timestamp() THEN 'resting' ELSE 'failing' END AS state,
    count(*) AS count
FROM rail_account AS account LEFT JOIN rail_health AS health ON health.rail_account_id = account.id
WHERE account.enabled AND account.superseded_at IS NULL GROUP BY 1, 2, 3
"""

_PROCESSES = """
SELECT kinds.kind, count(beat.name) AS count
FROM unnest(ARRAY['worker', 'scheduler']) AS kinds (kind)
LEFT JOIN heartbeat AS beat ON beat.kind = kinds.kind
    AND beat.at > clock_timestamp() - make_interval(secs => %(seconds)s)
GROUP BY kinds.kind
"""

_TASKS = """
SELECT name, greatest(0, extract(epoch FROM clock_timestamp() - at)) AS late
FROM heartbeat WHERE kind = 'periodic'
"""


class SharedNumbers(Collector):
    """Read anew at each scrape, so that what is over is no longer shown."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every family; needs an application context."""
        yield from _queues()
        yield from _standing()
        yield from _money()
        yield from _webhooks()
        yield from _rails()
        yield from _background()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: registering must not open a connection."""
        return ()


def _queues() -> Iterator[GaugeMetricFamily]:
    rows = run(_QUEUES)
    yield _family(
        "checkout_waiting",
        "Rows that wait for background work.",
        ("queue",),
        [((row.queue,), row.waiting) for row in rows],
    )
    yield _family(
        "checkout_late_seconds",
        "How long the row that waits longest has been due.",
        ("queue",),
        [((row.queue,), row.late or 0) for row in rows],
    )


def _standing() -> Iterator[GaugeMetricFamily]:
    for row in run(_STANDING):
        yield _family(
            "checkout_open_sessions", "Sessions that can be paid.", (), [((), row.open_sessions)]
        )
        yield _family(
            "checkout_held_transfers",
            "Transfers that wait for a person.",
            (),
            [((), row.held_transfers)],
        )


def _money() -> Iterator[GaugeMetricFamily]:
    yield _family(
        "checkout_recent_attempts",
        "Attempts begun in the last five minutes.",
        ("rail", "mode", "status"),
        [
            ((row.rail, _mode(row), row.status), row.count)
            for row in run(_ATTEMPTS, first=ids.first_id("att", RECENT_SECONDS))
        ],
    )
    first = ids.first_id("inb", RECENT_SECONDS)
    yield _family(
        "checkout_recent_notices",
        "Providers' notices of the last five minutes, by what they were judged to be.",
        ("rail", "mode", "outcome"),
        [((row.rail, _mode(row), row.outcome), row.count) for row in run(_NOTICES, first=first)],
    )
    yield _family(
        "checkout_recent_settle_seconds",
        "From a notice's arrival until it was judged, in the last five minutes.",
        ("rail", "mode", "quantile"),
        [
            ((row.rail, _mode(row), quantile), seconds)
            for row in run(_SETTLED, first=first)
            for quantile, seconds in zip(("0.5", "0.99"), row.seconds, strict=True)
        ],
    )


def _webhooks() -> Iterator[GaugeMetricFamily]:
    yield _family(
        "checkout_recent_delivery_tries",
        "Tries to deliver in the last five minutes, of the newest ten thousand.",
        ("outcome",),
        [
            ((row.outcome,), row.count)
            for row in run(_TRIES, seconds=RECENT_SECONDS, most=NEWEST_TRIES)
        ],
    )


def _rails() -> Iterator[GaugeMetricFamily]:
    yield _family(
        "checkout_rail_accounts",
        "Accounts in use, by how their provider answers.",
        ("rail", "mode", "state"),
        [((row.rail, _mode(row), row.state), row.count) for row in run(_ACCOUNTS)],
    )


def _background() -> Iterator[GaugeMetricFamily]:
    yield _family(
        "checkout_processes",
        "Background processes that showed themselves in the last half minute.",
        ("kind",),
        [((row.kind,), row.count) for row in run(_PROCESSES, seconds=ALIVE_SECONDS)],
    )
    yield _family(
        "checkout_task_late_seconds",
        "How long a periodic task has been due.",
        ("task",),
        [((row.name,), row.late) for row in run(_TASKS)],
    )


def _family(
    name: str,
    help_text: str,
    labels: tuple[str, ...],
    samples: Iterable[tuple[tuple[str, ...], Any]],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _mode(row: Any) -> str:
    return "live" if row.livemode else "test"
