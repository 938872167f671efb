"""Every page there is, on a phone by day and by night and on a desk: nobody is kept out.

The dashboard's pages are found by themselves; the shopper's page is shown in each of its states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from checkout.core.db import run, unit_of_work
from checkout.core.i18n import LOCALES
from checkout.core.ids import new_id
from checkout.merchants.access import cookie_name
from checkout.merchants.members import add_member
from checkout.merchants.sign_ins import sign_in_browser
from checkout.payments.simulate import simulate_payment
from checkout.sessions.end import cancel_session
from checkout.sessions.page import StateName
from tests.dashboard.conftest import fill, screens
from tests.e2e.conftest import SMALL_PHONE, Watch
from tests.factories.checkouts import make_checkout, pass_time, show_code
from tests.factories.people import FACTS, make_user
from tests.factories.stores import Shop, make_shop
from tests.factories.trades import make_trade
from tests.factories.ways import offer_everything
from tests.support.axe import find_faults
from tests.support.live import LiveServer

pytestmark = pytest.mark.e2e

DEVICES: dict[str, dict[str, Any]] = {
    "phone": SMALL_PHONE,
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
LOCALE_OF = {"phone": "km", "desktop": "vi"}
"""Khmer has the widest words."""


@dataclass
class Look:
    """A browser that looks at one page after the other and writes down what is wrong."""

    page: Page
    watch: Watch
    night: bool
    wrong: list[str] = field(default_factory=list)

    def at(self, path: str, name: str = "") -> None:
        """By day with every rule, and where asked by night for the contrast alone."""
        self.page.emulate_media(color_scheme="light")
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        name = name or path
        found = find_faults(self.page)
        if self.night:
            self.page.emulate_media(color_scheme="dark")
            found += [f"dark: {fault}" for fault in find_faults(self.page, "color-contrast")]
        wide = self.page.evaluate("document.scrollingElement.scrollWidth")
        if wide > self.page.viewport_size["width"]:
            found.append(f"{wide} px wide")
        found += [f"said: {line}" for line in self.watch.complaints]
        found += [f"foreign: {url}" for url in self.watch.foreign]
        self.watch.complaints.clear()
        self.watch.foreign.clear()
        self.wrong += [f"{name}: {line}" for line in found]


@pytest.fixture
def look(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer
) -> Iterator[Callable[..., Look]]:
    """`look("phone", cookie)` opens a browser; what it found wrong fails the test at its end."""
    contexts: list[BrowserContext] = []
    looks: list[Look] = []

    def open_browser(device: str, cookie: str = "") -> Look:
        context = browser.new_context(base_url=live_server.url, **DEVICES[device])
        contexts.append(context)
        if cookie:
            name = _cookie_name(live_server)
            context.add_cookies([{"name": name, "value": cookie, "url": live_server.url}])
        page, watch = context.new_page(), Watch()
        watch.follow(page, live_server.url)
        # The colours of the night are the same at every width.
        looks.append(Look(page, watch, night=device == "phone"))
        return looks[-1]

    yield open_browser
    for context in contexts:
        context.close()
    wrong = [line for one in looks for line in one.wrong]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.fixture(scope="module")
def desk(live_server: LiveServer) -> dict[str, Any]:
    """A store in the middle of its business, and the cookie of its owner."""
    with live_server.app.app_context():
        trade = make_trade(live_server.app.test_client())
        offer_everything(trade.shop)
        owner = make_user(name="Nguyễn Thị Phương Lan", locale="en")
        with unit_of_work():
            add_member(trade.store_id, owner.id, "owner")
            cookie = sign_in_browser(owner.id, FACTS)
    return {"trade": trade, "cookie": cookie}


def _cookie_name(live_server: LiveServer) -> str:
    with live_server.app.app_context():
        return cookie_name()


def html_pages(look: Look, who: tuple[str, ...], store_id: str, ids: Any) -> list[str]:
    """The addresses that answer with a whole page: no exports, no fragments, no redirects."""
    found = []
    for screen in screens("GET", who=who):
        path = fill(screen, store_id, "test", ids)
        answer = look.page.request.get(path, max_redirects=0)
        assert answer.status < 500, (path, answer.status)
        kind = answer.headers.get("content-type", "")
        if answer.status != 303 and kind.startswith("text/html") and "<html" in answer.text():
            found.append(path)
    return found


@pytest.mark.parametrize("device", DEVICES)
def test_every_page_of_the_dashboard(look, desk, device):
    merchant = look(device, desk["cookie"])
    trade = desk["trade"]
    paths = html_pages(merchant, ("user", "member"), trade.store_id, trade.ids)
    for path in paths:
        merchant.at(f"{path}?lang={LOCALE_OF[device]}")
    assert len(paths) >= 40


def test_the_menu_of_a_phone(look, desk):
    merchant = look("phone", desk["cookie"])
    merchant.page.goto(f"/dashboard/{desk['trade'].store_id}/test/payments?lang=en")
    merchant.page.locator(".menu > summary").click()
    assert find_faults(merchant.page) == []
    merchant.page.locator(".menu").get_by_role("link", name="Transfers", exact=True).click()
    merchant.page.wait_for_url("**/transfers")


@pytest.mark.parametrize("device", DEVICES)
def test_every_door(look, device):
    guest = look(device)
    for path in html_pages(guest, ("anybody",), "", {}):
        for locale in LOCALES:
            guest.at(f"{path}?lang={locale}")


@pytest.fixture
def states(live_server: LiveServer) -> Iterator[dict[str, str]]:
    """The shopper's page in every state it has: name → path."""
    with live_server.app.app_context():
        shop = make_shop()
        offer_everything(shop)
        yield {name: f"/pay/{make(shop)}" for name, make in STATES.items()}


def _made(shop: Shop, rail: str = "", **fields: Any) -> tuple[str, str]:
    """A session, and its attempt where a rail is named."""
    session_id = make_checkout(shop, duration_minutes=60, reference="BK-2031", **fields)
    return session_id, show_code(session_id, rail).id if rail else ""


def _waiting(shop: Shop) -> str:
    return _made(shop, "vietqr")[0]


def _paid(shop: Shop, **play: Any) -> str:
    session_id, attempt_id = _made(shop, "vietqr")
    simulate_payment(attempt_id, **play)
    return session_id


def _preparing(shop: Shop) -> str:
    session_id, attempt_id = _made(shop, "vietqr")
    with unit_of_work():
        run("UPDATE attempt SET prompt = NULL WHERE id = %(id)s", id=attempt_id)
    return session_id


def _older(shop: Shop, minutes: int) -> str:
    session_id = _waiting(shop)
    pass_time(session_id, minutes=minutes)
    return session_id


def _failed(shop: Shop) -> str:
    session_id, attempt_id = _made(shop, "stripe")
    simulate_payment(attempt_id, outcome="failure")
    return session_id


def _ended(shop: Shop) -> str:
    session_id = _waiting(shop)
    with unit_of_work():
        cancel_session(session_id, store_id=shop.store.id, livemode=False, actor="test")
    return session_id


STATES: dict[str, Callable[[Shop], str]] = {
    "choose": lambda shop: _made(shop)[0],
    "preparing": _preparing,
    "waiting": _waiting,
    "waiting for dollars": lambda shop: _made(shop, "khqr", amount=2500, currency="USD")[0],
    "partly_paid": lambda shop: _paid(shop, amount=400_000),
    "at_provider": lambda shop: _made(shop, "vnpay")[0],
    "paid": _paid,
    "paid too much": lambda shop: _paid(shop, amount=530_000),
    "lapsed": lambda shop: _older(shop, 15),
    "expired": lambda shop: _older(shop, 61),
    "failed": _failed,
    "ended": _ended,
}


def test_every_state_is_shown():
    assert set(get_args(StateName)) <= set(STATES)


@pytest.mark.parametrize("device", DEVICES)
def test_every_state_of_the_shoppers_page(look, states, device):
    shopper = look(device)
    for name, path in states.items():
        shopper.at(f"{path}?lang={LOCALE_OF[device]}", name)
        shown = shopper.page.locator("#panel").get_attribute("data-state")
        assert shown == name.partition(" ")[0]
    for locale in LOCALES:
        shopper.at(f"{states['waiting']}?lang={locale}")
    shopper.at(f"{states['paid']}/receipt")


@pytest.mark.parametrize("device", DEVICES)
def test_the_pages_beside(look, states, device):
    guest = look(device)
    if device == "desktop":
        guest.night = True
        guest.at("/docs")
    guest.at(f"/pay/{new_id('cs')}", "a session that is not there")
    guest.page.goto(states["choose"])
    guest.page.locator("button[name=rail][value=vnpay]").click()
    guest.page.wait_for_url("**/fake/**")
    guest.at(guest.page.url, "a pretend provider's page")
