"""A shopper pays: the whole page in a real browser against a running installation."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from checkout.core.db import one, run, unit_of_work
from checkout.payments.simulate import simulate_payment
from tests.e2e.conftest import PHONE, SMALL_PHONE, expect_state, read_qr
from tests.factories.checkouts import pass_time, show_code

pytestmark = pytest.mark.e2e

SHOP = {
    "success_url": "https://shop.example/ok?s={SESSION_ID}",
    "cancel_url": "https://shop.example/cart",
}


def fields_of(payload: str) -> dict[str, str]:
    """The outer and the additional fields of an EMV string."""
    found, at = {}, 0
    while at < len(payload):
        tag, length = payload[at : at + 2], int(payload[at + 2 : at + 4])
        found[tag] = payload[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def test_pay_by_the_code_on_the_screen(new_session, open_page, shop):
    session_id = new_session(**SHOP)
    page = open_page(session_id)
    # With one way to pay the code appears by itself.
    expect_state(page, "waiting")
    content = fields_of(read_qr(page))
    memo = fields_of(content["62"])["08"]
    assert content["54"] == "500000"
    attempt = one("SELECT * FROM attempt WHERE code = %(c)s", c=f"{memo[:-7]}-{memo[-7:]}")
    simulate_payment(attempt.id, amount=int(content["54"]), memo=memo)
    expect_state(page, "paid")
    expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("Paid 500,000")
    # Back to the shop by itself, unless one stays.
    expect(page.locator("#back")).to_have_text(re.compile(r"Back to the shop \([1-5]\)"))
    page.wait_for_url(f"https://shop.example/ok?s={session_id}", timeout=10_000)


def test_stay_and_read_the_receipt(new_session, open_page, pay):
    session_id = new_session(**SHOP)
    page = open_page(session_id)
    expect_state(page, "waiting")
    pay(session_id)
    page.get_by_role("button", name="Stay on this page").click()
    expect(page.locator("#back")).to_have_text("Back to the shop")
    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    # Nobody is sent away a second time.
    expect(page.locator("#back")).to_have_text("Back to the shop")


def test_a_part_then_the_rest(new_session, open_page, pay):
    session_id = new_session()
    page = open_page(session_id)
    expect_state(page, "waiting")
    memo = fields_of(fields_of(read_qr(page))["62"])["08"]
    pay(session_id, amount=400_000)
    expect_state(page, "partly_paid")
    expect(page.get_by_role("heading", name=re.compile("100,000"))).to_be_visible()
    rest = fields_of(read_qr(page))
    assert rest["54"] == "100000"
    assert fields_of(rest["62"])["08"] == memo
    pay(session_id, amount=100_000)
    expect_state(page, "paid")


def test_too_much_is_said_and_nobody_is_sent_away(new_session, open_page, pay):
    session_id = new_session(**SHOP)
    page = open_page(session_id)
    expect_state(page, "waiting")
    pay(session_id, amount=530_000)
    expect(page.get_by_text("You sent 30,000")).to_be_visible()
    expect(page.locator("#stay")).to_have_count(0)


def test_late_money_turns_an_expired_page(new_session, open_page, pay):
    session_id = new_session()
    page = open_page(session_id)
    expect_state(page, "waiting")
    pass_time(session_id, minutes=15)
    expect_state(page, "expired")
    pay(session_id)
    expect_state(page, "paid")
    expect(page.get_by_text("after the deadline")).to_be_visible()


def test_the_code_runs_out_and_is_renewed(new_session, open_page, pay):
    session_id = new_session(duration_minutes=60)
    page = open_page(session_id)
    expect_state(page, "waiting")
    pass_time(session_id, minutes=15)
    expect_state(page, "lapsed")
    expect(page.get_by_text("You have 2 attempts left")).to_be_visible()
    page.get_by_role("button", name="Get a new code").click()
    expect_state(page, "waiting")
    pay(session_id)
    expect_state(page, "paid")


def test_the_countdown_ends_the_code_by_itself(new_session, open_page):
    session_id = new_session(duration_minutes=60)
    with unit_of_work():
        run("SELECT 1")
    show_code(session_id)
    pass_time(session_id, minutes=14, seconds=57)
    page = open_page(session_id)
    expect(page.locator(".clock")).to_have_text(re.compile(r"0:0[0-3]"))
    expect_state(page, "lapsed")


def test_two_tabs_agree(new_session, open_page, pay):
    session_id = new_session()
    one_tab, two_tab = open_page(session_id), open_page(session_id, "?lang=vi")
    expect_state(one_tab, "waiting")
    expect_state(two_tab, "waiting")
    assert read_qr(one_tab) == read_qr(two_tab)
    pay(session_id)
    expect_state(one_tab, "paid")
    expect_state(two_tab, "paid")
    # A tab in the background says it in its title.
    expect(one_tab).to_have_title(re.compile("^Paid"))
    expect(two_tab.get_by_role("heading", name="Đã thanh toán")).to_be_visible()


def test_without_a_socket_the_page_asks(new_session, open_page, browser, live_server, pay):
    session_id = new_session()
    show_code(session_id)
    page = open_page(session_id, service_workers="block")
    page.route_web_socket(re.compile("/live"), lambda socket: socket.close())
    page.reload()
    expect_state(page, "waiting")
    pay(session_id)
    expect_state(page, "paid", seconds=10)


def test_without_script(new_session, open_page, pay):
    session_id = new_session(**SHOP)
    page = open_page(session_id, java_script_enabled=False)
    expect_state(page, "choose")
    page.get_by_role("button", name="Show the QR code").click()
    expect_state(page, "waiting")
    assert fields_of(read_qr(page))["54"] == "500000"
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    pay(session_id)
    # The page refreshes itself.
    expect_state(page, "paid", seconds=15)
    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()


def test_leaving_without_script(new_session, open_page):
    page = open_page(new_session(**SHOP), java_script_enabled=False)
    page.get_by_role("button", name="Cancel and return to the shop").click()
    page.wait_for_url("https://shop.example/cart")


def test_leaving(new_session, open_page):
    page = open_page(new_session(**SHOP))
    expect_state(page, "waiting")
    page.get_by_role("button", name="Cancel and return to the shop").click()
    page.wait_for_url("https://shop.example/cart")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("vi", "Đang chờ chuyển khoản"),
        ("en", "Waiting for your transfer"),
        ("km", "កំពុងរង់ចាំការផ្ទេរប្រាក់"),
    ],
)
def test_three_languages(new_session, open_page, pay, locale, words):
    session_id = new_session()
    page = open_page(session_id, "", locale={"vi": "vi-VN", "en": "en-GB", "km": "km-KH"}[locale])
    expect_state(page, "waiting")
    expect(page.locator("html")).to_have_attribute("lang", locale)
    expect(page.locator("#status")).to_contain_text(words)
    pay(session_id)
    expect_state(page, "paid")


def test_the_shopper_switches_the_language(new_session, open_page):
    page = open_page(new_session(locale="vi"), "")
    expect_state(page, "waiting")
    page.get_by_role("link", name="ខ្មែរ").click()
    expect(page.locator("html")).to_have_attribute("lang", "km")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#status")).to_contain_text("Waiting for your transfer")


@pytest.mark.parametrize("device", [PHONE, SMALL_PHONE], ids=["390", "320"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "km"])
def test_on_a_phone(new_session, open_page, device, scheme, locale):
    session_id = new_session(
        description="Đặt phòng hai đêm ở một nơi có tên thật là dài",
        line_items=[{"name": "Phòng đôi " * 8, "quantity": 2, "unit_amount": 250_000}],
        amount=None,
    )
    page = open_page(session_id, f"?lang={locale}", color_scheme=scheme, **device)
    expect_state(page, "waiting")
    # The bank apps come before the code, and nothing is wider than the screen.
    apps, code = page.locator(".apps").bounding_box(), page.locator(".qr").bounding_box()
    assert apps["y"] < code["y"]
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= device["viewport"]["width"]
    assert fields_of(read_qr(page))["54"] == "500000"
    small = page.evaluate(
        "[...document.querySelectorAll('button, .btn, .apps a, summary')]"
        ".filter((each) => each.offsetParent && each.getBoundingClientRect().height < 44)"
        ".map((each) => each.outerHTML)"
    )
    assert small == []


def test_copying(new_session, open_page, live_server):
    page = open_page(new_session(), permissions=["clipboard-read", "clipboard-write"])
    expect_state(page, "waiting")
    memo = page.locator(".row .code").inner_text()
    page.get_by_role("button", name="Copy Message").click()
    expect(page.locator("#voice")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == memo
    page.get_by_role("button", name="Copy Amount").click()
    expect(page.locator("#voice")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "500000"


def test_by_keyboard(new_session, open_page):
    session_id = new_session(**SHOP)
    page = open_page(session_id)
    expect_state(page, "waiting")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    for name in ("Save QR image", "Copy", "Cancel and return to the shop", "Tiếng Việt"):
        assert name in reached


def test_play_the_bank(new_session, open_page):
    page = open_page(new_session())
    expect_state(page, "waiting")
    page.get_by_role("button", name="Pay too little").click()
    expect_state(page, "partly_paid")
    page.get_by_role("button", name="Pay the rest").click()
    expect_state(page, "paid")
    late = open_page(new_session())
    expect_state(late, "waiting")
    late.get_by_role("button", name="Pay late").click()
    expect(late.get_by_text("after the deadline")).to_be_visible()
    mangled = open_page(new_session())
    mangled.get_by_role("button", name="Mangled message").click()
    expect_state(mangled, "paid")
    twice = open_page(new_session())
    twice.get_by_role("button", name="Pay twice").click()
    expect(twice.get_by_text("already paid")).to_be_visible()


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_the_first_load_is_light(new_session, open_page, locale, browser, live_server):
    """All that a cold browser fetches, as it travels, stays within 60 KB."""
    session_id = new_session(**SHOP)
    show_code(session_id)
    page = open_page(None)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    frames: list[str] = []

    def note_frame(frame: str) -> None:
        frames.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", note_frame))
    page.goto(f"/pay/{session_id}?lang={locale}", wait_until="networkidle")
    expect_state(page, "waiting")
    total = sum(sizes) + sum(len(frame) for frame in frames)
    print(f"{locale}: {total:.0f} bytes in {len(sizes)} requests")
    assert total <= 60_000


def test_a_stopped_server_is_survived(own_server, browser):
    """The page says that it keeps trying, and is right again when the server is back."""
    server = own_server("web")
    from tests.factories.checkouts import make_checkout

    with server.app.app_context():
        session_id = make_checkout()
        show_code(session_id)
    page = browser.new_page()
    page.goto(f"{server.url}/pay/{session_id}?lang=en")
    expect_state(page, "waiting")
    server.stop("web")
    expect(page.locator("#trouble")).to_be_visible(timeout=20_000)
    server.start("web")
    with server.app.app_context():
        attempt = one("SELECT id FROM attempt WHERE session_id = %(id)s", id=session_id)
        simulate_payment(attempt.id)
    expect_state(page, "paid", seconds=15)
    expect(page.locator("#trouble")).to_be_hidden()
    page.close()
