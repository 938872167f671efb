"""A customer's wallet in the browser: what it holds, how it came, a link to pay for more."""

from __future__ import annotations

import re

import pytest

from tests.factories.books import read_one
from tests.factories.desks import make_desk
from tests.factories.till import Till, make_till, memo_of
from tests.factories.wallets import fill_wallet, make_customer


@pytest.fixture
def till(client):
    return make_till(client)


@pytest.fixture
def desk(till):
    return make_desk("owner", till.shop.store.id)


@pytest.fixture
def customer(till):
    return make_customer(till.shop, "lan@shop.example")


def test_an_empty_wallet(desk, customer):
    page = desk.get(f"/customers/{customer}/wallet")

    assert "The wallet is empty." in page
    assert "There are no moves yet." in page


def test_a_link_to_pay_for_more(till: Till, desk, customer):
    page = desk.done(
        f"/customers/{customer}/wallet/topups",
        {"amount": "500.000", "currency": "VND", "reference": "TOP-1"},
    )
    url = re.search(r'href="([^"]+/pay/cs_[^"]+)"', page)[1]
    session = till.session(url.rpartition("/")[2])

    assert (session["mode"], session["amount"], session["customer"]) == (
        "topup",
        500_000,
        customer,
    )
    assert "500,000\xa0₫ on its way" in page
    till.pay(memo_of(till.start(session["id"])), 500_000)
    after = desk.get(f"/customers/{customer}/wallet")
    assert "500,000\xa0₫" in after
    assert "Top-up" in after
    assert "on its way" not in after


def test_moves_are_filtered_in_the_address(till, desk, customer):
    fill_wallet(till, customer, 300_000)

    assert "Adjustment</td>" in desk.get(f"/customers/{customer}/wallet?type=adjustment")
    assert "There are no moves yet." in desk.get(f"/customers/{customer}/wallet?type=topup")


def test_the_customers_page_shows_it_all(till, desk, customer):
    fill_wallet(till, customer, 300_000)
    attempt = till.make_attempt(500_000, customer_id=customer, reference="BK-2031")
    till.pay(memo_of(attempt), 500_000)

    page = desk.get(f"/customers/{customer}")

    assert "300,000\xa0₫" in page
    assert "BK-2031" in page
    assert f"/sessions/{attempt['session']}" in page
    assert read_one("SELECT id FROM payment").id in page


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"amount": "", "currency": "VND"}, "amount"),
        ({"amount": "lots", "currency": "VND"}, "amount"),
        ({"amount": "12.50", "currency": "VND"}, "amount"),
        ({"amount": "5", "currency": "VND"}, "amount"),
        ({"amount": "999999999999", "currency": "VND"}, "amount"),
        ({"amount": "500000", "currency": "XYZ"}, "currency"),
        ({"amount": "0", "currency": "VND"}, "amount"),
    ],
)
def test_what_is_wrong_stands_at_its_field(desk, customer, form, field):
    page = desk.refused(f"/customers/{customer}/wallet/topups", form)

    assert f'id="e-{field}"' in page
    assert f'value="{form["amount"]}"' in page


def test_a_currency_that_no_way_takes(desk, customer):
    page = desk.refused(
        f"/customers/{customer}/wallet/topups", {"amount": "12.50", "currency": "USD"}
    )
    assert "No way to pay takes this amount." in page


def test_anothers_top_up_is_not_shown(till, desk, customer):
    other = make_customer(till.shop)
    path = desk.post(
        f"/customers/{other}/wallet/topups", {"amount": "500000", "currency": "VND"}
    ).location
    session_id = path.rpartition("=")[2]

    link = f"/pay/{session_id}"
    assert link in desk.get(f"/customers/{other}/wallet?topup={session_id}")
    assert link not in desk.get(f"/customers/{customer}/wallet?topup={session_id}")
    assert desk.get(f"/customers/{customer}/wallet?topup=%00")


def test_a_viewer_looks_only(till, customer):
    viewer = make_desk("viewer", till.shop.store.id)

    assert "Make a link" not in viewer.get(f"/customers/{customer}/wallet")
    answer = viewer.post(
        f"/customers/{customer}/wallet/topups", {"amount": "500000", "currency": "VND"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_language(till, customer, locale):
    desk = make_desk("owner", till.shop.store.id, locale=locale)
    fill_wallet(till, customer, 300_000)

    for path in (f"/customers/{customer}", f"/customers/{customer}/wallet"):
        assert f'<html lang="{locale}">' in desk.get(path)
