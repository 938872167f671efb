"""What the shopper starts from the page: attempts, test payments, and coming back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from checkout.core import ids
from checkout.core.db import one, run
from checkout.payments import pay_views
from tests.factories.checkouts import make_checkout, show_code
from tests.factories.stores import make_shop, make_vietqr

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


def test_the_return_address_of_a_bank_app_is_the_page(client, shop):
    session_id = make_checkout(shop)
    post(client, session_id, "attempts", rail="vietqr")
    attempt = one("SELECT * FROM attempt")
    assert attempt.return_url == f"http://127.0.0.1:8000/pay/{session_id}"


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


def test_coming_back_leads_to_the_page(client, shop):
    session_id = make_checkout(shop)
    attempt = show_code(session_id)
    answer = client.get(f"/return/vietqr/{attempt.id}?status=1&paid=yes")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/pay/{session_id}")
    assert one("SELECT status FROM checkout_session").status == "processing"


def test_coming_back_from_nowhere(client, shop):
    attempt = show_code(make_checkout(shop))
    strange = (f"zalopay/{attempt.id}", f"%00/{attempt.id}", "vietqr/x", "vietqr/%00", "x/att_1")
    for path in (*strange, f"vietqr/{ids.new_id('att')}"):
        assert client.get(f"/return/{path}").status_code == 404
