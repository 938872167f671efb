"""Background work: sweepers that tick in every worker, and bells that wake them at once.

A sweeper is a function that looks for rows in need of it, handles a batch and says how many
it handled. The rows are the guarantee: every worker process calls every sweeper about once a
second. A bell, rung after a commit, travels as a small RQ job and only shortens the wait;
Redis may lose it.

A bell that nobody has answered yet is not rung again. Once it is answered it stays silent for
`QUIET_SECONDS`, and the sweeper it woke looks again `FOLLOW_UP_SECONDS` later, when the
silence is over: so nothing committed in between waits for the next tick.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from checkout.core.db import after_commit, execute, run, unit_of_work
from checkout.core.logs import log
from checkout.core.redis import with_redis

if TYPE_CHECKING:
    from redis import Redis

QUIET_SECONDS = 0.05
FOLLOW_UP_SECONDS = 0.06

PERIODIC = "periodic_tasks"
LEASE_SECONDS = 300
"""A periodic task whose process died is due again after this."""

Sweep = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Sweeper:
    name: str
    every_seconds: float
    sweep: Sweep
    batch: int
    """As many handled rows mean that more are waiting: the sweep is repeated at once."""
    drain: Callable[[float], int] | None = None
    """Waits so many seconds for what runs beside the sweep and records it."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    name: str
    every_seconds: float
    task: Callable[[], object]


_sweepers: dict[str, Sweeper] = {}
_tasks: dict[str, PeriodicTask] = {}
_listeners: dict[str, Callable[[], None]] = {}
_quiet_until: dict[str, float] = {}


def sweeper(
    name: str,
    *,
    every_seconds: float = 1.0,
    batch: int = 1,
    drain: Callable[[float], int] | None = None,
) -> Callable[[Sweep], Sweep]:
    """Register a function that handles waiting rows and returns how many it handled.

    It runs in a thread and application context of its own in every worker process, opens its
    own units of work, and must bear being run twice at once. What it raises is logged, and
    the next call comes later.
    """

    def register(sweep: Sweep) -> Sweep:
        _sweepers[name] = Sweeper(name, every_seconds, sweep, batch, drain)
        return sweep

    return register


def periodic(
    name: str, *, every_seconds: float
) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register a task for one worker to run every so often, however many schedulers run."""

    def register(task: Callable[[], object]) -> Callable[[], object]:
        _tasks[name] = PeriodicTask(name, every_seconds, task)
        return task

    return register


def sweepers() -> tuple[Sweeper, ...]:
    """Every sweeper registered so far."""
    return tuple(_sweepers.values())


def ring(name: str) -> None:
    """Wake the sweeper `name` somewhere once the current unit of work has committed."""
    after_commit(partial(ring_now, name), key=("bell", name))


def ring_now(name: str) -> None:
    """Wake the sweeper `name`: in this process if it runs here, else through RQ.

    Never raises when Redis is away; the sweeper's own tick comes anyway.
    """
    if not wake_here(name) and time.monotonic() >= _quiet_until.get(name, 0.0):
        with_redis(partial(_press, name), None)


def wake_here(name: str) -> bool:
    """Wake the sweeper `name` if it runs in this process; needs no application context."""
    listener = _listeners.get(name)
    if listener is not None:
        listener()
    return listener is not None


def _press(name: str, redis: Redis) -> None:
    from checkout.core import doorbell  # noqa: PLC0415 - only who really rings pays for RQ

    # Found pressed, it may have been answered up to QUIET_SECONDS ago: the sweeper's second
    # look is then still FOLLOW_UP_SECONDS - QUIET_SECONDS away and sees what comes until then.
    pressed = doorbell.press(redis, name)
    silence = QUIET_SECONDS if pressed else FOLLOW_UP_SECONDS - QUIET_SECONDS
    _quiet_until[name] = time.monotonic() + silence * 0.9


def answer_bell(name: str) -> None:
    """The RQ job: let the bell ring again soon, then wake the sweeper in this process."""
    from checkout.core import doorbell  # noqa: PLC0415 - only workers answer

    with_redis(lambda redis: doorbell.answered(redis, name), None)
    if not wake_here(name):
        log("bell_unknown", logging.WARNING, bell=str(name)[:80])


def listen(name: str, listener: Callable[[], None]) -> None:
    """From now on bells for `name` that reach this process call `listener`."""
    _listeners[name] = listener


def listen_no_more() -> None:
    """This process runs no sweepers any longer."""
    _listeners.clear()


def sweep_until_idle(*names: str, rounds: int = 100) -> int:
    """Run the named sweepers (all without names) here and now until none finds work.

    For commands and tests, after `areas.import_jobs()`; returns how many rows were handled.
    """
    chosen = [_sweepers[name] for name in names] or sweepers()
    total = 0
    for _ in range(rounds):
        handled = sum(item.sweep() + (item.drain(15.0) if item.drain else 0) for item in chosen)
        if not handled:
            return total
        total += handled
    raise RuntimeError(f"the sweepers are still busy after {rounds} rounds")


@sweeper(PERIODIC, every_seconds=15.0)
def run_periodic_tasks() -> int:
    """Run what is due. The scheduler rings on time; by itself this finds what it missed.

    The table `heartbeat` says when each task is due next.
    """
    done = 0
    for name in _due_tasks():
        if not _claim(name):
            continue
        try:
            _tasks[name].task()
        except Exception:  # noqa: BLE001 - a task may fail in any way
            # The others are due all the same; this one is due again when its claim lapses.
            log("periodic_task_failed", logging.ERROR, exc_info=True, task=name)
            continue
        _mark(name)
        done += 1
    return done


def _due_tasks() -> list[str]:
    """The tasks whose time has come; one that is new is due at once."""
    with unit_of_work():
        execute(
            "INSERT INTO heartbeat (kind, name, at)"
            " SELECT 'periodic', name, clock_timestamp() FROM unnest(%(names)s::text[]) AS name"
            " ON CONFLICT DO NOTHING",
            names=list(_tasks),
        )
        # A task that no version knows any more must not be rung for ever.
        execute(
            "DELETE FROM heartbeat WHERE kind = 'periodic' AND NOT name = ANY(%(names)s)"
            " AND at < clock_timestamp() - interval '2 days'",
            names=list(_tasks),
        )
        rows = run(
            "SELECT name FROM heartbeat WHERE kind = 'periodic' AND at <= clock_timestamp()"
            " AND name = ANY(%(names)s) ORDER BY at",
            names=list(_tasks),
        )
    return [row.name for row in rows]


def _claim(name: str) -> bool:
    """Whether this process may run it; unless it is marked as done it is due again soon."""
    lapse = min(LEASE_SECONDS, _tasks[name].every_seconds)
    return _set_due(name, lapse, "AND at <= clock_timestamp()")


def _mark(name: str) -> None:
    _set_due(name, _tasks[name].every_seconds, "")


def _set_due(name: str, seconds: float, condition: str) -> bool:
    with unit_of_work():
        rows = run(
            "UPDATE heartbeat SET at = clock_timestamp() + %(seconds)s * interval '1 second'"  # noqa: S608 - a constant
            f" WHERE kind = 'periodic' AND name = %(name)s {condition} RETURNING name",
            name=name,
            seconds=seconds,
        )
    return bool(rows)
