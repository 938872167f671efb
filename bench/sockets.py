"""Thousands of open pages in one process: bare WebSockets that count what they are sent."""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from bench.child import cpu_now
from bench.load import answer_length, request

_OPENING_AT_ONCE = 32
_OPEN_SECONDS = 120.0
_ANSWER_SECONDS = 5.0
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


@dataclass(frozen=True, slots=True)
class Push:
    """A call to make, the path of the page that must hear of it, and what it must then hear."""

    call: bytes
    path: str
    wanted: bytes


@dataclass(slots=True)
class Pushed:
    """What became of the calls."""

    latencies_ms: list[float] = field(default_factory=list)
    missed: int = 0
    """Pages that did not hear in time."""
    refused: list[str] = field(default_factory=list)
    """Answers to calls that were not taken."""
    client_cpu_seconds: float = 0.0


class OpenPage:
    """One socket: its handshake, then its frames."""

    __slots__ = ("buffer", "open", "path", "sock", "texts")

    def __init__(self, sock: socket.socket, path: str) -> None:
        self.sock = sock
        self.path = path
        self.buffer = bytearray()
        self.open = False
        self.texts = 0

    def read(self) -> list[tuple[int, bytes]]:
        """Frames that are complete by now; raises ConnectionError when the other side left."""
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionResetError
        return self.feed(data)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames, as kind and payload, that these bytes complete."""
        self.buffer += data
        if not self.open:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return []
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError(bytes(self.buffer[:end]).decode("latin-1"))
            self.open = True
            del self.buffer[: end + 4]
        return list(iter(self._take, None))

    def _take(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        length, start = data[1] & 127, 2
        if length >= 126:
            form, start = (">H", 4) if length == 126 else (">Q", 10)
            if len(data) < start:
                return None
            length = struct.unpack_from(form, data, 2)[0]
        if len(data) < start + length:
            return None
        frame = data[0] & 15, bytes(data[start : start + length])
        del data[: start + length]
        return frame

    def send(self, kind: int, payload: bytes) -> None:
        """A small frame, masked as browsers must; a mask of zeros changes nothing."""
        self.sock.sendall(bytes((128 | kind, 128 | len(payload), 0, 0, 0, 0)) + payload)


class Holder:
    """All open pages of the process."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.poll = select.epoll()
        self.pages: dict[int, OpenPage] = {}
        self.by_path: dict[str, OpenPage] = {}
        self.lost = 0

    def open(self, paths: list[str]) -> int:
        """Open these pages, each with its first message; returns how many are open now."""
        left = list(reversed(paths))
        opening = 0
        deadline = time.monotonic() + _OPEN_SECONDS

        def greeted(page: OpenPage, _: bytes) -> None:
            nonlocal opening
            if page.texts == 1:
                opening -= 1

        while (left or opening) and time.monotonic() < deadline:
            while left and opening < _OPENING_AT_ONCE:
                self._connect(left.pop())
                opening += 1
            self.turn(0.1, greeted)
        return len(self.pages)

    def push(self, pushes: list[Push], pause_seconds: float) -> Pushed:
        """Make the calls one after the other, and time each until its page has heard of it."""
        found, cpu = Pushed(), cpu_now()
        with socket.create_connection(self.address) as caller:
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for push in pushes:
                latency = self._push_one(caller, push, found)
                if latency is None:
                    found.missed += 1
                else:
                    found.latencies_ms.append(latency * 1000)
                self._rest(pause_seconds)
        found.client_cpu_seconds = cpu_now() - cpu
        return found

    def echo(self, path: str, count: int) -> list[float]:
        """Milliseconds for messages that the server says back at once."""
        page = self.by_path[path]
        found = []
        for _ in range(count):
            heard: list[float] = []
            started = time.perf_counter()
            page.send(_TEXT, b"hello")
            while not heard and time.perf_counter() < started + _ANSWER_SECONDS:
                self.turn(0.1, lambda *_, heard=heard: heard.append(time.perf_counter()))
            found += [(at - started) * 1000 for at in heard[:1]]
        return found

    def connect_only(self, paths: list[str]) -> int:
        """Open sockets that say nothing by themselves."""
        for path in paths:
            self._connect(path)
        deadline = time.monotonic() + _OPEN_SECONDS
        while time.monotonic() < deadline and not all(page.open for page in self.pages.values()):
            self.turn(0.1, _ignore)
        return len(self.pages)

    def _push_one(self, caller: socket.socket, push: Push, found: Pushed) -> float | None:
        target = self.by_path.get(push.path)
        heard: list[float] = []

        def hear(page: OpenPage, payload: bytes) -> None:
            if page is target and push.wanted in payload:
                heard.append(time.perf_counter())

        started = time.perf_counter()
        caller.sendall(push.call)
        while target and not heard and time.perf_counter() < started + _ANSWER_SECONDS:
            self.turn(0.1, hear)
        answer = _read_answer(caller)
        if not answer.startswith(b"HTTP/1.1 200"):
            found.refused.append(answer[:60].decode("latin-1").splitlines()[0])
        return heard[0] - started if heard else None

    def _rest(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.turn(left, _ignore)

    def turn(self, seconds: float, hear: Callable[[OpenPage, bytes], None]) -> None:
        """Read what has come within this time; `hear` is told of every text."""
        for number, _ in self.poll.poll(seconds):
            page = self.pages[number]
            try:
                frames = page.read()
            except ConnectionError:
                self._drop(page)
                continue
            for kind, payload in frames:
                if kind == _TEXT:
                    page.texts += 1
                    hear(page, payload)
                elif kind == _PING:
                    page.send(_PONG, payload)
                elif kind == _CLOSE:
                    self._drop(page)

    def _connect(self, path: str) -> None:
        sock = socket.create_connection(self.address, timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = self.address
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            "Origin": f"http://{host}:{port}",
        }
        sock.sendall(request("GET", path, headers=headers))
        page = OpenPage(sock, path)
        self.pages[sock.fileno()] = page
        self.by_path[path] = page
        self.poll.register(sock, select.EPOLLIN)

    def _drop(self, page: OpenPage) -> None:
        number = page.sock.fileno()
        if self.pages.pop(number, None):
            self.lost += 1
            self.poll.unregister(number)
            page.sock.close()


def hold_pages(connection: Connection, address: tuple[str, int]) -> None:
    """The process: obeys ("open"|"connect_only"|"push"|"echo", …) and keeps pings answered."""
    raise_file_limit()
    holder = Holder(address)
    while True:
        while not connection.poll(0):
            holder.turn(0.05, _ignore)
        try:
            verb, *given = connection.recv()
        except EOFError:
            return
        connection.send(getattr(holder, verb)(*given))


def raise_file_limit() -> int:
    """The soft limit becomes the hard one; returns how many files may be open."""
    import resource  # noqa: PLC0415 - Unix only, like the embedded stack

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _read_answer(caller: socket.socket) -> bytes:
    caller.settimeout(_ANSWER_SECONDS)
    answer = bytearray()
    while not (length := answer_length(answer)) or len(answer) < length:
        data = caller.recv(65_536)
        if not data:
            raise ConnectionResetError("the call was not answered")
        answer += data
    return bytes(answer)


def _ignore(*_: Any) -> None:
    return
