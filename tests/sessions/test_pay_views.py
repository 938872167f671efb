"""The shopper's page over HTTP: what it shows in each state and what its forms do."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from checkout.core import ids
from checkout.core.db import one, run, unit_of_work
from checkout.core.presence import on_screen
from checkout.sessions.end import abandon_session
from checkout.sessions.expire import expire_in_store
from tests.factories.checkouts import make_checkout, pass_time, show_code, transfer
from tests.factories.stores import Shop, make_shop, make_vietqr

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shop(app):
    shop = make_shop()
    make_vietqr(shop)
    return shop


def state_of(answer: Any) -> str:
    found = re.search(r'data-state="(\w+)"', answer.text)
    assert found, answer.text[:2000]
    return found[1]


def get(client: FlaskClient, session_id: str, rest: str = "", **options: Any) -> Any:
    return client.get(f"/pay/{session_id}{rest}", **options)


def test_a_stranger_sees_nothing(client, shop):
    for path in ("", "/panel", "/qr.svg", "/qr.png", "/receipt"):
        assert get(client, ids.new_id("cs"), path).status_code == 404
        assert get(client, "cs_nonsense", path).status_code == 404
    for path in ("/attempts", "/checks", "/abandonment", "/test-payments"):
        assert client.post(f"/pay/{ids.new_id('cs')}{path}").status_code == 404


def test_a_page_nobody_has_answers_in_the_visitors_language(client):
    answer = client.get("/pay/cs_nonsense", headers={"Accept-Language": "km"})
    assert 'lang="km"' in answer.text
    assert "គ្មានទំព័រនេះទេ" in answer.text


def test_who_looks_is_known_for_a_while(client, shop):
    shown, polled, other = (make_checkout(shop) for _ in range(3))
    get(client, shown)
    get(client, polled, "/panel")
    get(client, "cs_nonsense")
    assert on_screen([shown, polled, other, "cs_nonsense"]) == {shown, polled}


def test_looking_creates_nothing(client, shop):
    session_id = make_checkout(shop)
    first = get(client, session_id)
    get(client, session_id)
    client.head(f"/pay/{session_id}")
    assert first.status_code == 200
    assert state_of(first) == "choose"
    assert not run("SELECT 1 FROM attempt")
    # With one way to pay the page asks for it by itself, and has a button without script.
    assert 'hx-trigger="load, submit"' in first.text


def test_the_form_shows_the_code(client, shop):
    session_id = make_checkout(shop, reference="BK-2031", description="Phòng đôi")
    answer = client.post(f"/pay/{session_id}/attempts?lang=vi", data={"rail": "vietqr"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/pay/{session_id}"
    page = get(client, session_id)
    attempt = one("SELECT * FROM attempt")
    assert state_of(page) == "waiting"
    assert attempt.code.replace("-", "") in page.text
    assert "500.000\N{NO-BREAK SPACE}₫" in page.text
    assert "BK-2031" in page.text
    assert "<svg" in page.text


def test_htmx_gets_the_panel(client, shop):
    session_id = make_checkout(shop)
    answer = client.post(f"/pay/{session_id}/attempts", data={"rail": "vietqr"}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<main id="panel"')


def test_asking_again_shows_the_same_code(client, shop):
    session_id = make_checkout(shop)
    for _ in range(3):
        client.post(f"/pay/{session_id}/attempts", data={"rail": "vietqr"})
    assert len(run("SELECT 1 FROM attempt")) == 1


def test_an_unknown_rail_is_said_in_the_page(client, shop):
    session_id = make_checkout(shop)
    answer = client.post(
        f"/pay/{session_id}/attempts?lang=en", data={"rail": "\x00nothing"}, headers=HTMX
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    plain = client.post(f"/pay/{session_id}/attempts?lang=en", data={"rail": "gold"})
    assert plain.status_code == 422
    assert "<!doctype html>" in plain.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"},
    ],
)
def test_forms_of_other_sites_are_refused(client, shop, headers):
    session_id = make_checkout(shop)
    for path in ("attempts", "checks", "abandonment", "test-payments"):
        answer = client.post(f"/pay/{session_id}/{path}", data={"rail": "vietqr"}, headers=headers)
        assert answer.status_code == 403
    assert one("SELECT status FROM checkout_session").status == "open"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://localhost"},
    ],
)
def test_own_forms_are_taken(client, shop, headers):
    session_id = make_checkout(shop)
    answer = client.post(f"/pay/{session_id}/attempts", data={"rail": "vietqr"}, headers=headers)
    assert answer.status_code == 303


def test_an_exact_transfer_turns_the_page(client, shop):
    session_id = make_checkout(shop, success_url="https://shop.example/ok?s={SESSION_ID}")
    attempt = show_code(session_id)
    transfer(client, attempt, 500_000, referenceCode="FT26324500188")
    page = get(client, session_id)
    assert state_of(page) == "paid"
    assert "FT26324500188" in page.text
    assert f"https://shop.example/ok?s={session_id}" in page.text
    # It looks out for what the shop does for the money, and then asks for nothing more.
    assert 'data-poll="4 8 15 30 60"' in page.text
    fulfil(client, shop, session_id, status="confirmed")
    done = get(client, session_id)
    assert "data-poll" not in done.text
    assert "refresh" not in done.text


def test_a_part_leaves_the_rest_to_pay(client, shop):
    session_id = make_checkout(shop)
    transfer(client, show_code(session_id), 400_000)
    page = get(client, session_id, "?lang=en")
    assert state_of(page) == "partly_paid"
    assert "100,000\N{NO-BREAK SPACE}₫ still to pay" in page.text
    assert '<progress class="bar" value="400000" max="500000"' in page.text
    transfer(client, one("SELECT * FROM attempt"), 100_000)
    assert state_of(get(client, session_id)) == "paid"


def test_a_surplus_is_told(client, shop):
    session_id = make_checkout(shop, success_url="https://shop.example/")
    transfer(client, show_code(session_id), 550_000)
    page = get(client, session_id, "?lang=en")
    assert "You sent 50,000\N{NO-BREAK SPACE}₫ more" in page.text
    # Nobody is sent away from a page that they should read.
    assert "data-seconds" not in page.text


def test_a_second_transfer_is_told(client, shop):
    session_id = make_checkout(shop)
    attempt = show_code(session_id)
    transfer(client, attempt, 500_000)
    transfer(client, attempt, 500_000)
    page = get(client, session_id, "?lang=en")
    assert state_of(page) == "paid"
    assert "already paid" in page.text


def test_a_code_that_has_run_out_can_be_renewed(client, shop):
    session_id = make_checkout(shop, duration_minutes=60)
    show_code(session_id)
    pass_time(session_id, minutes=16)
    page = get(client, session_id, "?lang=en")
    assert state_of(page) == "lapsed"
    assert "2 attempts left" in page.text
    client.post(f"/pay/{session_id}/attempts", data={"rail": "vietqr"})
    assert state_of(get(client, session_id)) == "waiting"
    assert len(run("SELECT DISTINCT code FROM attempt")) == 2


def test_after_the_last_attempt_nothing_is_offered(client, shop):
    session_id = make_checkout(shop, duration_minutes=60, max_attempts=1)
    show_code(session_id)
    pass_time(session_id, minutes=16)
    page = get(client, session_id, "?lang=en")
    assert state_of(page) == "lapsed"
    assert "The one attempt has been used" in page.text
    answer = client.post(
        f"/pay/{session_id}/attempts?lang=en", data={"rail": "vietqr"}, headers=HTMX
    )
    assert answer.status_code == 409
    assert "All attempts have been used" in answer.text


def test_the_deadline_holds_before_the_sweep(client, shop):
    session_id = make_checkout(shop, cancel_url="https://shop.example/cart")
    show_code(session_id)
    pass_time(session_id, minutes=15)
    page = get(client, session_id)
    assert state_of(page) == "expired"
    assert "https://shop.example/cart" in page.text
    assert "/attempts" not in page.text
    # Late money may still turn it green, for the store's grace.
    assert 'data-poll="8"' in page.text
    pass_time(session_id, minutes=20)
    assert "data-poll" not in get(client, session_id).text


def test_late_money_turns_the_page_all_the_same(client, shop):
    session_id = make_checkout(shop)
    attempt = show_code(session_id)
    pass_time(session_id, minutes=16)
    expire_in_store(shop.store.id)
    transfer(client, attempt, 500_000)
    page = get(client, session_id, "?lang=en")
    assert state_of(page) == "paid"
    assert "after the deadline" in page.text


def test_leaving_goes_back_to_the_shop(client, shop):
    session_id = make_checkout(shop, cancel_url="https://shop.example/cart?s={SESSION_ID}")
    page = get(client, session_id)
    assert "form-action 'self' https://shop.example;" in page.headers["Content-Security-Policy"]
    answer = client.post(f"/pay/{session_id}/abandonment")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"https://shop.example/cart?s={session_id}"
    assert state_of(get(client, session_id)) == "ended"
    again = client.post(f"/pay/{session_id}/abandonment", headers=HTMX)
    assert again.headers["HX-Redirect"] == f"https://shop.example/cart?s={session_id}"


def test_leaving_leads_to_an_address_in_any_letters(client, shop):
    session_id = make_checkout(shop, cancel_url="https://shop.example/giỏ-hàng?tên=bánh+mì")
    show_code(session_id)
    answer = client.post(f"/pay/{session_id}/abandonment", headers=HTMX)
    assert answer.headers["HX-Redirect"] == client.post(f"/pay/{session_id}/abandonment").location
    assert answer.headers["HX-Redirect"].isascii()


def test_a_paid_session_cannot_be_left(client, shop):
    session_id = make_checkout(shop)
    transfer(client, show_code(session_id), 500_000)
    answer = client.post(f"/pay/{session_id}/abandonment", headers=HTMX)
    assert answer.status_code == 409
    assert state_of(answer) == "paid"


def test_what_is_known_is_not_sent_again(client, shop):
    session_id = make_checkout(shop)
    show_code(session_id)
    page = get(client, session_id)
    seen = re.search(r"seen=([\w.]+)", page.text)[1]
    assert get(client, session_id, f"/panel?seen={seen}").status_code == 204
    with unit_of_work():
        abandon_session(session_id)
    assert state_of(get(client, session_id, f"/panel?seen={seen}")) == "ended"


def test_the_shopper_chooses_the_language(client, shop):
    session_id = make_checkout(shop, locale="km")
    assert 'lang="km"' in get(client, session_id).text
    chosen = get(client, session_id, "?lang=en")
    assert '<html lang="en">' in chosen.text
    assert "lang=en" in chosen.headers["Set-Cookie"]
    assert "HttpOnly" in chosen.headers["Set-Cookie"]
    # Remembered, also for the next session.
    assert '<html lang="en">' in get(client, make_checkout(shop, locale="vi")).text
    assert '<html lang="en">' in get(client, session_id, "?lang=xx").text


def test_carrying_the_language_is_not_choosing_it(client, shop):
    session_id = make_checkout(shop, locale="km")
    answer = client.post(f"/pay/{session_id}/attempts?lang=km", data={"rail": "vietqr"})
    assert answer.headers["Location"] == f"/pay/{session_id}"
    answer = client.post(f"/pay/{session_id}/attempts?lang=en", data={"rail": "vietqr"})
    assert answer.headers["Location"] == f"/pay/{session_id}?lang=en"
    assert not any(each.startswith("lang=") for each in answer.headers.getlist("Set-Cookie"))


def test_the_pages_policy_lets_nothing_foreign_in(client, shop):
    page = get(client, make_checkout(shop))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert " style=" not in page.text
    assert not re.search(r"<script(?![^>]*src=)", page.text)
    outside = re.findall(r'(?:src|href)="(https?:[^"]*)"', page.text)
    assert outside == []


def test_the_shops_words_are_never_markup(client, shop):
    evil = "<img src=x onerror=alert(1)>\"'&{{7*7}}"
    session_id = make_checkout(
        shop,
        amount=None,
        description=evil,
        reference=evil,
        line_items=[{"name": evil, "quantity": 1, "unit_amount": 500_000}],
    )
    with unit_of_work():
        run("UPDATE store SET name = %(name)s", name=evil)
    show_code(session_id)
    page = get(client, session_id)
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "&lt;img" in page.text


def test_links_of_the_shop_are_web_addresses(client, shop):
    session_id = make_checkout(shop)
    transfer(client, show_code(session_id), 500_000)
    with unit_of_work():
        run("UPDATE checkout_session SET success_url = 'javascript:alert(1)'")
    assert "javascript:" not in get(client, session_id).text


def test_the_shops_own_colour(client):
    shop = make_shop(brand_color="#ff6600")
    make_vietqr(shop)
    page = get(client, make_checkout(shop))
    nonce = re.search(r"'nonce-([\w-]+)'", page.headers["Content-Security-Policy"])[1]
    assert f'<style nonce="{nonce}">@layer tokens{{:root{{--accent:#' in page.text


def test_pages_travel_compressed(client, shop):
    session_id = make_checkout(shop)
    show_code(session_id)
    answer = get(client, session_id, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(answer.data) < 8_000
    assert state_of_bytes(gzip.decompress(answer.data)) == "waiting"


def state_of_bytes(page: bytes) -> str:
    return re.search(rb'data-state="(\w+)"', page)[1].decode()


def test_the_image_to_keep_can_be_read(client, shop, tmp_path):
    session_id = make_checkout(shop)
    attempt = show_code(session_id)
    other = show_code(make_checkout(shop))
    answer = get(client, session_id, f"/qr.png?attempt={attempt.id}")
    assert answer.mimetype == "image/png"
    file = tmp_path / "qr.png"
    file.write_bytes(answer.data)
    image = Image.open(file)
    assert image.width >= 600
    assert zxingcpp.read_barcodes(image.convert("L"))[0].text == attempt.prompt["qr_payload"]
    assert get(client, session_id, f"/qr.png?attempt={other.id}").status_code == 404
    assert get(client, make_checkout(shop), "/qr.png").status_code == 404
    drawn = get(client, session_id, "/qr.svg")
    assert drawn.mimetype == "image/svg+xml"


@pytest.mark.parametrize("attempt", ["%00", "", "x", "att_%00", "att_" + "0" * 28])
def test_an_attempt_that_is_not_there_has_no_image(client, shop, attempt):
    session_id = make_checkout(shop)
    show_code(session_id)
    for image in ("qr.svg", "qr.png"):
        assert get(client, session_id, f"/{image}?attempt={attempt}").status_code == 404


def test_the_receipt(client, shop):
    session_id = make_checkout(shop)
    attempt = show_code(session_id)
    early = get(client, session_id, "/receipt")
    assert (early.status_code, early.headers["Location"]) == (303, f"/pay/{session_id}")
    transfer(client, attempt, 500_000, referenceCode="FT26324500188")
    receipt = get(client, session_id, "/receipt?lang=en")
    assert receipt.status_code == 200
    assert "FT26324500188" in receipt.text
    assert one("SELECT id FROM payment").id in receipt.text


def fulfil(client: FlaskClient, shop: Shop, session_id: str, **what: Any) -> None:
    answer = client.post(
        f"/api/v1/checkout/sessions/{session_id}/fulfilment", json=what, headers=shop.headers
    )
    assert answer.status_code == 200, answer.text


def test_what_the_shop_did_for_the_money_is_shown(client, shop):
    session_id = make_checkout(shop)
    transfer(client, show_code(session_id), 500_000)
    assert "is preparing your order" in get(client, session_id, "?lang=en").text
    fulfil(
        client,
        shop,
        session_id,
        status="confirmed",
        reference="ROOM-7",
        details="The key is at the reception.",
        url="https://shop.example/b/7",
    )
    page = get(client, session_id)
    assert "ROOM-7" in page.text
    assert "The key is at the reception." in page.text
    assert "https://shop.example/b/7" in page.text
    assert "is preparing" not in get(client, session_id, "?lang=en").text


def test_an_order_that_failed_says_whom_to_ask(client):
    shop = make_shop(contact_email="help@shop.example")
    make_vietqr(shop)
    session_id = make_checkout(shop)
    transfer(client, show_code(session_id), 500_000)
    fulfil(client, shop, session_id, status="failed")
    page = get(client, session_id, "?lang=en")
    assert "could not complete the order" in page.text
    assert 'href="mailto:help@shop.example"' in page.text


def test_a_top_up_is_told_as_one(client, shop):
    session_id = make_checkout(shop, mode="topup", customer={"email": "mai@example.com"})
    with unit_of_work():
        # However the money came.
        run("UPDATE checkout_session SET status = 'completed', ended_at = now()")
    page = get(client, session_id, "?lang=en")
    assert "Wallet topped up" in page.text
    assert "data-poll" not in page.text


def test_the_image_says_what_it_is_for(client, shop, monkeypatch):
    lines = []
    monkeypatch.setattr(
        "checkout.sessions.pay_views.qr_png", lambda payload, caption: lines.append(caption) or b""
    )
    session_id = make_checkout(shop)
    show_code(session_id)
    for currency, amount in (("VND", 500_000), ("KHR", 40_000), ("USD", 125_050)):
        with unit_of_work():
            run(
                "UPDATE checkout_session SET currency = %(currency)s, amount = %(amount)s",
                currency=currency,
                amount=amount,
            )
            run("UPDATE attempt SET currency = %(currency)s", currency=currency)
        get(client, session_id, "/qr.png?lang=en")
    assert [caption[0] for caption in lines] == ["500,000 VND", "40,000 KHR", "1,250.50 USD"]


def test_forms_are_limited(client, shop):
    session_id = make_checkout(shop)
    codes = [
        client.post(
            f"/pay/{session_id}/attempts", data={"rail": "vietqr"}, headers=HTMX
        ).status_code
        for _ in range(62)
    ]
    assert 429 in codes
    assert 500 not in codes


def test_a_socket_of_another_site_is_refused(client, shop):
    session_id = make_checkout(shop)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    for origin in ("https://evil.example", "null"):
        answer = get(client, session_id, "/live", headers=upgrade | {"Origin": origin})
        assert answer.status_code == 403
    assert get(client, "cs_nonsense", "/live", headers=upgrade).status_code == 404
    assert get(client, session_id, "/live").status_code in (400, 404)
