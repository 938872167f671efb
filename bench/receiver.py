"""A shop's webhook receiver: quick, slow or dead, by the path that is called."""

from __future__ import annotations

import contextlib
import heapq
import re
import select
import socket
import time
from multiprocessing.connection import Connection
from typing import Any

from bench.child import cpu_now

SLOW_SECONDS = 0.1
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb"\r\nwebhook-id: *(\S+)", re.IGNORECASE)

Arrival = tuple[str, str, float]
"""The event's id, the path it came to, when (Unix seconds)."""


class Receiver:
    """`/ok/…` is answered at once, `/slow/…` after a tenth of a second, `/dead/…` never."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.connections: dict[int, tuple[socket.socket, bytearray]] = {}
        self.later: list[tuple[float, int]] = []
        self.arrivals: list[Arrival] = []

    def turn(self, seconds: float) -> None:
        """Read what has come, answer what is due."""
        if self.later:
            seconds = max(0.0, min(seconds, self.later[0][0] - time.monotonic()))
        for number, _ in self.poll.poll(seconds):
            if number == self.listener.fileno():
                self._accept()
            else:
                self._read(number)
        while self.later and self.later[0][0] <= time.monotonic():
            self._answer(heapq.heappop(self.later)[1])

    def count(self) -> int:
        """How many calls have come."""
        return len(self.arrivals)

    def take(self) -> tuple[list[Arrival], float]:
        """All calls so far, which are then forgotten, and the receiver's own CPU seconds."""
        arrivals, self.arrivals = self.arrivals, []
        return arrivals, cpu_now()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections[sock.fileno()] = (sock, bytearray())
                self.poll.register(sock, select.EPOLLIN)

    def _read(self, number: int) -> None:
        sock, buffer = self.connections[number]
        try:
            data = sock.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            self.poll.unregister(number)
            del self.connections[number]
            sock.close()
            return
        buffer += data
        end = buffer.find(b"\r\n\r\n")
        found = _LENGTH.search(buffer, 0, end + 2) if end > 0 else None
        if found and len(buffer) >= end + 4 + int(found[1]):
            self._take_call(number, bytes(buffer[: end + 2]))
            buffer.clear()

    def _take_call(self, number: int, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        event = _ID.search(head)
        self.arrivals.append((event[1].decode() if event else "", path, time.time()))
        if path.startswith("/ok/"):
            self._answer(number)
        elif path.startswith("/slow/"):
            heapq.heappush(self.later, (time.monotonic() + SLOW_SECONDS, number))

    def _answer(self, number: int) -> None:
        if number in self.connections:
            with contextlib.suppress(ConnectionError):
                self.connections[number][0].sendall(_ANSWER)


def receive_webhooks(connection: Connection, given: Any) -> None:  # noqa: ARG001 - needs nothing
    """The process: says its port, then obeys "count" and "take"."""
    receiver = Receiver()
    connection.send(receiver.listener.getsockname()[1])
    while True:
        receiver.turn(0.02)
        while connection.poll(0):
            try:
                (verb,) = connection.recv()
            except EOFError:
                return
            connection.send(getattr(receiver, verb)())
