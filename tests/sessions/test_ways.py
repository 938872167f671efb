"""Which ways to pay are offered, and in which order."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import one, run, unit_of_work
from checkout.sessions.page import load_page
from checkout.sessions.panel import draw_push
from checkout.sessions.viewer import Viewer
from tests.factories.checkouts import make_checkout
from tests.factories.stores import make_shop, make_vietqr
from tests.factories.ways import (
    PROVIDER,
    Bridge,
    Purse,
    Toll,
    add_ways,
    fill_wallet,
    make_slow,
    offer,
)

PHONE = Viewer(phone=True)


@pytest.fixture
def shop(app, monkeypatch):
    add_ways(monkeypatch, Toll(), Bridge(), Purse())
    shop = make_shop()
    make_vietqr(shop)
    offer(shop, "toll", "bridge")
    return shop


def names_of(session_id: str, viewer: Viewer = Viewer()) -> list[str]:  # noqa: B008 - frozen
    return [way.name for way in load_page(session_id, viewer).rails]


@pytest.mark.parametrize(
    ("viewer", "order"),
    [
        (Viewer(), ["vietqr", "toll", "bridge"]),
        (PHONE, ["vietqr", "bridge", "toll"]),
        (Viewer(way="toll"), ["toll", "vietqr", "bridge"]),
        (Viewer(phone=True, way="bridge"), ["bridge", "vietqr", "toll"]),
        (Viewer(way="gold"), ["vietqr", "toll", "bridge"]),
    ],
)
def test_the_last_way_then_apps_on_phones_then_the_stores_order(shop, viewer, order):
    assert names_of(make_checkout(shop), viewer) == order


def test_the_merchants_own_order_stays(shop):
    session_id = make_checkout(shop, rails=["toll", "vietqr"])
    assert names_of(session_id) == ["toll", "vietqr"]


def test_who_does_not_answer_is_last_and_can_be_chosen(shop):
    make_slow(shop, "bridge")
    session_id = make_checkout(shop)
    for viewer in (PHONE, Viewer(way="bridge")):
        page = load_page(session_id, viewer)
        assert page.rails[-1].name == "bridge"
        assert [way.name for way in page.slow_rails] == ["bridge"]


@pytest.mark.parametrize("health", [{"failures": 4}, {"rested_minutes": 11}])
def test_a_few_failures_and_old_ones_do_not_count(shop, health):
    make_slow(shop, "toll", **health)
    assert load_page(make_checkout(shop)).slow_rails == []


def test_slowness_changes_what_is_seen(shop):
    session_id = make_checkout(shop)
    before = load_page(session_id).version
    make_slow(shop, "toll")
    assert load_page(session_id).version != before


def proven(shop, balance: int | None, **fields):
    """A session whose customer the merchant's key has named."""
    customer = {"email": "mai@example.com"}
    session_id = make_checkout(shop, rails=["vietqr"], customer=customer, **fields)
    with unit_of_work():
        row = one(
            "UPDATE checkout_session SET customer_proven = true, rails = rails || '{wallet}'"
            " WHERE id = %(id)s RETURNING customer_id",
            id=session_id,
        )
    if balance is not None:
        fill_wallet(row.customer_id, balance)
    return session_id


def test_a_wallet_that_covers_it_comes_first(shop):
    offer(shop, "wallet")
    wallet, *_ = load_page(proven(shop, 1_200_000)).rails
    assert (wallet.name, wallet.balance, wallet.enough) == ("wallet", 1_200_000, True)


@pytest.mark.parametrize("balance", [499_999, 0, None])
def test_a_wallet_that_does_not_is_shown_last(shop, balance):
    offer(shop, "wallet")
    page = load_page(proven(shop, balance), Viewer(way="wallet"))
    assert (page.rails[-1].balance, page.rails[-1].enough) == (balance or 0, False)


def test_a_wallet_of_another_currency_does_not_count(shop):
    offer(shop, "wallet")
    session_id = proven(shop, None)
    row = one("SELECT customer_id FROM checkout_session WHERE id = %(id)s", id=session_id)
    fill_wallet(row.customer_id, 9_000_000, "USD")
    assert load_page(session_id).rails[-1].balance == 0


def test_nobody_sees_a_wallet_who_is_not_proven(shop):
    offer(shop, "wallet")
    session_id = proven(shop, 1_200_000)
    with unit_of_work():
        run("UPDATE checkout_session SET customer_proven = false")
    assert names_of(session_id) == ["vietqr"]


def test_what_pays_or_leads_away_does_not_start_by_itself(shop):
    assert load_page(make_checkout(shop, rails=["bridge"])).starts_itself
    assert not load_page(make_checkout(shop, rails=["toll"])).starts_itself


def test_a_push_is_drawn_for_each_viewer(shop):
    session_id = make_checkout(shop)
    for viewer, first in ((Viewer(way="toll"), "toll"), (Viewer(way="bridge"), "bridge")):
        drawing = draw_push(session_id, viewer.variant("km"))
        assert re.findall(r'name="rail" value="(\w+)"', drawing.html)[0] == first
        assert "lang=km" in drawing.html


def test_where_forms_may_lead(shop, client):
    def policy(session_id):
        return client.get(f"/pay/{session_id}").headers["Content-Security-Policy"]

    assert f"form-action 'self' {PROVIDER};" in policy(make_checkout(shop))
    assert "form-action 'self';" in policy(make_checkout(shop, rails=["vietqr"]))
