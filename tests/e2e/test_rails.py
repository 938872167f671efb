"""A shopper pays in every way there is, with each rail's pretend provider, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from checkout.core.db import one, run, unit_of_work
from checkout.customers.find_or_create import find_or_create
from checkout.payments.simulate import simulate_payment
from checkout.rails.registry import folders, get_rail
from checkout.sessions.ways import leads_away
from tests.e2e.conftest import PHONE, expect_state, read_qr
from tests.factories.checkouts import make_checkout, pass_time, show_code
from tests.factories.stores import Shop, make_shop
from tests.factories.ways import fill_wallet, make_slow, offer_everything
from tests.support.live import LiveServer

pytestmark = pytest.mark.e2e

AWAY = [rail for rail in folders() if leads_away(get_rail(rail))]
DEVICES = {"desktop": {}, "phone": PHONE}
MONITOR_SECONDS = 40
"""A rail whose provider tells nothing by itself is asked; twice, where the first was too early."""
PAY, REFUSE = re.compile("^Pay$"), "Let the payment fail"
BACK = "Go back without deciding"


@pytest.fixture
def shop(live_server: LiveServer) -> Iterator[Shop]:
    """A shop that takes everything."""
    with live_server.app.app_context():
        shop = make_shop()
        offer_everything(shop)
        yield shop


@pytest.fixture
def choose(open_page, shop) -> Callable[..., tuple[str, Page]]:
    """Opens a new session's page and chooses a way; the session's id and the browser's page."""

    def choose_way(rail: str, fields: dict | None = None, **options) -> tuple[str, Page]:
        session_id = make_checkout(shop, **(fields or {}))
        page = open_page(session_id, **options)
        page.locator(f"button[name=rail][value={rail}]").click()
        return session_id, page

    return choose_way


def expect_provider(page: Page) -> None:
    """The browser is on the pretend provider's page."""
    page.wait_for_url(re.compile("/fake/"))
    expect(page.get_by_text("No real money moves")).to_be_visible()


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name).click()


def attempts_of(session_id: str) -> list[str]:
    rows = run(
        "SELECT status FROM attempt WHERE session_id = %(id)s ORDER BY number", id=session_id
    )
    return [row.status for row in rows]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rail", AWAY)
def test_pay_at_the_providers_page(choose, rail, device):
    session_id, page = choose(rail, **DEVICES[device])
    expect_provider(page)
    press(page, PAY)
    expect_state(page, "paid")
    assert page.url.partition("?")[0].endswith(f"/pay/{session_id}")
    assert attempts_of(session_id) == ["succeeded"]


@pytest.mark.parametrize("rail", AWAY)
def test_without_script(choose, rail):
    _, page = choose(rail, java_script_enabled=False)
    expect_provider(page)
    press(page, PAY)
    expect_state(page, "paid", seconds=MONITOR_SECONDS)
    expect(page.get_by_role("heading", name="Paid")).to_be_visible()


@pytest.mark.parametrize("rail", AWAY)
def test_a_payment_that_fails_is_said_and_tried_again(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    press(page, REFUSE)
    if "/fake/" in page.url:
        # Some providers let the payer try again before they send them back.
        page.goto(f"/pay/{session_id}?lang=en")
        with_failure(session_id)
    expect_state(page, "failed", seconds=MONITOR_SECONDS)
    expect(page.get_by_text("Nothing was charged")).to_be_visible()
    press(page, "Try again")
    expect_provider(page)
    press(page, PAY)
    expect_state(page, "paid")
    assert attempts_of(session_id) == ["failed", "succeeded"]


def with_failure(session_id: str) -> None:
    """The provider gives an attempt up, as it does in time."""
    attempt = one(
        "SELECT id FROM attempt WHERE session_id = %(id)s ORDER BY number DESC LIMIT 1",
        id=session_id,
    )
    simulate_payment(attempt.id, outcome="failure")


@pytest.mark.parametrize("rail", AWAY)
def test_leave_and_come_back(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    page.go_back()
    expect_state(page, "at_provider")
    expect(page.get_by_role("heading", name=re.compile("^Continue with"))).to_be_visible()
    press(page, "I have paid, check again")
    expect(page.get_by_role("heading", name=re.compile("^Checking with"))).to_be_visible()
    page.get_by_role("link", name="Open the payment page").click()
    expect_provider(page)
    press(page, PAY)
    expect_state(page, "paid")
    assert attempts_of(session_id) == ["succeeded"]


@pytest.mark.parametrize("rail", AWAY)
def test_cancel_there_and_try_again(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    press(page, "Cancel and go back")
    # Some providers tell us of it too, and then the attempt is over.
    said = re.compile("You came back without paying|The payment did not go through")
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    press(page, "Try again")
    expect_provider(page)
    press(page, PAY)
    expect_state(page, "paid")
    assert attempts_of(session_id)[-1] == "succeeded"


@pytest.mark.parametrize("rail", AWAY)
def test_switching_keeps_the_older_ways_money_valid(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    provider_url = page.url
    page.go_back()
    expect_state(page, "at_provider")
    page.locator("button[name=rail][value=vietqr]").click()
    expect_state(page, "waiting")
    if get_rail(rail).closes:
        # The older page is closed before long; money that was faster counts all the same.
        older = one(
            "SELECT id FROM attempt WHERE session_id = %(id)s AND number = 1", id=session_id
        )
        simulate_payment(older.id)
    else:
        page.goto(provider_url)
        press(page, PAY)
    expect_state(page, "paid")
    assert attempts_of(session_id)[0] == "succeeded"


@pytest.mark.parametrize("rail", AWAY)
def test_pay_after_the_session_has_ended(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    attempt = one("SELECT id FROM attempt WHERE session_id = %(id)s", id=session_id)
    pass_time(session_id, minutes=16)
    page.goto(f"/pay/{session_id}?lang=en")
    expect_state(page, "expired")
    simulate_payment(attempt.id)
    expect_state(page, "paid", seconds=MONITOR_SECONDS)
    expect(page.get_by_text("after the deadline")).to_be_visible()


@pytest.mark.parametrize("rail", AWAY)
def test_told_twice_is_paid_once(choose, rail):
    session_id, page = choose(rail)
    expect_provider(page)
    page.go_back()
    expect_state(page, "at_provider")
    press(page, "Pay twice")
    expect_state(page, "paid", seconds=MONITOR_SECONDS)
    paid = run("SELECT id FROM payment WHERE session_id = %(id)s", id=session_id)
    assert len(paid) == 1


# KHQR

KHR = {"amount": 40_000, "currency": "KHR", "rails": ["khqr"]}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("currency", "amount"), [("KHR", 40_000), ("USD", 1_050)])
def test_pay_by_khqr(new_session, open_page, device, currency, amount):
    page = open_page(
        new_session(**KHR | {"currency": currency, "amount": amount}), **DEVICES[device]
    )
    expect_state(page, "waiting")
    shown = {"KHR": "40000", "USD": "10.50"}[currency]
    assert f"54{len(shown):02d}{shown}" in read_qr(page)
    expect(page.get_by_text("HM7")).to_have_count(0)
    press(page, "Pay exactly")
    expect_state(page, "paid", seconds=MONITOR_SECONDS)


def test_a_khqr_that_runs_out_is_renewed_before_their_eyes(new_session, open_page):
    session_id = new_session(**KHR, duration_minutes=45)
    page = open_page(session_id)
    expect_state(page, "waiting")
    expect(page.get_by_text("New code in")).to_be_visible()
    before = read_qr(page)
    with unit_of_work():
        run(
            "UPDATE attempt SET prompt = prompt || jsonb_build_object('expires_at',"
            " clock_timestamp() + interval '15 seconds') WHERE session_id = %(id)s",
            id=session_id,
        )
    expect(page.locator("#voice")).to_have_text("New QR code", timeout=15_000)
    expect_state(page, "waiting")
    assert read_qr(page) != before
    # The older one was scanned a moment ago, and its money counts.
    older = one(
        "SELECT reference FROM attempt_reference JOIN attempt ON attempt.id = attempt_id"
        " WHERE session_id = %(id)s ORDER BY attempt_reference.id LIMIT 1",
        id=session_id,
    )
    assert older is not None
    press(page, "Pay exactly")
    expect_state(page, "paid", seconds=MONITOR_SECONDS)


# Wallet


def proven_session(shop: Shop, balance: int) -> str:
    """A session for a customer whom the merchant's own key names."""
    with unit_of_work():
        customer = find_or_create(shop.store.id, shop.livemode, {"email": "mai@example.com"})
    fill_wallet(customer, balance)
    session_id = make_checkout(shop, customer_id=customer)
    with unit_of_work():
        run(
            "UPDATE checkout_session SET customer_proven = true, rails = '{wallet,vietqr}'"
            " WHERE id = %(id)s",
            id=session_id,
        )
    return session_id


@pytest.mark.parametrize("script", [True, False])
def test_pay_from_the_wallet(shop, open_page, script):
    page = open_page(proven_session(shop, 1_200_000), java_script_enabled=script)
    button = page.get_by_role("button", name=re.compile("balance 1,200,000"))
    expect(button).to_contain_text("Pay 500,000\N{NO-BREAK SPACE}₫ from your wallet")
    button.click()
    expect_state(page, "paid")


def test_a_wallet_that_holds_too_little(shop, open_page):
    page = open_page(proven_session(shop, 400_000))
    expect(page.get_by_text("This does not cover 500,000")).to_be_visible()
    expect(page.locator("button[value=wallet]")).to_have_count(0)


# Choice


def test_by_keyboard(shop, open_page):
    page = open_page(make_checkout(shop, rails=["vnpay", "vietqr"]))
    expect_state(page, "choose")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^VNPay Opens"))).to_be_focused()
    page.keyboard.press("Enter")
    expect_provider(page)


def test_the_device_remembers_and_a_slow_way_comes_last(shop, open_page):
    page = open_page(make_checkout(shop))
    first = page.locator("button[name=rail]").first.get_attribute("value")
    other = next(rail for rail in AWAY if rail != first)
    page.locator(f"button[name=rail][value={other}]").click()
    expect_provider(page)
    page.goto(f"/pay/{make_checkout(shop)}?lang=en")
    expect(page.locator("button[name=rail]").first).to_have_attribute("value", other)
    make_slow(shop, other)
    page.reload()
    expect(page.locator("button[name=rail]").last).to_have_attribute("value", other)
    expect(page.get_by_text("is slow to answer right now")).to_be_visible()


def test_apps_come_first_on_a_phone(shop, open_page):
    page = open_page(make_checkout(shop, rails=["vnpay", "vietqr"]), **PHONE)
    expect(page.locator("button[name=rail]").first).to_have_attribute("value", "vietqr")
    desk = open_page(make_checkout(shop, rails=["vnpay", "vietqr"]))
    expect(desk.locator("button[name=rail]").first).to_have_attribute("value", "vnpay")


# What the shop does for the money


@pytest.mark.parametrize("how", ["socket", "asking", "without script"])
def test_the_booking_appears_by_itself(shop, open_page, how):
    session_id = make_checkout(shop, rails=["vietqr"])
    show_code(session_id)
    page = open_page(session_id, java_script_enabled=how != "without script")
    if how == "asking":
        page.route_web_socket(re.compile("/live"), lambda socket: socket.close())
        page.reload()
    expect_state(page, "waiting")
    press(page, "Pay exactly")
    expect_state(page, "paid")
    expect(page.get_by_text("is preparing your order")).to_be_visible()
    answer = page.request.post(
        f"/api/v1/checkout/sessions/{session_id}/fulfilment",
        headers=shop.headers,
        data={
            "status": "confirmed",
            "reference": "ROOM-7",
            "details": {"property_name": "Homestay", "check_in": "2026-12-24"},
        },
    )
    assert answer.ok
    expect(page.get_by_text("ROOM-7")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Thursday, December 24, 2026")).to_be_visible()
    expect(page.get_by_text("is preparing")).to_have_count(0)
