"""Threads for slow calls: bounded in all and for each key, and their ends are heard."""

from __future__ import annotations

from threading import Event, Lock

from flask import current_app

from checkout.core.crew import Crew


def test_tasks_run_in_a_context_and_ring_when_they_end(app):
    rung, names = Event(), []
    crew = Crew(app, threads=2, per_key=2, bell=rung.set)
    crew.start("a", lambda: names.append(current_app.name))

    assert crew.wait(5)
    assert names == [app.name]
    assert rung.wait(5)


def test_room_is_bounded_in_all_and_for_each_key(app):
    hold = Event()
    crew = Crew(app, threads=3, per_key=2)
    for key in ("a", "a", "b"):
        assert crew.room(key) > 0
        crew.start(key, lambda: hold.wait(10))

    assert (crew.room("a"), crew.room("b"), crew.room("c")) == (0, 0, 0)
    assert not crew.wait(0.01)
    hold.set()
    assert crew.wait(5)
    assert (crew.room("a"), crew.room("c")) == (2, 2)


def test_one_task_after_another_where_there_is_no_room(app):
    lock, running, most = Lock(), [0], [0]

    def task():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1

    crew = Crew(app, threads=8, per_key=2)
    for _ in range(50):
        crew.start_in_turn("a", task)
    assert crew.wait(5)
    assert most[0] <= 2


def test_a_task_that_fails_is_told_and_leaves_its_place(app, caplog):
    def fail():
        raise ValueError("whatever")

    crew = Crew(app, threads=1, per_key=1)
    crew.start("a", fail)
    assert crew.wait(5)
    assert crew.room("a") == 1
    assert "crew_task_failed" in caplog.text
