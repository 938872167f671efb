"""Webhooks out of the table to their receivers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

from bench.bare_post import Posts, run_posts
from bench.child import Child, child
from bench.figures import Limit, Report, at_least, at_most, per_second, percentile
from bench.load import Load, run_load
from bench.receiver import Arrival, receive_webhooks
from bench.run import Run
from bench.shop import Shop, copy_rows, filling, make_shop, make_waiting, newest_id, tail
from bench.stack import Installation, installation, settle_down
from checkout.core.db import unit_of_work
from checkout.core.scope import Scope
from checkout.webhooks.endpoints import create_endpoint

ENDPOINTS = 20
THREADS = 32
"""The worker's default."""
RATE, FIRST_TRY_MS, OTHERS_MS = at_least(1_000), at_most(2_000), at_most(5_000)


def measure(run: Run) -> Report:
    """Deliveries per second of one worker; whether a dead receiver delays the others."""
    report = Report("webhook deliveries")
    with child(receive_webhooks, None) as receiver:
        port: int = receiver.receive(seconds=30)
        for name, count in (("ok", run.pick(20_000, 3_000)), ("slow", run.pick(4_000, 1_000))):
            with installation(run.cluster, f"deliver_{name}", "web") as place:
                _measure_rate(run, report, place, receiver, port, name, count)
        with installation(run.cluster, "isolation", "web") as place:
            _measure_isolation(run, report, place, receiver, port)
    return report


def _measure_rate(
    run: Run,
    report: Report,
    place: Installation,
    receiver: Child,
    port: int,
    name: str,
    count: int,
) -> None:
    """Everything waits before the only worker starts; from its first call to its last."""
    shop, event_id = _make_event(place)
    endpoints = _make_endpoints(
        place, shop, [f"http://127.0.0.1:{port}/{name}/{n}" for n in range(ENDPOINTS)]
    )
    run.progress.say(f"deliveries: {count} to {name} receivers")
    limit = run_posts(Posts(port, f"/{name}/0", min(count, 2_000), THREADS))
    with place.connect() as connection:
        _fill(connection, event_id, endpoints, count)
        settle_down(connection)
        receiver.ask("take", seconds=30)
        place.start("worker")
        _wait_for(run, connection, count, seconds=120)
        _prove(report, connection, name, count)
    used = place.cpu("worker", "postgres")
    arrivals = _take(receiver)
    place.stop("worker")
    times = [at for _, _, at in arrivals]
    rate = per_second(len(times) - 1, max(times) - min(times))
    shown = {"ok": "quick receivers", "slow": "receivers that take 100 ms"}[name]
    report.add(
        f"{shown}: deliveries of one worker",
        rate,
        "/s",
        RATE if name == "ok" else None,
        Limit(f"{THREADS} bare threads", limit),
    )
    report.notes.append(
        f"{shown}: CPU ms a delivery: worker (its start included)"
        f" {1000 * used['worker'] / count:.2f}; {len(times) - count} were tried twice"
    )


def _measure_isolation(
    run: Run, report: Report, place: Installation, receiver: Child, port: int
) -> None:
    """Thousands wait for a receiver that never answers; new events go to it and nineteen more."""
    waiting, seconds = run.pick(10_000, 2_000), run.pick(15, 6)
    shop, event_id = _make_event(place)
    base = f"http://127.0.0.1:{port}"
    dead = _make_endpoints(place, shop, [f"{base}/dead/0"])
    run.progress.say(f"deliveries: {waiting} wait for a dead receiver")
    with place.connect() as connection:
        _fill(connection, event_id, dead, waiting)
        settle_down(connection)
    _make_endpoints(place, shop, [f"{base}/ok/{n}" for n in range(1, ENDPOINTS)])
    receiver.ask("take", seconds=30)
    place.start("worker")
    time.sleep(3)
    events = run.pick(20, 10)
    answers = run_load(Load(place.address, [shop.create_request], 4, seconds, per_second=events))
    report.faults += answers.faults("isolation", 201)
    time.sleep(3)
    arrivals = [one for one in _take(receiver) if one[1].startswith("/ok/")]
    with place.connect() as connection:
        delays = _delays_ms(connection, arrivals)
    expected = answers.count * (ENDPOINTS - 1)
    report.expect(len(arrivals) >= expected, f"{len(arrivals)} of {expected} reached the others")
    shown = f"{waiting} waiting for 1 dead of {ENDPOINTS}, the others"
    report.add(f"{shown}: p50", percentile(delays, 50), "ms", FIRST_TRY_MS)
    report.add(f"{shown}: p99", percentile(delays, 99), "ms", OTHERS_MS)


def _make_event(place: Installation) -> tuple[Shop, str]:
    """A shop and a real event of its, to be copied; nobody listens yet."""
    shop = make_shop(place, livemode=False)
    make_waiting(place, shop)
    with place.connect() as connection:
        return shop, newest_id(connection, "outbox")


def _make_endpoints(place: Installation, shop: Shop, urls: Sequence[str]) -> list[str]:
    scope = Scope(shop.store_id, False, shop.key_id, f"key:{shop.key_id}", None)
    with place.app.app_context(), unit_of_work():
        return [create_endpoint(scope, url=url, enabled_events=["*"])[0].id for url in urls]


def _fill(
    connection: psycopg.Connection[Any], event_id: str, endpoints: Sequence[str], count: int
) -> None:
    """Dispatched events with a waiting delivery each, the endpoints in turn."""
    source = f"generate_series(0, {count - 1}) AS source (n)"
    with filling(connection):
        connection.execute("UPDATE outbox SET dispatched_at = now()")
        copy_rows(connection, "outbox", event_id, source, {"id": tail("evt")})
        connection.execute(
            "INSERT INTO delivery (id, store_id, livemode, event_id, endpoint_id)"
            f" SELECT {tail('whd')}, endpoint.store_id, endpoint.livemode, {tail('evt')},"
            f" endpoint.id FROM {source} JOIN endpoint"
            " ON endpoint.id = (%(ids)s::text[])[1 + source.n %% cardinality(%(ids)s::text[])]",
            {"ids": list(endpoints)},
        )


def _wait_for(run: Run, connection: psycopg.Connection[Any], count: int, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = _count(connection, "status = 'waiting'")
        run.progress.count("deliveries", count - left, count)
        if not left:
            return
        time.sleep(0.25)


def _prove(report: Report, connection: psycopg.Connection[Any], name: str, count: int) -> None:
    done = _count(connection, "status = 'delivered' AND delivered_at IS NOT NULL")
    report.expect(done == count, f"{name}: {done} of {count} are delivered")


def _count(connection: psycopg.Connection[Any], condition: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM delivery WHERE {condition}").fetchone()
    return int(row[0]) if row else 0


def _take(receiver: Child) -> list[Arrival]:
    arrivals, _ = receiver.ask("take", seconds=60)
    found: list[Arrival] = arrivals
    return found


def _delays_ms(connection: psycopg.Connection[Any], arrivals: Sequence[Arrival]) -> list[float]:
    """From the event's own time to its arrival."""
    born: dict[str, float] = dict(
        connection.execute(
            "SELECT id, extract(epoch FROM created_at)::float FROM outbox"
        ).fetchall()
    )
    return [(at - born[event_id]) * 1000 for event_id, _, at in arrivals if event_id in born]
