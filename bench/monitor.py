"""The monitor against the pretend Bakong, which tells nothing by itself and has to be asked."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import psycopg

from bench.figures import Limit, Report, at_least, at_most
from bench.run import Run
from bench.shop import AMOUNT, make_shop
from bench.stack import Installation, installation, settle_down
from checkout.core import clock, ids
from checkout.core.db import one, run, unit_of_work
from checkout.merchants.rail_accounts import configure_rail, load_account
from checkout.merchants.stores import create_store, load_store
from checkout.payments.facts import attempt_facts
from checkout.payments.faults import plan_faults
from checkout.payments.shelf import DatabaseShelf
from checkout.payments.start import start_attempt
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_fake, get_rail
from checkout.sessions.create import create_session
from checkout.sessions.schemas import CreateSession

RAIL = "khqr"
ACCOUNTS = 20
"""One account may be asked so many times a minute; to see what the machine can do takes several."""
FOUND_SECONDS = at_most(180)
LONGEST_SECONDS = 600.0
_REFERENCES = "SELECT count(*) FROM attempt_reference WHERE "


def measure(run_: Run) -> Report:
    """MD5 checks a second, and how soon 5 000 are found after a silent provider's return."""
    report = Report("asking the pretend Bakong")
    with installation(run_.cluster, "monitor", "web") as place:
        _measure_rate(report, run_, place)
    with installation(run_.cluster, "monitor_silence", "web") as place:
        _measure_recovery(report, run_, place)
    return report


def _measure_rate(report: Report, run_: Run, place: Installation) -> None:
    count = run_.pick(5_000, 1_000)
    run_.progress.say(f"monitor: {count} attempts of {ACCOUNTS} accounts")
    attempts = _make_attempts(place, accounts=ACCOUNTS, count=count)
    alone = Limit("one caller alone", _ask_alone(place, attempts[0], run_.pick(40, 10)))
    with place.connect() as connection:
        _hold(connection)
        settle_down(connection)
        _start_worker(place)
        before = place.cpu("web", "worker", "postgres")
        run_.progress.say("monitor: asking about all of them")
        _let_go(connection)
        seconds = _wait_for(connection, _REFERENCES + "asks = 0")
        used = {name: now - before[name] for name, now in place.cpu(*before).items()}
        report.add("MD5s asked about", count / seconds, "/s", at_least(100), alone)
        _hold(connection)
        _pay(place, attempts)
        run_.progress.say("monitor: all of them are paid")
        _let_go(connection)
        seconds = _wait_for(connection, _UNPAID)
        report.add("MD5s asked about and settled", count / seconds, "/s")
        _prove(report, connection, count)
    cost = ", ".join(f"{name} {1000 * cpu / count:.2f}" for name, cpu in used.items())
    report.notes.append(f"CPU ms an MD5 that is not paid: {cost} (web is the pretend Bakong)")


def _measure_recovery(report: Report, run_: Run, place: Installation) -> None:
    count, silent_seconds = run_.pick(5_000, 500), run_.pick(600, 20)
    run_.progress.say(f"monitor: {count} attempts of one account")
    attempts = _make_attempts(place, accounts=1, count=count)
    account_id = attempts[0].rail_account_id
    _plan(place, account_id, always="error_502")
    _pay(place, attempts)
    with place.connect() as connection:
        _let_go(connection)
        _start_worker(place)
        run_.progress.say(f"monitor: the provider refuses for {silent_seconds} s")
        time.sleep(silent_seconds)
        _plan(place, account_id, always=None)
        run_.progress.say("monitor: the provider answers again")
        seconds = _wait_for(connection, _UNPAID)
        report.add(
            f"all {count} found after {silent_seconds} s of refusal",
            seconds,
            "s",
            FOUND_SECONDS,
            Limit("allowed pace", 60 * count / 50 / get_rail(RAIL).asks_per_minute),
        )
        _prove(report, connection, count)


_UNPAID = (
    "SELECT count(*) FROM checkout_session WHERE status <> 'completed'"
    f" AND id IN (SELECT session_id FROM attempt WHERE rail = '{RAIL}')"
)


def _make_attempts(place: Installation, *, accounts: int, count: int) -> list[Any]:
    """Attempts that wait for money, shared out over as many stores' accounts."""
    make_shop(place, livemode=False)
    with place.app.app_context():
        stores = [_make_store(number) for number in range(accounts)]
        attempts = [_start(stores[number % accounts]) for number in range(count)]
        with unit_of_work():
            # Links for the phone are asked for beside, and are not what is measured.
            run("UPDATE attempt SET prompt = prompt || '{\"links_asked\": true}'")
    return attempts


def _make_store(number: int) -> str:
    with unit_of_work():
        limits = {"rate_limit_per_minute": 10_000_000}
        store = create_store(f"Bench {number}", f"bench-{number}", limits, actor="command")
        fields = get_fake(RAIL).demo_settings(lambda: ids.new_secret(18))
        configure_rail(store.id, False, RAIL, fields, enabled=True, actor="command")
    return store.id


def _start(store_id: str) -> Any:
    given = CreateSession(amount=AMOUNT, currency="KHR", rails=[RAIL], duration_minutes=120)
    with unit_of_work():
        session, _ = create_session(
            given.model_dump(),
            store_id=store_id,
            livemode=False,
            settings=load_store(store_id).settings,
            actor="command",
        )
    return start_attempt(session["id"], RAIL, actor="command")


def _ask_alone(place: Installation, attempt: Any, calls: int) -> float:
    """MD5s a second by one caller that does nothing else than ask."""
    with place.app.app_context():
        with unit_of_work():
            session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
            _, account = load_account(attempt.rail_account_id)
        rail = get_rail(RAIL)
        facts = attempt_facts(attempt, session)
        some = [
            replace(facts, provider_reference=f"{number:032x}")
            for number in range(rail.ask_at_once)
        ]
        started = time.perf_counter()
        for _ in range(calls):
            rail.check(some, account, bounded_client(), clock.utc_now())
        return calls * len(some) / (time.perf_counter() - started)


def _pay(place: Installation, attempts: list[Any]) -> None:
    with place.app.app_context():
        for attempt in attempts:
            with unit_of_work():
                row = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt.id)
                session = one(
                    "SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id
                )
                _, account = load_account(attempt.rail_account_id)
                get_fake(RAIL).pay(
                    attempt_facts(row, session),
                    account,
                    DatabaseShelf(account.id),
                    amount=attempt.amount,
                    memo=None,
                    outcome="success",
                    now=clock.now(attempt.store_id, livemode=False),
                    sent_at=clock.utc_now(),
                )


def _plan(place: Installation, account_id: str, *, always: Any) -> None:
    with place.app.app_context(), unit_of_work():
        plan_faults(account_id, always=always)


def _start_worker(place: Installation) -> None:
    place.start("worker")
    with place.connect() as connection:
        _wait_for(connection, "SELECT 1 - count(*) FROM heartbeat WHERE kind = 'worker'")


def _hold(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE attempt_reference SET next_ask_at = now() + interval '1 day'")


def _let_go(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "UPDATE attempt_reference SET next_ask_at = now(), leased_until = NULL"
        " WHERE done_at IS NULL"
    )


def _wait_for(connection: psycopg.Connection[Any], statement: str) -> float:
    """The seconds until a count is zero."""
    started = time.perf_counter()
    while _number(connection, statement) > 0:
        if time.perf_counter() - started > LONGEST_SECONDS:
            raise TimeoutError(f"{statement}: still {_number(connection, statement)}")
        time.sleep(0.05)
    return time.perf_counter() - started


def _prove(report: Report, connection: psycopg.Connection[Any], count: int) -> None:
    for name, statement in {
        "payments": "SELECT count(*) FROM payment",
        "transfers": "SELECT count(*) FROM transfer",
    }.items():
        found = _number(connection, statement)
        report.expect(found == count, f"{found} {name}, {count} expected")


def _number(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0] or 0) if row else 0
