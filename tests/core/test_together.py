"""Work that calls of the same time share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkout.core.together import Together, TurnTimeout


def test_alone_a_call_is_done_at_once():
    together = Together(lambda items: [item * 2 for item in items], most=10, wait_seconds=1)

    assert together.do(21) == 42


def test_calls_of_the_same_time_share_the_work_and_each_gets_its_own():
    entered, go = threading.Event(), threading.Event()
    batches = []

    def work(items):
        batches.append(list(items))
        if len(batches) == 1:
            entered.set()
            go.wait(5)
        return [item * 2 for item in items]

    together = Together(work, most=3, wait_seconds=5)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together.do, 0)
        entered.wait(5)
        others = [pool.submit(together.do, number) for number in range(1, 6)]
        while len(together._waiting) < 5:
            threading.Event().wait(0.001)
        go.set()
        results = [call.result(5) for call in (first, *others)]

    assert results == [0, 2, 4, 6, 8, 10]
    assert sorted(len(batch) for batch in batches) == [1, 2, 3]


def test_an_exception_is_for_its_own_call_or_for_all_when_the_work_raises():
    def work(items):
        if "all" in items:
            raise OSError("away")
        return [ValueError(item) if item == "bad" else item for item in items]

    together = Together(work, most=5, wait_seconds=1)

    assert together.do("good") == "good"
    with pytest.raises(ValueError, match="bad"):
        together.do("bad")
    with pytest.raises(OSError, match="away"):
        together.do("all")
    assert together.do("good") == "good"


def test_who_gets_no_turn_is_told_and_leaves_nothing_behind():
    entered, go = threading.Event(), threading.Event()
    done = []

    def work(items):
        entered.set()
        go.wait(5)
        done.extend(items)
        return list(items)

    together = Together(work, most=5, wait_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(together.do, "first")
        entered.wait(5)
        with pytest.raises(TurnTimeout):
            together.do("late")
        go.set()
        assert first.result(5) == "first"

    assert done == ["first"]


def test_the_turn_is_handed_on_while_newcomers_press_in():
    work_done = []

    def work(items):
        work_done.extend(items)
        return list(items)

    together = Together(work, most=4, wait_seconds=5)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(together.do, range(2_000)))

    assert results == list(range(2_000))
    assert sorted(work_done) == results
    assert not together._waiting
    assert not together._busy
