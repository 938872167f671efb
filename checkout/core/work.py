"""What a worker process does until it is told to stop.

A worker runs every sweeper in a thread of its own, answers bells out of RQ in another, and
shows every few seconds that it is alive. All threads are daemons: what a stop cannot wait
for is a lease that lapses and is taken up by another worker.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from threading import Event, Thread

from flask import Flask
from redis.exceptions import RedisError

from checkout.core import jobs
from checkout.core.config import config
from checkout.core.db import execute, unit_of_work
from checkout.core.jobs import Sweeper
from checkout.core.logs import log
from checkout.core.redis import connect

HEARTBEAT_SECONDS = 5.0
STOP_SECONDS = 9.0
LONGEST_BACKOFF_SECONDS = 15.0
BELL_WAIT_SECONDS = 2


def run_worker(app: Flask, stop: Event) -> None:
    """Sweep and answer bells until `stop`, then leave within ten seconds."""
    threads: list[Thread] = [SweeperThread(app, item, stop) for item in jobs.sweepers()]
    threads.append(BellThread(app, stop))
    threads.append(HeartbeatThread(app, stop))
    _run(threads, stop)


def _run(threads: list[Thread], stop: Event) -> None:
    for thread in threads:
        thread.start()
    stop.wait()
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        if isinstance(thread, SweeperThread):
            thread.bell.set()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    log("stopped", left_over=[thread.name for thread in threads if thread.is_alive()])


class SweeperThread(Thread):
    """Calls one sweeper: on its bell, shortly after it found work, else on its tick."""

    def __init__(self, app: Flask, sweeper: Sweeper, stop: Event) -> None:
        super().__init__(name=f"sweeper:{sweeper.name}", daemon=True)
        self.app = app
        self.sweeper = sweeper
        self.stop = stop
        self.bell = Event()
        self.failures = 0

    def run(self) -> None:
        jobs.listen(self.sweeper.name, self.bell.set)
        # Workers that started together must not tick together.
        wait_seconds = random.random() * min(1.0, self.sweeper.every_seconds)  # noqa: S311
        while not self.stop.is_set():
            woken = self.bell.wait(wait_seconds)
            self.bell.clear()
            if self.stop.is_set():
                break
            wait_seconds = self.tick(woken=woken)
        self.drain()

    def tick(self, *, woken: bool) -> float:
        """Sweep until there is less than a batch; returns the seconds until the next look."""
        try:
            handled = self.sweep_all()
        except Exception:  # noqa: BLE001 - a sweeper may fail in any way and must go on
            return self.back_off()
        self.failures = 0
        if handled or woken:
            return jobs.FOLLOW_UP_SECONDS
        return self.sweeper.every_seconds * random.uniform(0.8, 1.2)  # noqa: S311

    def sweep_all(self) -> int:
        total = 0
        while not self.stop.is_set():
            with self.app.app_context():
                handled = self.sweeper.sweep()
            total += handled
            if handled < self.sweeper.batch:
                break
        return total

    def back_off(self) -> float:
        """A sweep that fails is tried again, ever more slowly; bells do not hurry it."""
        self.failures += 1
        log(
            "sweep_failed",
            logging.ERROR,
            exc_info=True,
            sweeper=self.sweeper.name,
            failures=self.failures,
        )
        self.stop.wait(min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** min(self.failures, 6)))
        return 0.0

    def drain(self) -> None:
        if self.sweeper.drain is None:
            return
        try:
            with self.app.app_context():
                self.sweeper.drain(STOP_SECONDS - 1.0)
        except Exception:  # noqa: BLE001 - the others must still be stopped
            # Its leases lapse, and another worker takes the rows up.
            log("drain_failed", logging.ERROR, exc_info=True, sweeper=self.sweeper.name)


class BellThread(Thread):
    """Answers bells out of RQ, and goes on doing so through every restart of Redis."""

    def __init__(self, app: Flask, stop: Event) -> None:
        super().__init__(name="bells", daemon=True)
        self.app = app
        self.stop = stop

    def run(self) -> None:
        from checkout.core.bells import BellWorker  # noqa: PLC0415 - the scheduler needs no RQ

        with self.app.app_context():
            url = config().redis_url
            while not self.stop.is_set():
                try:
                    BellWorker(connect(url, socket_timeout=None), self.stop).work(
                        logging_level="WARNING"
                    )
                except (RedisError, OSError) as error:
                    log("bells_away", logging.WARNING, error=type(error).__name__)
                except Exception:  # noqa: BLE001 - this thread may never die
                    log("bells_failed", logging.ERROR, exc_info=True)
                self.stop.wait(1.0)


class HeartbeatThread(Thread):
    """Writes down that this process is alive, for /health."""

    def __init__(self, app: Flask, stop: Event) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.app = app
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self.stop = stop

    def run(self) -> None:
        self.write(
            "DELETE FROM heartbeat WHERE kind = 'worker'"
            " AND at < clock_timestamp() - interval '1 day'"
        )
        while not self.stop.is_set():
            self.write(
                "INSERT INTO heartbeat (kind, name, at)"
                " VALUES ('worker', %(name)s, clock_timestamp())"
                " ON CONFLICT (kind, name) DO UPDATE SET at = excluded.at"
            )
            self.stop.wait(HEARTBEAT_SECONDS)
        self.write("DELETE FROM heartbeat WHERE kind = 'worker' AND name = %(name)s")

    def write(self, statement: str) -> None:
        try:
            with self.app.app_context(), unit_of_work():
                execute(statement, name=self.process)
        except Exception as error:  # noqa: BLE001 - this thread may never die
            # A database that is away is exactly what the missing heartbeat tells.
            log("heartbeat_failed", logging.WARNING, error=type(error).__name__)
