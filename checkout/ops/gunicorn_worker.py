"""gunicorn's gevent worker with the limits it lacks: slow bodies, and a quick, polite stop."""

from __future__ import annotations

import os
import socket
import sys
import time
from types import FrameType, TracebackType
from typing import Any, Self

import gevent
from gunicorn.workers.ggevent import GeventWorker
from werkzeug.exceptions import RequestTimeout

BODY_SECONDS = float(os.environ.get("BODY_SECONDS", "30"))
_UNACKNOWLEDGED_MS = 60_000


class Worker(GeventWorker):
    """Serves thousands of sockets in one process.

    The header deadline is gunicorn's `keepalive`, which here covers reading a whole header. A
    body must arrive within BODY_SECONDS, else the application is told that it is late. On
    SIGTERM idle connections and WebSockets are closed at once, so that the process leaves with
    its last answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[_HeaderDeadline] = set()

    def timeout_ctx(self) -> _HeaderDeadline:
        """Around the reading of each request's header."""
        return _HeaderDeadline(self)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection; a peer that stops reading loses it after a minute."""
        if hasattr(socket, "TCP_USER_TIMEOUT") and client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer one request whose header has arrived."""
        req.body.reader = _TimedReader(req.body.reader, seconds=BODY_SECONDS)
        super().handle_request(listener_name, req, sock, addr)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM. A signal handler must not wait, so a greenlet does the rest."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        """Until the process ends, also close what still came in meanwhile."""
        while True:
            for deadline in list(self.waiting):
                deadline.expire()
            _close_sockets()
            gevent.sleep(0.2)


class _HeaderDeadline:
    """A time-out around waiting for a request that the worker can also end early."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._timeout = gevent.Timeout(worker.cfg.keepalive, exception=False)
        self._greenlet = gevent.getcurrent()

    def __enter__(self) -> Self:
        self._worker.waiting.add(self)
        self._timeout.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._worker.waiting.discard(self)
        return bool(self._timeout.__exit__(kind, error, trace))

    def expire(self) -> None:
        """As if the time were over: the connection is closed without an answer."""
        self._worker.waiting.discard(self)
        self._greenlet.kill(self._timeout, block=False)


class LateBody(RequestTimeout, TimeoutError):
    """An HTTP error for the application, and a time-out for gunicorn, which ends the connection."""


class _TimedReader:
    """gunicorn's reader of one body, which must be through by a deadline."""

    def __init__(self, reader: Any, *, seconds: float) -> None:
        self._reader = reader
        self._deadline = time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """The next bytes; raises LateBody, which the application answers with 408."""
        late = LateBody()
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise late
        with gevent.Timeout(remaining, late):
            data: bytes = self._reader.read(size)
            return data


def _close_sockets() -> None:
    """Tell every open page to come back later (close code 1012), where pages are pushed to."""
    push = sys.modules.get("checkout.core.push")
    if push is not None:
        push.close_all()
