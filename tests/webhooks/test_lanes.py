"""Who may start when: the fairness of one process, without network or database."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from checkout.webhooks.attempt import Result, Try
from checkout.webhooks.lanes import START_SECONDS, Lane, Lanes

NOW = datetime.now(UTC)


def make_try(endpoint_id: str, number: int = 1, age_seconds: float = 0.0) -> Try:
    return Try(
        delivery_id=f"whd_{endpoint_id}_{number}",
        event_id="evt_1",
        endpoint_id=endpoint_id,
        url="https://shop.example/",
        body=b"{}",
        secrets=("whsec_",),
        number=1,
        manual=False,
        private_targets=(),
        lease_until=NOW,
        leased_at=time.monotonic() - age_seconds,
    )


def collect(lanes: Lanes, count: int) -> list[Result]:
    results: list[Result] = []
    deadline = time.monotonic() + 10
    while len(results) < count:
        assert time.monotonic() < deadline
        lanes.wait_for_results(0.1)
        results += lanes.take_results()
    return results


def test_a_lane_widens_with_success_and_narrows_with_trouble():
    lane = Lane("we_1")
    widths = []
    for well, seconds in [(True, 0.01)] * 5 + [(True, 3.0), (False, 0.1), (False, 10.0)]:
        lane.learn(well=well, seconds=seconds, widest=16)
        widths.append(lane.width)
    assert widths == [2, 4, 8, 16, 16, 4, 2, 1]


def test_only_a_proven_lane_is_leased_ahead():
    lane = Lane("we_1")
    assert lane.room() == 1
    lane.learn(well=True, seconds=0.01, widest=16)
    assert lane.room() > 30
    lane.learn(well=False, seconds=10.0, widest=16)
    assert lane.room() == 1


def test_hanging_endpoints_never_take_every_thread():
    gate = threading.Event()
    started: list[str] = []

    def attempt(item: Try) -> Result:
        started.append(item.endpoint_id)
        if item.endpoint_id.startswith("dead"):
            gate.wait(10)
        return Result(item, NOW, status=200)

    lanes = Lanes(8, attempt, lambda: None)
    try:
        lanes.add([make_try("well", number) for number in range(3)])
        collect(lanes, 3)
        lanes.add([make_try(f"dead-{number}") for number in range(20)])
        lanes.add([make_try("well", number) for number in range(50)])
        results = collect(lanes, 50)
        assert {result.item.endpoint_id for result in results} == {"well"}
        assert sum(name.startswith("dead") for name in started) == 4
    finally:
        gate.set()
    assert len(collect(lanes, 20)) == 20


def test_an_unproven_endpoint_gets_one_try_at_a_time():
    most = [0]
    running = [0]
    lock = threading.Lock()

    def attempt(item: Try) -> Result:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1
        return Result(item, NOW, status=500)

    lanes = Lanes(8, attempt, lambda: None)
    lanes.add([make_try("failing", number) for number in range(20)])
    collect(lanes, 20)
    assert most[0] == 1


def test_what_cannot_start_within_its_lease_is_given_back_untried():
    lanes = Lanes(2, lambda item: Result(item, NOW, status=200), lambda: None)
    lanes.add([make_try("we_1", 1, age_seconds=START_SECONDS + 1), make_try("we_1", 2)])
    results = collect(lanes, 2)
    assert sorted(result.returned for result in results) == [False, True]


def test_rooms_count_what_waits_and_runs():
    gate, begun = threading.Event(), threading.Event()

    def attempt(item: Try) -> Result:
        begun.set()
        gate.wait(10)
        return Result(item, NOW, status=200)

    lanes = Lanes(4, attempt, lambda: None)
    lanes.add([make_try("we_1", 1), make_try("we_1", 2)])
    assert begun.wait(10)
    assert lanes.rooms() == {"we_1": 0}
    assert lanes.busy()
    assert lanes.give_back()
    gate.set()
    collect(lanes, 1)
    assert not lanes.busy()


def test_results_that_could_not_be_recorded_come_again():
    lanes = Lanes(1, lambda item: Result(item, NOW, status=200), lambda: None)
    lanes.add([make_try("we_1")])
    results = collect(lanes, 1)
    lanes.put_back(results)
    assert lanes.take_results() == results
