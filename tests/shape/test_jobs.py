"""Every bell has somebody who hears it, and every queue a worker."""

from __future__ import annotations

import ast

from checkout.areas import CORE_JOBS
from checkout.core import jobs
from tests.support.source import PACKAGE, calls_of


def first_argument(call: ast.Call) -> ast.expr | None:
    return call.args[0] if call.args else None


def test_every_bell_that_is_rung_has_a_sweeper(session_app):
    known = {item.name for item in jobs.sweepers()}
    rung = {
        (path.relative_to(PACKAGE).as_posix(), argument.value)
        for name in ("ring", "ring_now")
        for path, call in calls_of(name)
        if isinstance(argument := first_argument(call), ast.Constant)
    }
    assert {(path, name) for path, name in rung if name not in known} == set()


def test_there_is_one_queue_and_the_worker_serves_it(session_app):
    queues = {
        (path.relative_to(PACKAGE).as_posix(), ast.unparse(first_argument(call) or call))
        for path, call in calls_of("Queue")
    }
    assert queues <= {("core/doorbell.py", "QUEUE"), ("core/bells.py", "QUEUE")}


def test_nothing_is_scheduled_in_redis():
    """What must happen later is a row; RQ forgets its schedule with Redis."""
    for name in ("enqueue_in", "enqueue_at"):
        assert not list(calls_of(name))


def test_background_work_is_where_workers_look_for_it():
    allowed = {f"core/{name}.py" for name in (*CORE_JOBS, "jobs")}
    for name in ("sweeper", "periodic"):
        places = {path.relative_to(PACKAGE).as_posix() for path, _ in calls_of(name)}
        assert {place for place in places if not place.endswith("jobs.py")} <= allowed
