"""What the shopper starts from the page: attempts, test payments, and coming back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from checkout.core import ids
from checkout.core.db import one, run, unit_of_work
from checkout.merchants.stores import advance_clock
from checkout.payments import pay_views
from checkout.payments.renew import renew_prompt
from checkout.payments.start import start_attempt
from checkout.rails.base import RailError
from tests.factories.checkouts import make_checkout, show_code
from tests.factories.stores import make_shop, make_vietqr
from tests.factories.ways import PROVIDER, Bridge, Toll, add_ways, make_slow, offer

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shop(app):
    shop = make_shop()
    make_vietqr(shop)
    return shop


@pytest.fixture
def played(monkeypatch) -> list[str]:
    kinds: list[str] = []
    monkeypatch.setattr(pay_views, "play_bank", lambda page, kind: kinds.append(kind))
    return kinds


def post(client: Any, session_id: str, what: str, **form: str) -> Any:
    return client.post(f"/pay/{session_id}/{what}?lang=en", data=form, headers=HTMX)


@pytest.fixture
def ways(shop, monkeypatch):
    """The shop also takes a toll, at its provider's page."""
    add_ways(monkeypatch, Toll(), Bridge())
    offer(shop, "toll", "bridge")


def test_who_started_on_the_page_comes_back_to_it(client, shop):
    session_id = make_checkout(shop)
    post(client, session_id, "attempts", rail="vietqr")
    assert one("SELECT return_url FROM attempt").return_url is None


@pytest.mark.usefixtures("ways")
def test_choosing_leads_to_the_providers_page(client, shop):
    session_id = make_checkout(shop)
    plain = client.post(f"/pay/{session_id}/attempts", data={"rail": "toll"})
    attempt = one("SELECT * FROM attempt")
    url = f"{PROVIDER}/pay?order={attempt.code.replace('-', '')}&ip=127.0.0.1"
    assert (plain.status_code, plain.headers["Location"]) == (303, url)
    assert attempt.status == "requires_action"
    # Again, and with script: the same page of the same order.
    assert post(client, session_id, "attempts", rail="toll").headers["HX-Redirect"] == url
    assert len(run("SELECT 1 FROM attempt")) == 1
    # Back by the browser's own button: the page has a link to it.
    page = client.get(f"/pay/{session_id}?lang=en")
    assert 'data-state="at_provider"' in page.text
    assert f'href="{url.replace("&", "&amp;")}"' in page.text


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    ("address", "linked"),
    [("https://elsewhere.example/pay", True), ("javascript:alert(1)", False)],
)
def test_nobody_is_led_to_a_place_the_policy_does_not_name(
    client, shop, monkeypatch, address, linked
):
    monkeypatch.setattr(Toll, "page", address)
    session_id = make_checkout(shop)
    answer = post(client, session_id, "attempts", rail="toll")
    assert "HX-Redirect" not in answer.headers
    assert 'data-state="at_provider"' in answer.text
    assert (f'href="{address}' in answer.text) is linked


@pytest.mark.usefixtures("ways")
def test_a_fresh_attempt_supersedes_the_older(client, shop):
    session_id = make_checkout(shop)
    post(client, session_id, "attempts", rail="toll")
    post(client, session_id, "attempts", rail="toll", fresh="1")
    rows = run("SELECT status FROM attempt ORDER BY number")
    assert [row.status for row in rows] == ["superseded", "requires_action"]


@pytest.mark.usefixtures("ways")
def test_the_device_remembers_its_last_way(client, shop):
    session_id = make_checkout(shop)
    page = client.get(f"/pay/{session_id}")
    assert re.findall(r'name="rail" value="(\w+)"', page.text) == ["vietqr", "toll", "bridge"]
    answer = post(client, session_id, "attempts", rail="bridge")
    cookie = next(each for each in answer.headers.getlist("Set-Cookie") if "way=" in each)
    for part in ("way=bridge", "HttpOnly", "SameSite=Lax", "Path=/pay"):
        assert part in cookie
    next_page = client.get(f"/pay/{make_checkout(shop)}")
    found = re.findall(r'name="rail" value="(\w+)"', next_page.text)
    assert found == ["bridge", "vietqr", "toll"]


@pytest.mark.usefixtures("ways")
def test_a_way_that_failed_is_not_remembered(client, shop):
    answer = post(client, make_checkout(shop), "attempts", rail="gold")
    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("ways")
def test_a_slow_way_is_said_to_be_slow(client, shop):
    make_slow(shop, "toll")
    page = client.get(f"/pay/{make_checkout(shop)}?lang=en")
    assert "Toll is slow to answer right now" in page.text
    assert re.findall(r'name="rail" value="(\w+)"', page.text)[-1] == "toll"


@pytest.mark.usefixtures("ways")
def test_a_prompt_that_has_run_out_is_renewed_at_a_tap(client, shop):
    session_id = make_checkout(shop, duration_minutes=60, rails=["bridge"])
    post(client, session_id, "attempts", rail="bridge")
    before = client.get(f"/pay/{session_id}?lang=en")
    assert "New code in" in before.text
    with unit_of_work():
        run(
            "UPDATE attempt SET prompt = prompt || jsonb_build_object("
            "'expires_at', now() - interval '1 second', 'qr_payload', 'old')"
        )
    page = client.get(f"/pay/{session_id}?lang=en")
    assert 'data-state="lapsed"' in page.text
    assert "costs none of your tries" in page.text
    answer = post(client, session_id, "attempts", rail="bridge")
    assert 'data-state="waiting"' in answer.text
    row = one("SELECT number, prompt FROM attempt")
    assert row.number == 1
    assert row.prompt["qr_payload"].startswith("bridge:")


@pytest.mark.usefixtures("ways")
def test_another_code_is_another_version(client, shop):
    session_id = make_checkout(shop, duration_minutes=60, rails=["bridge"])
    attempt = show_code(session_id, "bridge")
    before = client.get(f"/pay/{session_id}").text
    with unit_of_work():
        advance_clock(shop.store.id, 590)
    assert renew_prompt(attempt.id)
    after = client.get(f"/pay/{session_id}").text

    def marks(text: str) -> list[str]:
        return re.findall(r'data-code="(\w+)"|seen=([\w.]+)', text)

    assert not set(marks(before)) & set(marks(after))
    # The countdown is the new code's own.
    assert re.search(r'data-total="3(09|10)"', after)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("code", ["provider_unavailable", "provider_timeout"])
def test_a_provider_that_cannot_be_reached_is_said_once(client, shop, monkeypatch, code):
    def refuse(*_: Any) -> None:
        raise RailError(code, "No answer", temporary=True)

    monkeypatch.setattr(Toll, "calls_out", True)
    monkeypatch.setattr(Toll, "open", refuse)
    session_id = make_checkout(shop)
    answer = post(client, session_id, "attempts", rail="toll")
    # Proxies put a page of their own in the place of a 502.
    assert answer.status_code == 409
    assert 'data-state="failed"' in answer.text
    assert 'role="alert"' not in answer.text
    assert "The payment provider" in answer.text
    assert "You have 3 attempts left" in answer.text
    assert "Set-Cookie" not in answer.headers
    plain = client.post(f"/pay/{session_id}/attempts?lang=en", data={"rail": "toll"})
    assert (plain.status_code, plain.mimetype) == (409, "text/html")


@pytest.mark.usefixtures("ways")
def test_checking_again_asks_the_provider_soon(client, shop):
    session_id = make_checkout(shop)
    post(client, session_id, "attempts", rail="toll")
    attempt = one("SELECT * FROM attempt")
    far_away(attempt)
    answer = post(client, session_id, "checks")
    assert "Checking with Toll" in answer.text
    assert asked_now()
    plain = client.post(f"/pay/{session_id}/checks")
    assert plain.status_code == 303
    assert plain.headers["Location"] == f"/pay/{session_id}?back=unknown&attempt={attempt.id}"


def test_checking_before_there_is_anything_to_check(client, shop):
    assert post(client, make_checkout(shop), "checks").status_code == 200


def far_away(attempt: Any) -> None:
    """The provider knows the attempt by a reference and is asked in an hour."""
    with unit_of_work():
        run(
            "INSERT INTO attempt_reference (store_id, livemode, attempt_id, rail, rail_account_id,"
            " reference, created_at, expires_at, next_ask_at, ask_until)"
            " VALUES (%(store)s, false, %(id)s, %(rail)s, %(account)s, 'order-1', now(), now(),"
            " now() + interval '1 hour', now() + interval '1 day')",
            store=attempt.store_id,
            id=attempt.id,
            rail=attempt.rail,
            account=attempt.rail_account_id,
        )


def asked_now() -> bool:
    row = one("SELECT next_ask_at <= clock_timestamp() AS due FROM attempt_reference")
    return bool(row.due)


def test_without_a_rail_the_only_one_is_meant(client, shop):
    session_id = make_checkout(shop)
    assert post(client, session_id, "attempts").status_code == 200
    assert one("SELECT rail FROM attempt").rail == "vietqr"


def test_an_ended_session_takes_no_attempt(client, shop):
    session_id = make_checkout(shop)
    client.post(f"/pay/{session_id}/abandonment")
    answer = post(client, session_id, "attempts", rail="vietqr")
    assert answer.status_code == 409
    assert "This payment session has ended" in answer.text
    assert not run("SELECT 1 FROM attempt")


def test_the_page_offers_what_the_bank_can_play(client, shop, played):
    session_id = make_checkout(shop)
    show_code(session_id)
    page = client.get(f"/pay/{session_id}")
    kinds = re.findall(r'name="kind" value="(\w+)"', page.text)
    assert kinds == ["exact", "short", "over", "twice", "late", "mangled"]
    for kind in kinds:
        assert post(client, session_id, "test-payments", kind=kind).status_code == 200
    assert played == kinds


@pytest.mark.parametrize("kind", ["", "rest", "robbery", "\x00"])
def test_the_bank_plays_nothing_else(client, shop, played, kind):
    session_id = make_checkout(shop)
    show_code(session_id)
    assert post(client, session_id, "test-payments", kind=kind).status_code == 422
    assert played == []


def test_nothing_is_played_before_there_is_a_code(client, shop, played):
    session_id = make_checkout(shop)
    assert post(client, session_id, "test-payments", kind="exact").status_code == 422
    assert played == []


def test_live_money_is_not_played_with(client, app):
    shop = make_shop(livemode=True)
    make_vietqr(shop)
    session_id = make_checkout(shop)
    show_code(session_id)
    page = client.get(f"/pay/{session_id}")
    assert "test-payments" not in page.text
    answer = post(client, session_id, "test-payments", kind="exact")
    assert answer.status_code == 403
    assert not run("SELECT 1 FROM fake_delivery")


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    ("status", "back", "words"),
    [
        ("1", "done", "Checking with Toll"),
        ("0", "cancelled", "You came back without paying"),
        ("x%00", "unknown", "Checking with Toll"),
    ],
)
def test_coming_back_is_shown_and_never_believed(client, shop, status, back, words):
    session_id = make_checkout(shop)
    attempt = show_code(session_id, "toll")
    far_away(attempt)
    answer = client.get(f"/return/toll/{attempt.id}?status={status}&paid=yes")
    home = f"/pay/{session_id}?back={back}&attempt={attempt.id}"
    assert (answer.status_code, answer.headers["Location"]) == (303, home)
    # The provider is asked earlier; nothing has moved.
    assert asked_now()
    assert one("SELECT status FROM checkout_session").status == "awaiting_action"
    page = client.get(f"{home}&lang=en")
    assert words in page.text
    # Without script the page refreshes itself and still says so.
    assert f"url={home.replace('&', '&amp;')}" in page.text
    assert f"back={back}&amp;attempt={attempt.id}&amp;seen=" in page.text
    # What is said of one attempt is not said of another.
    post(client, session_id, "attempts", rail="toll", fresh="1")
    assert words not in client.get(f"{home}&lang=en").text


@pytest.mark.usefixtures("ways")
def test_who_was_sent_by_the_merchants_own_page_goes_back_to_it(client, shop):
    session_id = make_checkout(shop)
    own = "https://shop.example/cảm-ơn?s=1"
    attempt = start_attempt(session_id, "toll", actor="test", return_url=own)
    answer = client.get(f"/return/toll/{attempt.id}?status=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "https://shop.example/c%E1%BA%A3m-%C6%A1n?s=1"


@pytest.mark.usefixtures("ways")
def test_coming_back_very_often_is_no_way_to_ask_very_often(client, shop):
    session_id = make_checkout(shop)
    attempt = show_code(session_id, "toll")
    for _ in range(25):
        assert client.get(f"/return/toll/{attempt.id}").status_code == 303
    far_away(attempt)
    client.get(f"/return/toll/{attempt.id}")
    assert not asked_now()


def test_coming_back_from_nowhere(client, shop):
    attempt = show_code(make_checkout(shop))
    strange = (f"zalopay/{attempt.id}", f"%00/{attempt.id}", "vietqr/x", "vietqr/%00", "x/att_1")
    for path in (*strange, f"vietqr/{ids.new_id('att')}"):
        assert client.get(f"/return/{path}").status_code == 404
