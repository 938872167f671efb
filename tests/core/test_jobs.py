"""Sweepers, bells and periodic tasks; Redis may be there or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from checkout.core import doorbell, jobs
from checkout.core.bells import BellWorker
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.redis import redis_client
from checkout.core.work import SweeperThread


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has sweepers, tasks and listeners of its own."""
    for name in ("_sweepers", "_tasks", "_listeners", "_quiet_until"):
        monkeypatch.setattr(jobs, name, {})
    yield
    jobs.listen_no_more()


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def queued() -> list[str]:
    connection = redis_client()
    queue = Queue(doorbell.QUEUE, connection=connection, serializer=JSONSerializer)
    return [job.args[0] for job in queue.jobs]


def answer_bells(stop: threading.Event) -> None:
    BellWorker(redis_client(), stop).work(burst=True, logging_level="WARNING")


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# Bells


def test_a_bell_rings_after_the_commit_and_not_before(app):
    with unit_of_work():
        jobs.ring("things")
        assert queued() == []
    assert queued() == ["things"]


def test_a_bell_does_not_ring_when_the_work_is_undone(app):
    def ring_in_vain() -> None:
        with unit_of_work():
            jobs.ring("things")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ring_in_vain()
    assert queued() == []


def test_many_rings_are_one_job_until_it_is_answered(app, stop):
    heard: list[str] = []
    for _ in range(20):
        with unit_of_work():
            jobs.ring("things")
            jobs.ring("others")
    assert sorted(queued()) == ["others", "things"]

    jobs.listen("things", lambda: heard.append("things"))
    jobs.listen("others", lambda: heard.append("others"))
    answer_bells(stop)
    assert sorted(heard) == ["others", "things"]
    assert queued() == []
    # A moment later it can ring again.
    jobs._listeners.clear()
    time.sleep(jobs.QUIET_SECONDS * 1.5)
    jobs.ring_now("things")
    assert queued() == ["things"]


def test_a_bell_in_the_sweeper_s_own_process_needs_no_redis(app):
    heard = threading.Event()
    jobs.listen("things", heard.set)
    jobs.ring_now("things")
    assert heard.is_set()
    assert queued() == []


def test_ringing_never_fails_while_redis_is_away(app, redis_server):
    redis_server.kill()
    try:
        for _ in range(5):
            with unit_of_work():
                jobs.ring("things")
    finally:
        redis_server.start()
        app.extensions["checkout_redis"].down_until = 0.0


def test_a_forged_job_is_not_run(app, stop, monkeypatch):
    """Whoever can write into Redis cannot choose which code runs."""
    queue = Queue(doorbell.QUEUE, connection=redis_client(), serializer=JSONSerializer)
    queue.enqueue_call("os.putenv", args=("CHECKOUT_FORGED", "1"))
    queue.enqueue_call("os.system", args=("exit 1",))
    queue.enqueue_call(doorbell.ANSWER, args=("nobody-listens",))
    ran: list[Any] = []
    monkeypatch.setattr("os.putenv", lambda *given: ran.append(given))
    monkeypatch.setattr("os.system", lambda *given: ran.append(given))
    answer_bells(stop)
    assert ran == []
    assert queued() == []


def test_a_job_that_cannot_be_read_stops_nobody(app, stop):
    queue = Queue(doorbell.QUEUE, connection=redis_client(), serializer=JSONSerializer)
    job = queue.enqueue_call(doorbell.ANSWER, args=("one",))
    redis_client().hset(job.key, "data", b"\x80\x05 this is no JSON")
    queue.enqueue_call(doorbell.ANSWER, args=("two",))
    heard: list[str] = []
    jobs.listen("two", lambda: heard.append("two"))
    answer_bells(stop)
    assert heard == ["two"]


# Sweepers


def make_thread(app: Any, stop: threading.Event, name: str) -> SweeperThread:
    thread = SweeperThread(app, jobs._sweepers[name], stop)
    thread.start()
    wait_until(lambda: name in jobs._listeners)
    return thread


def test_a_sweeper_repeats_while_it_finds_full_batches(app, stop):
    results = iter([5, 5, 2, 0])
    calls: list[int] = []

    @jobs.sweeper("things", every_seconds=60, batch=5)
    def sweep() -> int:
        calls.append(next(results, 0))
        return calls[-1]

    thread = SweeperThread(app, jobs._sweepers["things"], stop)
    # Having found something it looks again soon, and then waits for its tick.
    assert thread.tick(woken=False) == jobs.FOLLOW_UP_SECONDS
    assert calls == [5, 5, 2]
    assert 40 < thread.tick(woken=False) < 80


def test_a_bell_wakes_a_sweeper_at_once_and_it_looks_again(app, stop):
    calls: list[float] = []

    @jobs.sweeper("things", every_seconds=60)
    def sweep() -> int:
        calls.append(time.monotonic())
        return 0

    thread = make_thread(app, stop, "things")
    wait_until(lambda: len(calls) == 1)
    jobs.ring_now("things")
    wait_until(lambda: len(calls) == 3)
    stop.set()
    thread.bell.set()
    thread.join(5)


def test_a_sweeper_that_fails_goes_on_later(app, stop):
    calls: list[int] = []

    @jobs.sweeper("things", every_seconds=0.01)
    def sweep() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError
        return 0

    thread = make_thread(app, stop, "things")
    wait_until(lambda: len(calls) > 2)
    assert thread.failures == 0
    stop.set()
    thread.join(5)


def test_a_stop_drains_what_runs_beside_the_sweep(app, stop):
    drained: list[float] = []

    def drain(seconds: float) -> int:
        drained.append(seconds)
        return 0

    @jobs.sweeper("things", drain=drain)
    def sweep() -> int:
        return 0

    thread = make_thread(app, stop, "things")
    stop.set()
    thread.bell.set()
    thread.join(5)
    assert len(drained) == 1


def test_sweeping_until_idle_ends_or_says_that_it_does_not(app):
    left = [3]

    @jobs.sweeper("things")
    def sweep() -> int:
        left[0] = max(0, left[0] - 1)
        return left[0]

    @jobs.sweeper("endless")
    def never_done() -> int:
        return 1

    assert jobs.sweep_until_idle("things") == 3
    with pytest.raises(RuntimeError):
        jobs.sweep_until_idle("endless", rounds=5)
    with pytest.raises(KeyError):
        jobs.sweep_until_idle("unknown")


# Periodic tasks


def age_task(name: str, seconds: float) -> None:
    with unit_of_work():
        execute(
            "UPDATE heartbeat SET at = at - %(seconds)s * interval '1 second'"
            " WHERE kind = 'periodic' AND name = %(name)s",
            seconds=seconds,
            name=name,
        )


def test_a_periodic_task_runs_once_a_period(app):
    runs: list[str] = []

    @jobs.periodic("daily", every_seconds=86_400)
    def daily() -> None:
        runs.append("daily")

    @jobs.periodic("hourly", every_seconds=3_600)
    def hourly() -> None:
        runs.append("hourly")

    for _ in range(3):
        jobs.run_periodic_tasks()
    assert sorted(runs) == ["daily", "hourly"]
    age_task("hourly", 3_601)
    jobs.run_periodic_tasks()
    assert runs.count("hourly") == 2


def test_a_task_that_fails_or_dies_is_due_again_before_its_period_ends(app):
    runs: list[int] = []

    @jobs.periodic("daily", every_seconds=86_400)
    def daily() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError

    @jobs.periodic("other", every_seconds=86_400)
    def other() -> None:
        runs.append(100)

    jobs.run_periodic_tasks()
    assert sum(runs) == 101
    jobs.run_periodic_tasks()
    assert sum(runs) == 101
    age_task("daily", jobs.LEASE_SECONDS + 1)
    jobs.run_periodic_tasks()
    assert sum(runs) == 102


def test_workers_that_look_at_the_same_time_run_it_once(app):
    runs: list[int] = []

    @jobs.periodic("daily", every_seconds=86_400)
    def daily() -> None:
        runs.append(1)

    start = threading.Barrier(8)

    def look() -> None:
        with app.app_context():
            start.wait(10)
            jobs.run_periodic_tasks()

    for _ in range(10):
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        age_task("daily", 86_401)
    assert len(runs) == 10


# Processes


@pytest.mark.kill
def test_processes_show_that_they_live_and_two_schedulers_do_no_harm(own_server):
    server = own_server("worker", "scheduler", "scheduler-2")
    with server.app.app_context():
        wait_until(lambda: heartbeats() == {"worker": 1, "scheduler": 2}, 20)
        wait_until(lambda: periodic_runs() > 0, 30)
        server.redis.kill()
        server.redis.start()
        assert server.stop("scheduler")
        wait_until(lambda: heartbeats() == {"worker": 1, "scheduler": 1}, 10)
        assert server.stop("scheduler-2")
        assert server.stop("worker")
        assert heartbeats() == {}


def heartbeats() -> dict[str, int]:
    with unit_of_work():
        rows = run(
            "SELECT kind, count(*) AS total FROM heartbeat WHERE kind <> 'periodic' GROUP BY kind"
        )
    return {row.kind: row.total for row in rows}


def periodic_runs() -> int:
    with unit_of_work():
        row = one("SELECT count(*) AS total FROM heartbeat WHERE kind = 'periodic'")
    return int(row.total) if row else 0


@pytest.mark.kill
def test_a_worker_goes_on_sweeping_without_redis(own_server):
    server = own_server()
    server.redis.kill()
    server.start("worker")
    with server.app.app_context():
        wait_until(lambda: heartbeats() == {"worker": 1}, 20)
        assert server.stop("worker")
    server.redis.start()
