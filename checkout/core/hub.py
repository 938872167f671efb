"""The open pages of this process: one Redis subscription, one waiting state per page.

What a page is sent is always its whole present state, so nothing has to queue: a newer state
takes the place of one that has not been sent yet, and a browser that stops reading is dropped.
Works with threads and, patched by gevent, with greenlets.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import resource
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from flask import Flask
from simple_websocket import ConnectionClosed
from wsproto.events import TextMessage

from checkout.core.logs import log
from checkout.core.presence import saw_all
from checkout.core.redis import connect

if TYPE_CHECKING:
    from redis import Redis
    from simple_websocket import Server

CHANNEL = "pay:"
ALIVE_SECONDS = 25.0
ALIVE = "{}"
"""Data that changes nothing in the page and lets it know that the socket is alive."""
SEND_SECONDS = 10.0
"""A browser that takes no byte for so long is dropped."""
MESSAGES_MAX = 200
"""Pages have nothing to say; who talks more than this is dropped."""
PAGES_MAX = 12_000
PAGES_PER_ADDRESS = 200
DRAWERS = 4
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)
REDRAW_SECONDS = 1.0
LISTEN_SECONDS = 5.0
SHOW_SECONDS = 10.0

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_LATER = 1013

_hubs: WeakSet[Hub] = WeakSet()
_starting = Lock()


class Full(Exception):
    """This process, or this address, has as many open pages as it may have."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A session's panel: a higher `seq` is newer; the same `version` looks the same."""

    seq: int
    version: str
    html: str


Draw = Callable[[str, str], Drawing]
"""(topic, variant) → what such pages show now; called inside an application context."""


class Page:
    """One open socket and what it is to be sent next."""

    def __init__(self, topic: str, variant: str, address: str, wake: Event) -> None:
        self.topic = topic
        self.variant = variant
        self.address = address
        self.wake = wake
        self.seq = 0
        self.waiting: Drawing | None = None
        self.close_code: int | None = None

    def offer(self, drawing: Drawing) -> None:
        """Send this next, unless something newer is already known."""
        if drawing.seq >= self.seq:
            self.seq, self.waiting = drawing.seq, drawing
            self.wake.set()

    def take(self) -> Drawing | None:
        drawing, self.waiting = self.waiting, None
        return drawing

    def close(self, code: int) -> None:
        self.close_code = code
        self.wake.set()


class Hub:
    """All open pages of one application in one process."""

    def __init__(self, app: Flask, draw: Draw) -> None:
        self.app = app
        self.draw = draw
        self.name = secrets.token_hex(8)
        self.pages: dict[str, set[Page]] = {}
        self.addresses: Counter[str] = Counter()
        self.lock = Lock()
        self.dirty: dict[str, None] = {}
        """Topics to draw anew, oldest first; a topic stands in it once."""
        self.work = Event()
        self.subscribed = Event()
        self.ended = Event()
        self.stopped = False

    def start(self) -> None:
        """Start listening and drawing; the threads end with the process."""
        Thread(target=self._listen_for_ever, name="hub:listen", daemon=True).start()
        Thread(target=self._show_for_ever, name="hub:show", daemon=True).start()
        for number in range(DRAWERS):
            Thread(target=self._draw_for_ever, name=f"hub:draw-{number}", daemon=True).start()

    def stop(self) -> None:
        """End the threads soon."""
        self.stopped = True
        self.ended.set()
        self.work.set()

    # Pages

    def check_room(self, address: str) -> None:
        """Raise Full when one more page of this address is too many."""
        if self.count() >= pages_max():
            raise Full("process")
        if self.addresses[address] >= PAGES_PER_ADDRESS and not stands_for_many(address):
            raise Full("address")

    def count(self) -> int:
        """How many pages are open here."""
        return self.addresses.total()

    def serve(
        self, socket: Server, *, topic: str, variant: str, address: str, seen: str = ""
    ) -> None:
        """Keep one page right until its socket closes.

        `seen` is the version that the browser already shows.
        """
        # The event that simple-websocket sets when the browser says something or is gone.
        page = Page(topic, variant, address, wake=socket.event)
        socket.sock = WholeSends(socket.sock)
        try:
            self._join(page)
        except Full:
            # Others took the last places since the handshake.
            socket.close(TRY_LATER)
            return
        try:
            # Joined first, drawn after: a change between the two is not missed.
            self._draw_first(page)
            self._send_until_closed(page, socket, seen)
        except (ConnectionClosed, OSError):
            # The browser went away in the middle of a send, or stopped reading.
            socket.connected = False
        finally:
            self._leave(page)

    def _draw_first(self, page: Page) -> None:
        try:
            page.offer(self._draw_now(page.topic, page.variant))
        except Exception:  # noqa: BLE001 - an answer in HTTP can no longer be given
            log("push_failed", logging.WARNING, exc_info=True, session=page.topic)
            page.close(INTERNAL_ERROR)

    def _join(self, page: Page) -> None:
        with self.lock:
            self.check_room(page.address)
            self.pages.setdefault(page.topic, set()).add(page)
            self.addresses[page.address] += 1

    def _leave(self, page: Page) -> None:
        with self.lock:
            pages = self.pages.get(page.topic, set())
            pages.discard(page)
            if not pages:
                self.pages.pop(page.topic, None)
            self.addresses[page.address] -= 1
            if self.addresses[page.address] <= 0:
                del self.addresses[page.address]

    def _send_until_closed(self, page: Page, socket: Server, shown: str) -> None:
        said = 0
        while socket.connected and page.close_code is None:
            idle = not page.wake.wait(ALIVE_SECONDS)
            page.wake.clear()
            said += len(socket.input_buffer)
            socket.input_buffer.clear()
            if said > MESSAGES_MAX:
                page.close_code = POLICY_VIOLATION
                break
            drawing = page.take()
            if drawing is not None and drawing.version != shown:
                send_text(socket, drawing.html)
                shown = drawing.version
            elif idle:
                send_text(socket, ALIVE)
            # A name that lives through the wait would keep 25 KB of HTML for every page.
            drawing = None
        if socket.connected:
            socket.close(page.close_code)

    def close_all(self, code: int) -> None:
        """Let every page's socket close with this code."""
        for pages in list(self.pages.values()):
            for page in list(pages):
                page.close(code)

    # Drawing

    def note(self, topics: Iterable[str]) -> None:
        """These have changed: draw them anew for whoever has them open here."""
        for topic in topics:
            if topic in self.pages:
                self.dirty[topic] = None
        if self.dirty:
            self.work.set()

    def _draw_for_ever(self) -> None:
        while not self.stopped:
            topic = self._next_topic()
            if topic is None:
                self.work.wait()
                self.work.clear()
                continue
            try:
                self._redraw(topic)
            except Exception:  # noqa: BLE001 - the next page may well be drawn
                log("push_failed", logging.WARNING, exc_info=True, session=topic)
                time.sleep(REDRAW_SECONDS)
                self.note([topic])

    def _next_topic(self) -> str | None:
        with self.lock:
            topic = next(iter(self.dirty), None)
            if topic is not None:
                del self.dirty[topic]
            if self.dirty:
                # Somebody else may take the next one meanwhile.
                self.work.set()
            return topic

    def _redraw(self, topic: str) -> None:
        pages = list(self.pages.get(topic, ()))
        for variant in {page.variant for page in pages}:
            drawing = self._draw_now(topic, variant)
            for page in pages:
                if page.variant == variant:
                    page.offer(drawing)

    def _draw_now(self, topic: str, variant: str) -> Drawing:
        # A context of its own, so that its database connection goes back at once: the
        # socket's request lasts as long as the page is open.
        with self.app.app_context():
            return self.draw(topic, variant)

    def _show_for_ever(self) -> None:
        """Say which sessions have a page open here, in one call for all."""
        while not self.ended.wait(SHOW_SECONDS):
            with self.app.app_context():
                saw_all(list(self.pages))

    # Listening

    def _listen_for_ever(self) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - only who listens pays for it

        failures = 0
        while not self.stopped:
            try:
                self._listen()
                failures = 0
            except (RedisError, OSError) as error:
                if self.subscribed.is_set():
                    failures = 0
                    log("push_redis_lost", logging.WARNING, error=type(error).__name__)
                self.subscribed.clear()
                time.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def _listen(self) -> None:
        client = connect(self.app.extensions["checkout_config"].redis_url)
        with contextlib.closing(client), client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.psubscribe(f"{CHANNEL}*")
            while not self.stopped:
                message = subscription.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    subscription.ping()
                elif message["type"] == "psubscribe":
                    self.subscribed.set()
                    # Whatever changed while nobody listened.
                    self.note(list(self.pages))
                elif message["type"] == "pmessage" and message["data"] != self.name.encode():
                    self.note([message["channel"].decode()[len(CHANNEL) :]])


class WholeSends:
    """A socket whose `send` sends everything, one sender at a time, or fails in time.

    The library sends frames from two threads with a plain `send`, which may send half a frame
    to a browser that reads slowly.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._lock = Lock()
        self._sock.settimeout(SEND_SECONDS)

    def send(self, data: bytes) -> int:
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def send_text(socket: Server, data: str) -> None:
    """Send one text message; raises ConnectionClosed or OSError."""
    if not socket.connected:
        raise ConnectionClosed(socket.close_reason, socket.close_message)
    socket.sock.send(socket.ws.send(TextMessage(data=data)))


def publish(redis: Redis, session_ids: Sequence[str], *, sender: str) -> None:
    """Tell the hubs of other processes; `sender` is the hub that knows already."""
    with redis.pipeline(transaction=False) as pipe:
        for session_id in session_ids:
            pipe.publish(CHANNEL + session_id, sender)
        pipe.execute()


def open_hub(app: Flask, draw: Draw) -> Hub:
    """The hub of this application in this process, started when the first page opens."""
    with _starting:
        found: Hub | None = app.extensions.get("checkout_hub")
        if found is None:
            found = app.extensions["checkout_hub"] = Hub(app, draw)
            _hubs.add(found)
            found.start()
    return found


def running_hub(app: Flask) -> Hub | None:
    """The hub of this application if a page was ever open in this process."""
    return app.extensions.get("checkout_hub")


def all_hubs() -> list[Hub]:
    """Every hub of this process."""
    return list(_hubs)


def pages_max() -> int:
    """Sockets never take more than half of the files that this process may open."""
    return min(PAGES_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def stands_for_many(address: str) -> bool:
    """Whether an address is a proxy's or this machine's own rather than one household's."""
    try:
        return ipaddress.ip_network(address).is_private
    except ValueError:
        return True
