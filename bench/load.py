"""A cheap HTTP client: many keep-alive connections, one thread, no parsing beyond the length.

A client written with a library costs as much as the server it measures. This one sends bytes
that were put together beforehand and looks at an answer only for its status and its end.
"""

from __future__ import annotations

import re
import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.child import child, cpu_now
from bench.figures import per_second, percentile

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECEIVE_BYTES = 262_144
_LATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. Without `per_second` every client asks again as soon as it has its answer."""

    address: tuple[str, int]
    requests: Sequence[bytes]
    """Sent in turn; with `once` each of them one time."""
    clients: int
    seconds: float
    """How long; with `once` the longest time it may take."""
    warm_seconds: float = 0.0
    """Answers of this first time are not counted."""
    once: bool = False
    per_second: float | None = None
    """Send at these moments whatever the answers do; waiting for a free client counts."""


@dataclass(slots=True)
class Answers:
    """What came back."""

    latencies_ms: array[float] = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    bytes_received: int = 0
    broken: int = 0
    """Connections that ended before their answer."""
    sample: bytes = b""

    @property
    def count(self) -> int:
        return len(self.latencies_ms)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return per_second(self.count, self.seconds)

    def ms(self, percent: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        return percentile(self.latencies_ms, percent)

    @property
    def client_cpu_ms(self) -> float:
        """What one call cost the client itself."""
        return self.client_cpu_seconds * 1000 / max(1, self.count)

    def faults(self, name: str, *expected: int) -> list[str]:
        """A line for each unexpected status and for broken connections."""
        found = [
            f"{name}: {count} answers with status {status}"
            for status, count in self.statuses.items()
            if status not in expected
        ]
        return found + ([f"{name}: {self.broken} connections broke"] if self.broken else [])


def run_load(load: Load) -> Answers:
    """Run a load in a process of its own and return what it saw."""
    with child(_main, load) as client:
        answers: Answers = client.receive(seconds=load.seconds + load.warm_seconds + 60)
        return answers


def request(
    method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body and not any(name.lower() == "content-type" for name in headers or {}):
        lines += ["Content-Type: application/json"]
    if method != "GET":
        lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _main(connection: Connection, load: Load) -> None:
    connection.send(Client(load).run())


class _Slot:
    """One connection and the call on it."""

    __slots__ = ("buffer", "sent_at", "sock", "wanted")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sent_at = 0.0
        self.buffer = bytearray()
        self.wanted = 0
        """Length of the whole answer, once its header is here."""


class Client:
    """The loop."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.answers = Answers()
        self.poll = select.epoll()
        self.slots: dict[int, _Slot] = {}
        self.idle: deque[_Slot] = deque()
        self.sent = 0
        self.started_at = 0.0
        self.counting_from = 0.0

    def run(self) -> Answers:
        for _ in range(self.load.clients):
            self.idle.append(self._connect())
        cpu = cpu_now()
        self.started_at = time.perf_counter()
        self.counting_from = self.started_at + self.load.warm_seconds
        ends_at = self.counting_from + self.load.seconds
        while True:
            now = time.perf_counter()
            done = now >= ends_at or (self.load.once and self.sent >= len(self.load.requests))
            if not done:
                self._send_due(now)
            elif not self.slots or now > ends_at + _LATE_SECONDS:
                break
            for number, _ in self.poll.poll(self._wait_seconds(now, done=done)):
                self._receive(self.slots[number])
        self.answers.seconds = min(time.perf_counter(), self._last_at) - self.counting_from
        self.answers.client_cpu_seconds = cpu_now() - cpu
        self.answers.broken += len(self.slots)
        return self.answers

    _last_at = 0.0

    def _wait_seconds(self, now: float, *, done: bool) -> float:
        if done or self.load.per_second is None or not self.idle:
            return 0.1
        return max(0.0, min(0.1, self._due_at() - now))

    def _due_at(self) -> float:
        rate = self.load.per_second
        return self.started_at + (self.sent / rate if rate else 0.0)

    def _send_due(self, now: float) -> None:
        requests, paced = self.load.requests, self.load.per_second is not None
        while self.idle and not (self.load.once and self.sent >= len(requests)):
            due_at = self._due_at() if paced else now
            if due_at > now:
                return
            slot = self.idle.popleft()
            slot.sent_at = due_at if paced else time.perf_counter()
            self.slots[slot.sock.fileno()] = slot
            slot.sock.sendall(requests[self.sent % len(requests)])
            self.sent += 1

    def _receive(self, slot: _Slot) -> None:
        try:
            data = slot.sock.recv(_RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._replace(slot)
            return
        slot.buffer += data
        if not slot.wanted:
            slot.wanted = answer_length(slot.buffer)
        if slot.wanted and len(slot.buffer) >= slot.wanted:
            self._finish(slot)

    def _finish(self, slot: _Slot) -> None:
        now = time.perf_counter()
        if now >= self.counting_from:
            answers = self.answers
            answers.latencies_ms.append((now - slot.sent_at) * 1000)
            answers.statuses[int(slot.buffer[9:12])] += 1
            answers.bytes_received += len(slot.buffer)
            answers.sample = answers.sample or bytes(slot.buffer)
            self._last_at = now
        slot.buffer.clear()
        slot.wanted = 0
        del self.slots[slot.sock.fileno()]
        self.idle.append(slot)

    def _replace(self, slot: _Slot) -> None:
        """A connection that the server closed during a call: counted, and made anew."""
        self.answers.broken += 1
        del self.slots[slot.sock.fileno()]
        self.poll.unregister(slot.sock)
        slot.sock.close()
        self.idle.append(self._connect())

    def _connect(self) -> _Slot:
        sock = socket.create_connection(self.load.address, timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(sock, select.EPOLLIN)
        return _Slot(sock)


def answer_length(data: bytearray) -> int:
    """Header and body together; 0 while the header is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    found = _LENGTH.search(data, 0, end + 2)
    if found is None:
        raise ValueError(f"an answer without a length: {bytes(data[:end])!r}")
    return end + 4 + int(found[1])
