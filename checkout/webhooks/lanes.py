"""Who may be tried now: lanes of deliveries, one for each endpoint, on a fixed crew of threads.

A lane's width is how many tries to its endpoint run at once in this process. It starts at
one, doubles with each quick success and falls back when the endpoint fails or is slow; lanes
that have not proven themselves share at most half of the threads. So whatever some endpoints
do, the others find free threads.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

from checkout.webhooks.attempt import Result, Try

LEASE_SECONDS = 15.0
START_SECONDS = 4.0
"""A try that does not begin this soon after its lease is given back: it would outlive it."""

QUICK_SECONDS = 1.0
LANES_KEPT = 2_000
AHEAD_SECONDS = 0.3
AHEAD_MOST = 96
RESULTS_WAKE = 48


@dataclass(slots=True)
class Lane:
    """What this process knows of one endpoint."""

    endpoint_id: str
    width: int = 1
    latency_seconds: float = 0.0
    proven: bool = False
    running: int = 0
    waiting: deque[Try] = field(default_factory=deque)
    ready: bool = False
    """Whether it stands in the queue of lanes that may start a try."""
    used_at: float = 0.0

    def learn(self, *, well: bool, seconds: float, widest: int) -> None:
        """Widen after a quick success, narrow after anything else."""
        self.latency_seconds = (
            seconds if not self.latency_seconds else 0.7 * self.latency_seconds + 0.3 * seconds
        )
        quick = seconds <= QUICK_SECONDS
        self.proven = well and quick
        if well and quick:
            self.width = min(widest, self.width * 2)
        elif well:
            self.width = max(1, min(4, self.width // 2))
        else:
            self.width = 1 if not quick else max(1, self.width // 2)

    def room(self) -> int:
        """How many more may be leased: enough to stay busy until the next look, no more."""
        ahead = 0
        if self.proven:
            ahead = int(self.width * AHEAD_SECONDS / max(self.latency_seconds, 0.001))
        return self.width + min(AHEAD_MOST, ahead) - self.running - len(self.waiting)


class Lanes:
    """The threads, the lanes and the results that wait to be recorded."""

    def __init__(
        self, threads: int, attempt: Callable[[Try], Result], bell: Callable[[], object]
    ) -> None:
        """`bell` is rung when results wait to be recorded or a lane runs dry."""
        self.threads = threads
        self._attempt = attempt
        self._bell = bell
        self._lock = Lock()
        self._startable = Condition(self._lock)
        self._ended = Condition(self._lock)
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._results: list[Result] = []
        self._running = 0
        self._unproven = 0
        self._started = 0
        self._free = 0

    def rooms(self) -> dict[str, int]:
        """How many more of each known endpoint may be leased; unknown ones get one."""
        with self._lock:
            self._forget_old()
            return {lane.endpoint_id: max(0, lane.room()) for lane in self._lanes.values()}

    def add(self, tries: list[Try]) -> None:
        """Take leased deliveries; threads are started as they are needed."""
        with self._lock:
            for item in tries:
                lane = self._lanes.setdefault(item.endpoint_id, Lane(item.endpoint_id))
                lane.waiting.append(item)
                self._offer(lane)
            missing = min(len(tries), self.threads - self._started) - self._free
            for _ in range(max(0, missing)):
                self._started += 1
                Thread(target=self._work, name="delivery", daemon=True).start()
            self._startable.notify(len(tries))

    def take_results(self) -> list[Result]:
        """What has ended since the last call."""
        with self._lock:
            results, self._results = self._results, []
            return results

    def put_back(self, results: list[Result]) -> None:
        """Results that could not be recorded now."""
        with self._lock:
            self._results[:0] = results

    def has_results(self) -> int:
        with self._lock:
            return len(self._results)

    def busy(self) -> bool:
        """Whether anything runs, waits or is not recorded yet."""
        with self._lock:
            return self._is_busy()

    def _is_busy(self) -> bool:
        waiting = any(lane.waiting for lane in self._lanes.values())
        return bool(self._running or self._results or waiting)

    def give_back(self) -> list[Try]:
        """Empty all lanes; what runs goes on."""
        with self._lock:
            left = [item for lane in self._lanes.values() for item in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            return left

    def wait_for_results(self, seconds: float) -> None:
        """Return when something has ended, or after `seconds`."""
        with self._lock:
            self._ended.wait_for(lambda: bool(self._results) or not self._is_busy(), seconds)

    def _offer(self, lane: Lane) -> None:
        if lane.waiting and lane.running < lane.width and not lane.ready:
            lane.ready = True
            self._ready.append(lane)

    def _work(self) -> None:
        while True:
            item, lane = self._next()
            started = time.monotonic()
            result = self._run(item, started)
            self._finish(lane, result, time.monotonic() - started)

    def _run(self, item: Try, started: float) -> Result:
        if started - item.leased_at > START_SECONDS:
            return Result.given_back(item)
        return self._attempt(item)

    def _next(self) -> tuple[Try, Lane]:
        with self._lock:
            self._free += 1
            while True:
                lane = self._choose()
                if lane is not None:
                    break
                self._startable.wait()
            self._free -= 1
            item = lane.waiting.popleft()
            lane.running += 1
            self._running += 1
            self._unproven += not lane.proven
            self._offer(lane)
            if self._ready:
                # Who starts one wakes the next, so that nobody has to count.
                self._startable.notify()
            return item, lane

    def _choose(self) -> Lane | None:
        """The first lane in turn that may start a try."""
        for _ in range(len(self._ready)):
            lane = self._ready.popleft()
            lane.ready = False
            if not lane.waiting or lane.running >= lane.width:
                continue
            if lane.proven or self._unproven < max(1, self.threads // 2):
                return lane
            lane.ready = True
            self._ready.append(lane)
        return None

    def _finish(self, lane: Lane, result: Result, seconds: float) -> None:
        with self._lock:
            was_proven = lane.proven
            lane.running -= 1
            lane.used_at = time.monotonic()
            self._running -= 1
            if not result.returned:
                lane.learn(well=result.well, seconds=seconds, widest=max(1, self.threads // 2))
            self._count_unproven(lane, was_proven=was_proven)
            self._results.append(result)
            self._offer(lane)
            dry = lane.proven and len(lane.waiting) < lane.width
            wake = len(self._results) in (1, RESULTS_WAKE) or dry
            self._ended.notify_all()
        if wake:
            self._bell()

    def _count_unproven(self, lane: Lane, *, was_proven: bool) -> None:
        """Keep the number of running tries in unproven lanes; the ended one counts no more."""
        if not was_proven:
            self._unproven -= 1
        if was_proven and not lane.proven:
            self._unproven += lane.running
        elif lane.proven and not was_proven:
            self._unproven -= lane.running

    def _forget_old(self) -> None:
        if len(self._lanes) <= LANES_KEPT:
            return
        idle = [lane for lane in self._lanes.values() if not lane.running and not lane.waiting]
        for lane in sorted(idle, key=lambda lane: lane.used_at)[: LANES_KEPT // 2]:
            del self._lanes[lane.endpoint_id]
