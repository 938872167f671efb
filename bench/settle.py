"""Notices of money: taken, judged, settled; and each of them once."""

from __future__ import annotations

import random
from typing import Any

import psycopg

from bench.bare_insert import Inserts, run_inserts
from bench.figures import Limit, Report, at_least
from bench.load import Answers, Load, request, run_load
from bench.run import Run
from bench.shop import AMOUNT, Waiting, copy_waiting, make_shop, make_waiting, notices_for
from bench.stack import Installation, installation, settle_down

CLIENTS = (1, 8, 32)
JUDGED = 32
RATE = at_least(500)
REPEATED = 0.02
"""So many notices are sent twice, as providers do."""
_PARTS = ("web", "worker", "postgres")


def measure(run: Run) -> Report:
    """Notices per second from the provider's call to the settled payment, and the proof."""
    report = Report("notice to settled payment")
    count = run.pick(4000, 800)
    with installation(run.cluster, "settle", "bare") as place:
        limits = {clients: _measure_bare(run, place, clients) for clients in CLIENTS}
        place.stop("bare")
        place.start("web", "worker", "scheduler")
        shop = make_shop(place)
        original = make_waiting(place, shop)
        with place.connect() as connection:
            waiting = copy_waiting(connection, original, count)
            settle_down(connection)
        shares = _share(waiting, (0.1, 0.3, 0.6))
        number = 1
        for clients, share in zip(CLIENTS, shares, strict=True):
            run.progress.say(f"settle: {len(share)} notices by {clients} clients")
            notices = notices_for(shop, share, first=number)
            number += len(share)
            _measure_clients(report, place, notices, clients, limits[clients])
        with place.connect() as connection:
            _prove(report, connection, count)
    return report


def _measure_bare(run: Run, place: Installation, clients: int) -> tuple[Answers, Answers]:
    run.progress.say(f"settle: the limits with {clients} clients")
    seconds = run.pick(3, 1)
    inserts = run_inserts(Inserts(place.database_url, clients, seconds))
    bare = request("POST", "/insert", body=b'{"transferAmount":150000}')
    return inserts, run_load(Load(place.address, [bare], clients, seconds, warm_seconds=0.5))


def _share(waiting: list[Waiting], parts: tuple[float, ...]) -> list[list[Waiting]]:
    """Cut a list into parts of about these sizes; nothing is left over."""
    shares, start = [], 0
    for part in parts[:-1]:
        end = start + int(part * len(waiting))
        shares.append(waiting[start:end])
        start = end
    return [*shares, waiting[start:]]


def _measure_clients(
    report: Report,
    place: Installation,
    notices: list[bytes],
    clients: int,
    limits: tuple[Answers, Answers],
) -> None:
    dice = random.Random(clients)
    again = [notice for notice in notices if dice.random() < REPEATED]
    calls = notices + again
    dice.shuffle(calls)
    before = place.cpu(*_PARTS)
    answers = run_load(Load(place.address, calls, clients, seconds=120, once=True))
    used = {name: now - before[name] for name, now in place.cpu(*_PARTS).items()}
    at = f"{clients} client{'s' if clients > 1 else ''}"
    report.add(
        f"{at}: notices settled",
        len(notices) / answers.seconds,
        "/s",
        RATE if clients == JUDGED else None,
        Limit("insert and commit", limits[0].rate),
        Limit("route with insert", limits[1].rate),
    )
    report.add(f"{at}: p50", answers.ms(50), "ms")
    report.add(f"{at}: p99", answers.ms(99), "ms")
    cost = ", ".join(f"{name} {1000 * cpu / answers.count:.2f}" for name, cpu in used.items())
    report.notes.append(
        f"{at}: CPU ms a notice: {cost}, the client itself {answers.client_cpu_ms:.3f}"
    )
    report.faults += answers.faults(at, 200)
    report.expect(answers.count == len(calls), f"{at}: {answers.count} of {len(calls)} answered")


_PROOFS = {
    "sessions completed and paid": """
        SELECT count(*) FROM checkout_session WHERE starts_with(id, 'cs_00')
        AND status = 'completed' AND payment_status = 'paid' AND amount_received = amount""",
    "payments": "SELECT count(*) FROM payment",
    "sessions with a payment": "SELECT count(DISTINCT session_id) FROM payment",
    "transfers that are matched": """
        SELECT count(*) FROM transfer WHERE disposition = 'matched' AND held = 0""",
    "notices judged": "SELECT count(*) FROM inbox WHERE judged_at IS NOT NULL",
    "balanced journals of a payment": """
        SELECT count(*) FROM (SELECT FROM journal JOIN entry ON entry.journal_id = journal.id
        WHERE journal.payment_id IS NOT NULL
        GROUP BY journal.id HAVING sum(entry.amount) = 0) AS balanced""",
    "completion events": """
        SELECT count(DISTINCT subject) FROM outbox WHERE type = 'checkout.session.completed'""",
}


def _prove(report: Report, connection: psycopg.Connection[Any], count: int) -> None:
    """Every notice had its effect, and none had it twice."""
    for name, statement in _PROOFS.items():
        found = _number(connection, statement)
        report.expect(found == count, f"{found} {name}, {count} expected")
    held = _number(connection, "SELECT sum(balance) FROM account WHERE kind = 'store_balance'")
    report.expect(held == count * AMOUNT, f"the store's balance is {held}")
    commits = _number(connection, "SELECT count(DISTINCT xmin::text) FROM payment")
    report.notes.append(f"{count / commits:.1f} notices were settled by one transaction on average")
    report.notes.append(
        f"{count} notices and their repeats checked in the database: one payment, one balanced"
        " journal, one event each"
    )


def _number(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0] or 0) if row else 0
