"""Sockets that are told of things: each message goes to whoever listens to its topic.

Messages travel over Redis and are not kept: whoever was away asks the API. What waits for a
socket is bounded, and a client that stops reading is dropped.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from flask import Flask
from simple_websocket import ConnectionClosed

from checkout.core.listener import Listener
from checkout.core.logs import log
from checkout.core.redis import with_redis
from checkout.core.room import Full, add_keeper, room
from checkout.core.sockets import (
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    TRY_LATER,
    WholeSends,
    send_text,
)

if TYPE_CHECKING:
    from redis import Redis
    from simple_websocket import Server

CHANNEL = "customer:"
QUEUE_MAX = 100
"""So many messages wait for one socket; one more and it is dropped."""
SAID_PER_MINUTE = 60
"""Clients have little to say; who talks more than this is dropped."""
SUBSCRIBE_SECONDS = 10.0
"""Who has not said by then what to listen to gives its place to others."""
IDLE_SECONDS = 25.0

_starting = Lock()
ignored: Counter[str] = Counter()
"""Messages of clients that meant nothing here, by why; for the metrics."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a socket is told: messages of these kinds about one topic."""

    topic: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell whoever listens to a topic; `body` is JSON."""

    topic: str
    kind: str
    body: dict[str, Any]


class Refused(Exception):
    """The client may not listen to that; its socket is closed with the reason."""


Read = Callable[[str], Subscription | None]
"""A client's message → what it subscribes to, or None for what means nothing; raises Refused.
Called inside an application context."""


class Line:
    """One open socket, what it listens to and what it is to be sent next."""

    def __init__(self, wake: Event) -> None:
        self.wake = wake
        self.subscription: Subscription | None = None
        self.waiting: deque[str] = deque()
        self.close_code: int | None = None
        self.close_reason = ""

    def offer(self, text: str) -> None:
        """Send this after what waits already."""
        if len(self.waiting) >= QUEUE_MAX:
            self.close(TRY_LATER, "too_slow")
            return
        self.waiting.append(text)
        self.wake.set()

    def close(self, code: int, reason: str = "") -> None:
        self.close_code, self.close_reason = code, reason
        self.wake.set()


class Exchange:
    """All such sockets of one application in one process."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.lines: dict[str, set[Line]] = {}
        self.silent: set[Line] = set()
        """Those that have not subscribed."""
        self.lock = Lock()
        redis_url = app.extensions["checkout_config"].redis_url
        self.listener = Listener(redis_url, CHANNEL, self._hear)

    def count(self) -> int:
        """How many sockets are open here."""
        with self.lock:
            return len(self.silent) + sum(map(len, self.lines.values()))

    def serve(self, socket: Server, *, address: str, read: Read) -> None:
        """Keep one socket until it closes; `read` understands what its client says."""
        # The event that simple-websocket sets when the client says something or is gone.
        line = Line(wake=socket.event)
        socket.sock = WholeSends(socket.sock)
        try:
            with room().place(address):
                self.put(line, None)
                self._talk_until_closed(line, socket, read)
        except Full:
            # Others took the last places since the handshake.
            socket.close(TRY_LATER)
        except (ConnectionClosed, OSError):
            # The client went away in the middle of a send, or stopped reading.
            socket.connected = False
        finally:
            self._forget(line)

    def close_all(self, code: int) -> None:
        """Let every socket close with this code."""
        with self.lock:
            everybody = [*self.silent, *(line for some in self.lines.values() for line in some)]
        for line in everybody:
            line.close(code)

    def _talk_until_closed(self, line: Line, socket: Server, read: Read) -> None:
        talk = Talk(self, line, read)
        while socket.connected and line.close_code is None:
            line.wake.wait(talk.patience())
            line.wake.clear()
            while socket.input_buffer and line.close_code is None:
                talk.hear(socket.input_buffer.pop(0))
            while line.waiting and line.close_code is None:
                send_text(socket, line.waiting.popleft())
            talk.lose_patience()
        if socket.connected:
            socket.close(line.close_code, line.close_reason)

    def put(self, line: Line, subscription: Subscription | None) -> None:
        """What the line listens to from now on; another subscription ends the one before."""
        with self.lock:
            self._remove(line)
            line.subscription = subscription
            if subscription is None:
                self.silent.add(line)
            else:
                self.lines.setdefault(subscription.topic, set()).add(line)

    def _forget(self, line: Line) -> None:
        with self.lock:
            self._remove(line)

    def _remove(self, line: Line) -> None:
        self.silent.discard(line)
        topic = line.subscription.topic if line.subscription is not None else ""
        lines = self.lines.get(topic)
        if lines is not None:
            lines.discard(line)
            if not lines:
                del self.lines[topic]

    def _hear(self, topic: str, data: bytes) -> None:
        if topic not in self.lines:
            return
        try:
            message = json.loads(data)
            kind, text = message["kind"], json.dumps(message["body"], ensure_ascii=False)
        except (ValueError, KeyError, TypeError):
            # Redis is open to others of this installation; they must not end the listening.
            log("message_unreadable", logging.WARNING, topic=topic)
            return
        with self.lock:
            lines = list(self.lines.get(topic, ()))
        for line in lines:
            subscription = line.subscription
            if subscription is not None and kind in subscription.kinds:
                line.offer(text)


class Talk:
    """What one client says, within bounds."""

    def __init__(self, exchange: Exchange, line: Line, read: Read) -> None:
        self.exchange = exchange
        self.line = line
        self.read = read
        self.began_at = self.minute_at = time.monotonic()
        self.said = 0

    def patience(self) -> float:
        """How many seconds there is nothing to do unless somebody speaks."""
        if self.line.subscription is not None:
            return IDLE_SECONDS
        return max(0.0, self.began_at + SUBSCRIBE_SECONDS - time.monotonic())

    def lose_patience(self) -> None:
        if self.line.subscription is None and self.patience() == 0.0:
            self._close(POLICY_VIOLATION, "not_subscribed")

    def hear(self, said: str | bytes) -> None:
        """One message of the client."""
        now = time.monotonic()
        if now - self.minute_at >= 60:
            self.minute_at, self.said = now, 0
        self.said += 1
        if self.said > SAID_PER_MINUTE:
            self._close(POLICY_VIOLATION, "too_many_messages")
            return
        if isinstance(said, bytes):
            ignored["binary"] += 1
            return
        try:
            # A context of its own, so that its database connection goes back at once.
            with self.exchange.app.app_context():
                subscription = self.read(said)
        except Refused as refusal:
            self._close(POLICY_VIOLATION, str(refusal))
            return
        except Exception:  # noqa: BLE001 - an answer in HTTP can no longer be given
            log("subscription_failed", logging.WARNING, exc_info=True)
            self._close(INTERNAL_ERROR, "internal_error")
            return
        if subscription is None:
            ignored["unknown"] += 1
        else:
            self.exchange.put(self.line, subscription)

    def _close(self, code: int, reason: str) -> None:
        if self.line.close_code is None:
            self.line.close(code, reason)


def tell(messages: Iterable[Message]) -> None:
    """Tell every process's sockets now. Never raises when Redis is away; they are then lost."""
    some = list(messages)
    if some:
        with_redis(lambda redis: _publish(redis, some), otherwise=None)


def _publish(redis: Redis, messages: list[Message]) -> None:
    with redis.pipeline(transaction=False) as pipe:
        for message in messages:
            said = {"kind": message.kind, "body": message.body}
            pipe.publish(CHANNEL + message.topic, json.dumps(said, ensure_ascii=False))
        pipe.execute()


def open_exchange(app: Flask) -> Exchange:
    """The exchange of this application in this process, begun when the first socket opens."""
    with _starting:
        found: Exchange | None = app.extensions.get("checkout_exchange")
        if found is None:
            found = app.extensions["checkout_exchange"] = Exchange(app)
            add_keeper(found)
            found.listener.start()
    return found
