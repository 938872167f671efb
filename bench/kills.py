"""`kill -9` of everything, over and over, while money comes in: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from bench.child import child
from bench.figures import Report, at_most
from bench.receiver import receive_webhooks
from bench.run import Run
from bench.shop import Shop, Waiting, make_shop, make_waiting, notices_for
from bench.stack import Installation, installation
from checkout.core.db import db, unit_of_work
from checkout.core.scope import Scope
from checkout.ops.verify import verify
from checkout.webhooks.endpoints import create_endpoint

VICTIMS = ("web", "worker", "postgres", "scheduler", "redis", "web")
TELLERS = 8
TOLD_TWICE = 5
"""Every so manieth notice is told again, as providers do whose answer got lost."""
SETTLE_SECONDS = 300.0
_CALL_SECONDS = 15
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_WAITING = (
    "SELECT (SELECT count(*) FROM inbox WHERE judged_at IS NULL)"
    " + (SELECT count(*) FROM outbox WHERE dispatched_at IS NULL)"
    " + (SELECT count(*) FROM delivery WHERE status = 'waiting')"
)


def measure(run: Run) -> Report:
    """Lost and doubled effects after so many payments and kills; both must be none."""
    report = Report("kill -9 while money comes in")
    payments, kills = run.pick(10_000, 400), run.pick(300, 12)
    with (
        child(receive_webhooks, None) as receiver,
        installation(run.cluster, "kills", "web", "worker", "scheduler") as place,
    ):
        port: int = receiver.receive(seconds=30)
        shop = make_shop(place, livemode=False)
        _listen(place, shop, port)
        run.progress.say(f"kills: making {payments} sessions")
        bank = Bank(place.address, notices_for(shop, _make_sessions(place, shop, payments)))
        started = time.monotonic()
        killed = _kill_all_along(run, place, bank, kills)
        report.expect(bank.wait(SETTLE_SECONDS), f"{bank.left} notices were never taken")
        report.expect(_settled(place), "something still waits long after the last kill")
        report.add("payments", payments, "")
        report.add("kills", sum(killed.values()), "")
        report.add("all of it", time.monotonic() - started, "s")
        report.notes.append("killed: " + ", ".join(f"{n} {c}" for n, c in killed.most_common()))
        report.notes.append(f"answers: {dict(bank.statuses.most_common())}; 0 is none at all")
        crashes = _crashes(place)
        report.expect(not crashes, f"requests crashed: {crashes}")
        arrivals, _ = receiver.ask("take", seconds=60)
        told = Counter(event for event, _, _ in arrivals)
        _prove(report, place, payments, told)
    return report


class Bank:
    """Tells every notice until it is believed, in several threads."""

    def __init__(self, address: tuple[str, int], notices: Sequence[bytes]) -> None:
        self.address = address
        self.statuses: Counter[int] = Counter()
        self.taken = 0
        self.allowed = 0
        """So many may have been taken; the kills spread over the payments by it."""
        self._tasks: queue.Queue[bytes] = queue.Queue()
        for number, notice in enumerate(notices):
            self._tasks.put(notice)
            if number % TOLD_TWICE == 0:
                self._tasks.put(notice)
        self.count = self._tasks.qsize()
        self._guard = threading.Lock()
        for _ in range(TELLERS):
            threading.Thread(target=self._tell, daemon=True).start()

    @property
    def left(self) -> int:
        """How many have not been taken."""
        return self.count - self.taken

    def wait(self, seconds: float) -> bool:
        """Let all be told; True when they have been taken in time."""
        self.allowed = self.count
        end = time.monotonic() + seconds
        while self.left and time.monotonic() < end:
            time.sleep(0.05)
        return not self.left

    def _tell(self) -> None:
        while True:
            if self.taken >= self.allowed:
                time.sleep(0.005)
                continue
            notice = self._tasks.get()
            status = _send(self.address, notice)
            with self._guard:
                self.statuses[status] += 1
                self.taken += status == 200
            if status != 200:
                self._tasks.put(notice)
                time.sleep(0.05)


def _send(address: tuple[str, int], request: bytes) -> int:
    """The answer's status; 0 where there was no answer."""
    try:
        with socket.create_connection(address, timeout=_CALL_SECONDS) as connection:
            connection.sendall(request)
            found = _STATUS.match(connection.recv(65_536))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _listen(place: Installation, shop: Shop, port: int) -> None:
    scope = Scope(shop.store_id, False, shop.key_id, f"key:{shop.key_id}", None)
    url = f"http://127.0.0.1:{port}/ok/kills"
    with place.app.app_context(), unit_of_work():
        create_endpoint(scope, url=url, enabled_events=["payment.completed"])


def _make_sessions(place: Installation, shop: Shop, count: int) -> list[Waiting]:
    """Real ones, whose whole history is there to be checked."""
    with ThreadPoolExecutor(TELLERS) as pool:
        list(pool.map(lambda _: make_waiting(place, shop), range(count)))
    with place.connect() as connection:
        rows = connection.execute("SELECT session_id, code FROM attempt ORDER BY id").fetchall()
    return [Waiting(*row) for row in rows]


def _kill_all_along(run: Run, place: Installation, bank: Bank, kills: int) -> Counter[str]:
    """Kill one after the other, each in the middle of its share of the notices."""
    killed: Counter[str] = Counter()
    for number in range(kills):
        name = VICTIMS[number % len(VICTIMS)]
        bank.allowed = bank.count * (number + 1) // kills
        middle = bank.allowed - bank.count // kills // 2
        end = time.monotonic() + _CALL_SECONDS
        while bank.taken < middle and time.monotonic() < end:
            time.sleep(0.002)
        run.progress.say(f"kills: {name}, {number + 1} of {kills}; {bank.taken} notices taken")
        _kill(place, name)
        killed[name] += 1
    return killed


def _kill(place: Installation, name: str) -> None:
    """End it as a power cut does, and start it again."""
    if name == "postgres":
        place.cluster.postgres.kill()
        place.cluster.postgres.start()
    elif name == "redis":
        process = place.cluster.redis.process
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        place.cluster.redis.start()
    else:
        process = place.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        place.start(name)


def _settled(place: Installation) -> bool:
    """Whether nothing waits any more, within some minutes."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        try:
            with place.connect() as connection:
                row = connection.execute(_WAITING).fetchone()
        except psycopg.OperationalError:
            row = None
        if row is not None and row[0] == 0:
            return True
        time.sleep(0.5)
    return False


def _crashes(place: Installation) -> list[str]:
    """What the web process did not expect; being unavailable it answers 503."""
    lines = place.log("web").read_text(errors="replace").splitlines()
    return [line[:1500] for line in lines if '"request_crashed"' in line][:5]


def _prove(report: Report, place: Installation, payments: int, told: Counter[str]) -> None:
    none = at_most(0)
    with place.connect() as connection:
        completed, paid, twice, events = connection.execute(
            "SELECT (SELECT count(*) FROM checkout_session WHERE status = 'completed'),"
            " (SELECT count(*) FROM payment),"
            " (SELECT count(*) FROM (SELECT FROM payment GROUP BY session_id HAVING count(*) > 1)"
            " AS doubled),"
            " (SELECT count(*) FROM outbox WHERE type = 'payment.completed')"
        ).fetchone() or (0, 0, 0, 0)
        known = {
            row[0]
            for row in connection.execute("SELECT id FROM outbox WHERE type = 'payment.completed'")
        }
    report.add("payments lost", payments - paid, "", none)
    report.add("sessions that stay unpaid", payments - completed, "", none)
    report.add("payments doubled", twice + max(0, paid - payments), "", none)
    report.add("events lost or doubled", abs(events - payments), "", none)
    report.add("webhooks that never came", len(known - set(told)), "", none)
    again = sum(count - 1 for count in told.values())
    report.notes.append(f"{again} webhooks came again, under the same id: at least once is meant")
    with place.app.app_context():
        # Connections from before the last kill are dead.
        db.engine.dispose()
        with unit_of_work():
            broken = {result.check.name: result.count for result in verify() if result.count}
    report.add("breaches of the rules of money", sum(broken.values()), "", none)
    report.expect(not broken, f"rules broken: {broken}")
