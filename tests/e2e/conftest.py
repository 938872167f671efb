"""Browsers that look at a running installation, and what they must never see."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from checkout.core.db import one
from checkout.payments.simulate import simulate_payment
from tests.factories.checkouts import make_checkout
from tests.factories.stores import Shop, make_shop, make_vietqr
from tests.support.live import LiveServer

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
    "user_agent": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142 Mobile",
}
SMALL_PHONE = PHONE | {"viewport": {"width": 320, "height": 640}}
EXPECTED = re.compile(r"status of (404|409|422|503)|WebSocket|ERR_(CONNECTION|INTERNET)")
"""What a browser says aloud of a refusal or an outage that a test has arranged."""


@dataclass
class Watch:
    """What a browser complained of and where it went."""

    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def follow(self, page: Page, home: str) -> None:
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._check(request, home))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not EXPECTED.search(text):
            self.complaints.append(text)

    def _check(self, request: Request, home: str) -> None:
        if not request.url.startswith((home, home.replace("http", "ws", 1), "data:", "blob:")):
            self.foreign.append(request.url)


@pytest.fixture
def shop(live_server: LiveServer) -> Iterator[Shop]:
    with live_server.app.app_context():
        shop = make_shop()
        make_vietqr(shop)
        yield shop


@pytest.fixture
def new_session(shop: Shop) -> Callable[..., str]:
    """Makes a session of the shop; returns its id."""
    return lambda **fields: make_checkout(shop, **fields)


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """Opens a session's page (or none yet) in a browser of its own; nothing foreign, ever."""
    contexts: list[BrowserContext] = []
    watch = Watch()

    def open_one(session_id: str | None, query: str = "?lang=en", **options: Any) -> Page:
        context = browser.new_context(**({"base_url": live_server.url} | options))
        contexts.append(context)
        # A shop's own pages are not there; the test only sees that the browser went.
        context.route("https://shop.example/**", lambda route: route.fulfill(body="the shop"))
        page = context.new_page()
        watch.follow(page, live_server.url)
        if session_id is not None:
            page.goto(f"/pay/{session_id}{query}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert watch.complaints == []
    assert [url for url in watch.foreign if not url.startswith("https://shop.example/")] == []


@pytest.fixture
def pay(live_server: LiveServer) -> Callable[..., None]:
    """The pretend bank pays a session's newest attempt and sends SePay's notice."""

    def pay_session(session_id: str, **options: Any) -> None:
        with live_server.app.app_context():
            attempt = one(
                "SELECT id FROM attempt WHERE session_id = %(id)s ORDER BY number DESC LIMIT 1",
                id=session_id,
            )
            simulate_payment(attempt.id, **options)

    return pay_session


def expect_state(page: Page, name: str, seconds: float = 10) -> None:
    """The page comes to show this state."""
    panel = page.locator("#panel")
    expect(panel).to_have_attribute("data-state", name, timeout=seconds * 1000)


def read_qr(page: Page) -> str:
    """The text of the one QR code on the screen."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("L")
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1
    return found[0].text
