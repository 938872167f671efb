"""A merchant's server for tests: it records what arrives and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    at: float


@dataclass
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay_seconds: float = 0.0


class Receiver:
    """Listens on a port of its own; `answer(received)` says what it replies."""

    def __init__(self, answer: Callable[[Received], Reply]) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._gate = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                receiver.handle(self, self.rfile.read(length))

            def do_GET(self) -> None:
                receiver.handle(self, b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        received = Received(handler.path, headers, body, time.monotonic())
        with self._lock:
            self.received.append(received)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.answer(received)
            self._gate.wait(reply.delay_seconds)
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.end_headers()
            handler.wfile.write(reply.body)
        except OSError:
            handler.close_connection = True
        finally:
            with self._lock:
                self.at_once -= 1

    def wait_for(self, count: int, seconds: float = 15.0) -> None:
        """Return when so many requests have arrived; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} arrived"
            time.sleep(0.01)

    def close(self) -> None:
        self._gate.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving(answer: Callable[[Received], Reply] = lambda _: Reply()) -> Iterator[Receiver]:
    """A receiver for one test."""
    receiver = Receiver(answer)
    try:
        yield receiver
    finally:
        receiver.close()
