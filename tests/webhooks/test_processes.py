"""Deliveries by real worker processes: dead endpoints, killed workers, Redis gone."""

from __future__ import annotations

import collections
import threading
import time
from typing import Any

import pytest

from checkout.core.db import db, execute, run, unit_of_work
from checkout.webhooks.attempt import TIMEOUT_SECONDS
from tests.factories.stores import make_shop
from tests.factories.webhooks import deliveries, make_endpoint, make_events
from tests.support.receiver import Received, Reply, receiving


def wait_until_delivered(count: int, seconds: float = 60.0, **columns: Any) -> None:
    deadline = time.monotonic() + seconds
    while True:
        db.session.rollback()
        done = len(deliveries(status="delivered", **columns))
        if done >= count:
            return
        assert time.monotonic() < deadline, f"{done} of {count} delivered"
        time.sleep(0.05)


def times_each(received: list[Received]) -> collections.Counter[tuple[str, str]]:
    return collections.Counter((item.path, item.headers["webhook-id"]) for item in received)


def test_one_dead_endpoint_of_twenty_delays_no_other(own_server):
    """Thousands wait for the dead one before the others have anything to be told."""
    server = own_server()
    arrived: dict[str, float] = {}

    def note(received: Received) -> Reply:
        arrived.setdefault(received.path + received.headers["webhook-id"], time.monotonic())
        return Reply()

    with (
        receiving(lambda _: Reply(delay_seconds=60)) as dead,
        receiving(note) as well,
        server.app.app_context(),
    ):
        shop = make_shop()
        make_endpoint(shop, dead.url, ["payment.failed"])
        for number in range(19):
            make_endpoint(shop, f"{well.url}/{number}", ["payment.completed"])
        for _ in range(10):
            make_events(shop, 1000, "payment.failed")
        server.start("worker")
        dead.wait_for(1, seconds=30)
        latencies = []
        for _ in range(20):
            before = time.monotonic()
            seen = len(arrived)
            make_events(shop, 3, "payment.completed")
            deadline = before + 15
            while len(arrived) < seen + 57:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            latencies.append(max(arrived.values()) - before)
        # The dead one has been tried a few times at most, one after the other.
        assert dead.most_at_once <= 2
    # The figure of the contract is 5 s; this says only that nobody waits behind the dead one.
    assert max(latencies) < TIMEOUT_SECONDS / 2


@pytest.mark.kill
def test_a_killed_worker_loses_nothing(own_server):
    """kill -9 in the middle of hundreds of tries: each arrives, later and perhaps twice."""
    server = own_server()
    with receiving(lambda _: Reply(delay_seconds=0.05)) as receiver, server.app.app_context():
        shop = make_shop()
        for number in range(4):
            make_endpoint(shop, f"{receiver.url}/{number}")
        server.start("worker")
        make_events(shop, 300)
        for arrived in (50, 300, 600):
            receiver.wait_for(arrived, seconds=60)
            server.restart("worker")
        wait_until_delivered(1200)
    seen = times_each(receiver.received)
    assert len(seen) == 1200
    # Only what was under way at one of the three kills may have been sent again.
    assert sum(seen.values()) - 1200 <= 3 * (32 + 96 * 4)


@pytest.mark.kill
def test_redis_stopped_and_emptied_only_delays(own_server):
    server = own_server()
    with receiving() as receiver, server.app.app_context():
        shop = make_shop()
        make_endpoint(shop, receiver.url)
        server.start("worker")
        make_events(shop)
        wait_until_delivered(1)
        server.redis.kill()
        make_events(shop)
        wait_until_delivered(2)
        server.redis.start()
        make_events(shop)
        wait_until_delivered(3)
        assert server.processes["worker"].poll() is None
        # The bells work again too: RQ's worker came back by itself.
        deadline = time.monotonic() + 20
        while not _bells_are_answered(server):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert len(receiver.received) == 3


def _bells_are_answered(server: Any) -> bool:
    import redis

    from checkout.core import jobs

    with redis.Redis.from_url(server.redis.url) as connection:
        connection.flushdb()
        jobs.ring_now("deliver_webhooks")
        time.sleep(0.3)
        return not connection.exists("bell:deliver_webhooks")


def test_two_workers_never_try_the_same_delivery_at_once(own_server):
    """Every event takes longer than a tick of the other worker, and arrives once."""
    server = own_server()
    under_way: set[tuple[str, str]] = set()
    doubled: list[tuple[str, str]] = []
    lock = threading.Lock()

    def slowly(received: Received) -> Reply:
        key = (received.path, received.headers["webhook-id"])
        with lock:
            if key in under_way:
                doubled.append(key)
            under_way.add(key)
        time.sleep(0.02)
        with lock:
            under_way.discard(key)
        return Reply()

    with receiving(slowly) as receiver, server.app.app_context():
        shop = make_shop()
        for number in range(5):
            make_endpoint(shop, f"{receiver.url}/{number}")
        server.start("worker", "worker-2", "worker-3")
        for _ in range(10):
            make_events(shop, 20)
            time.sleep(0.1)
        wait_until_delivered(1000)
    assert not doubled
    assert set(times_each(receiver.received).values()) == {1}


def test_sigterm_finishes_what_is_under_way(own_server):
    server = own_server()
    with receiving(lambda _: Reply(delay_seconds=1.5)) as receiver, server.app.app_context():
        shop = make_shop()
        make_endpoint(shop, receiver.url)
        server.start("worker")
        make_events(shop)
        receiver.wait_for(1)
        assert server.stop("worker", seconds=10)
        db.session.rollback()
        assert [item.status for item in deliveries()] == ["delivered"]
        assert not run("SELECT name FROM heartbeat WHERE kind = 'worker'")


def test_a_lease_whose_worker_died_is_taken_up(app, own_server):
    """The row itself says when it is free again; nobody has to notice the death."""
    server = own_server()
    with receiving() as receiver, server.app.app_context():
        shop = make_shop()
        make_endpoint(shop, receiver.url)
        make_events(shop)
        server.start("worker")
        wait_until_delivered(1)
        with unit_of_work():
            execute(
                "UPDATE delivery SET status = 'waiting',"
                " lease_until = clock_timestamp() + interval '2 seconds',"
                " next_try_at = clock_timestamp() + interval '2 seconds'"
            )
        wait_until_delivered(1)
    assert len(receiver.received) == 2
