"""The open pages of this process: one Redis subscription, one waiting state per page.

What a page is sent is always its whole present state, so nothing has to queue: a newer state
takes the place of one that has not been sent yet, and a browser that stops reading is dropped.
Works with threads and, patched by gevent, with greenlets.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from flask import Flask
from simple_websocket import ConnectionClosed

from checkout.core.listener import Listener
from checkout.core.logs import log
from checkout.core.presence import saw_all
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

CHANNEL = "pay:"
ALIVE_SECONDS = 25.0
ALIVE = "{}"
"""Data that changes nothing in the page and lets it know that the socket is alive."""
MESSAGES_MAX = 200
"""Pages have nothing to say; who talks more than this is dropped."""
DRAWERS = 4
REDRAW_SECONDS = 1.0
SHOW_SECONDS = 10.0

_starting = Lock()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A session's panel: a higher `order` is newer; the same `version` looks the same."""

    order: tuple[int, ...]
    version: str
    html: str


Draw = Callable[[str, str], Drawing]
"""(topic, variant) → what such pages show now; called inside an application context."""


class Page:
    """One open socket and what it is to be sent next."""

    def __init__(self, topic: str, variant: str, wake: Event) -> None:
        self.topic = topic
        self.variant = variant
        self.wake = wake
        self.order: tuple[int, ...] = ()
        self.waiting: Drawing | None = None
        self.close_code: int | None = None

    def offer(self, drawing: Drawing) -> None:
        """Send this next, unless something newer is already known."""
        if drawing.order >= self.order:
            self.order, self.waiting = drawing.order, drawing
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
        self.lock = Lock()
        self.dirty: dict[str, None] = {}
        """Topics to draw anew, oldest first; a topic stands in it once."""
        self.work = Event()
        redis_url = app.extensions["checkout_config"].redis_url
        self.listener = Listener(redis_url, CHANNEL, self._hear, began=self._note_all)
        self.subscribed = self.listener.subscribed
        self.ended = Event()
        self.stopped = False

    def start(self) -> None:
        """Start listening and drawing; the threads end with the process."""
        self.listener.start()
        Thread(target=self._show_for_ever, name="hub:show", daemon=True).start()
        for number in range(DRAWERS):
            Thread(target=self._draw_for_ever, name=f"hub:draw-{number}", daemon=True).start()

    def stop(self) -> None:
        """End the threads soon."""
        self.stopped = True
        self.listener.stop()
        self.ended.set()
        self.work.set()

    # Pages

    def count(self) -> int:
        """How many pages are open here."""
        return sum(len(pages) for pages in list(self.pages.values()))

    def serve(
        self, socket: Server, *, topic: str, variant: str, address: str, seen: str = ""
    ) -> None:
        """Keep one page right until its socket closes.

        `seen` is the version that the browser already shows.
        """
        # The event that simple-websocket sets when the browser says something or is gone.
        page = Page(topic, variant, wake=socket.event)
        socket.sock = WholeSends(socket.sock)
        try:
            with room().place(address):
                self._keep_right(page, socket, seen)
        except Full:
            # Others took the last places since the handshake.
            socket.close(TRY_LATER)

    def _keep_right(self, page: Page, socket: Server, seen: str) -> None:
        self._join(page)
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
            self.pages.setdefault(page.topic, set()).add(page)

    def _leave(self, page: Page) -> None:
        with self.lock:
            pages = self.pages.get(page.topic, set())
            pages.discard(page)
            if not pages:
                self.pages.pop(page.topic, None)

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

    def _hear(self, topic: str, sender: bytes) -> None:
        # What this process said itself it knows already.
        if sender != self.name.encode():
            self.note([topic])

    def _note_all(self) -> None:
        """Whatever changed while nobody listened."""
        self.note(list(self.pages))


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
            add_keeper(found)
            found.start()
    return found


def running_hub(app: Flask) -> Hub | None:
    """The hub of this application if a page was ever open in this process."""
    return app.extensions.get("checkout_hub")
