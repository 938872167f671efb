"""A newcomer, from sign-up to a paid test session and its webhook, with nothing but a browser."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest
from playwright.sync_api import Browser, Page, expect

from bin.stack.processes import wait_until
from tests.e2e.conftest import Watch, expect_state
from tests.factories.people import PASSWORD
from tests.support.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.e2e

MOST_STEPS = 40
"""At three seconds for each click and each field this is two minutes."""


@dataclass
class Newcomer:
    """Somebody who clicks and types, and is counted."""

    page: Page
    steps: int = 0

    def click(self, name: str, role: str = "button") -> None:
        self.steps += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]

    def go(self, name: str) -> None:
        """By the navigation beside the page."""
        self.steps += 1
        self.page.locator(".side-nav").get_by_role("link", name=name, exact=True).click()

    def type(self, label: str, text: str) -> None:
        self.steps += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def read_code(self) -> str:
        return self.page.locator(".code").first.inner_text().strip()


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """The newcomer's own program, where webhooks arrive."""
    with receiving() as listening:
        yield listening


@pytest.fixture
def newcomer(browser: Browser, own_server) -> Iterator[Newcomer]:
    """An installation without mail, as bin/run starts it; a browser that has seen nothing."""
    server = own_server("web", "worker", changes={"CHECKOUT_ENV": "development"})
    context = browser.new_context(base_url=server.url, locale="en-GB")
    page, watch = context.new_page(), Watch()
    watch.follow(page, server.url)
    yield Newcomer(page)
    context.close()
    assert watch.complaints == []
    assert watch.foreign == []


def test_from_sign_up_to_a_paid_session_and_its_webhook(newcomer, shop):
    page = newcomer.page

    # An account, and a store in it.
    page.goto("/dashboard?lang=en")
    newcomer.click("Sign up", role="link")
    newcomer.type("Your name", "Lan")
    newcomer.type("E-mail address", "lan@homestay.example")
    newcomer.type("Password", PASSWORD)
    newcomer.click("Make the account")
    newcomer.type("Name of the store", "Homestay Hoa Mai")
    newcomer.click("Make the store")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    # A way to pay: the pretend bank.
    newcomer.go("Ways to pay")
    newcomer.click("VietQR", role="link")
    newcomer.click("Fill in made-up credentials and switch on")
    expect(page.get_by_text("On", exact=True).first).to_be_visible()

    # A key that works.
    newcomer.go("API keys")
    newcomer.click("New key", role="link")
    newcomer.type("Name", "my shop")
    newcomer.click("Make the key")
    key = newcomer.read_code()
    listed = page.request.get("/api/v1/payments", headers={"Authorization": f"Bearer {key}"})
    assert listed.json()["data"] == []

    # Where the shop hears of it.
    newcomer.go("Webhooks")
    newcomer.click("Add an endpoint", role="link")
    newcomer.type("Address (URL)", f"{shop.url}/webhooks")
    newcomer.click("Add an endpoint")
    secret = newcomer.read_code()
    assert secret.startswith("whsec_")

    # A test session, paid on the shopper's page.
    newcomer.go("Lab")
    newcomer.click("Make it")
    session_id = page.url.rpartition("/")[2]
    newcomer.click("Open the page to pay", role="link")
    expect_state(page, "waiting")
    newcomer.click("Pay exactly")
    expect_state(page, "paid")
    newcomer.steps += 1
    page.go_back()

    # The overview has turned, and the webhook came, signed.
    newcomer.go("Overview")
    expect(page.get_by_text(re.compile("500,000")).first).to_be_visible()
    paid = wait_for(shop, "checkout.session.completed")
    assert json.loads(paid.body)["data"]["object"]["id"] == session_id
    assert is_signed(paid, secret)
    assert newcomer.steps <= MOST_STEPS


def wait_for(shop: Receiver, kind: str) -> Received:
    def came() -> bool:
        return any(type_of(one) == kind for one in shop.received)

    assert wait_until(came, seconds=15, pause_seconds=0.05)
    return next(one for one in shop.received if type_of(one) == kind)


def type_of(received: Received) -> str:
    return str(json.loads(received.body)["type"])


def is_signed(received: Received, secret: str) -> bool:
    """As a shop checks it, by the rules of Standard Webhooks."""
    head = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    key = b64decode(secret.removeprefix("whsec_"))
    expected = b64encode(hmac.digest(key, head.encode() + received.body, sha256)).decode()
    return f"v1,{expected}" in received.headers["webhook-signature"].split(" ")
