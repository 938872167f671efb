"""Payments in the dashboard: found again, told as a story; a provider asked at once."""

from __future__ import annotations

import pytest

from checkout.payments import check_now
from checkout.rails.base import RailError
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.till import make_till, memo_of

EVIL = '"><script>alert(1)</script>'


@pytest.fixture
def till(client):
    return make_till(client)


@pytest.fixture
def desk(till):
    return make_desk("owner", till.shop.store.id)


def pay(till, amount=500_000, **fields):
    attempt = till.make_attempt(amount, **fields)
    till.pay(memo_of(attempt), amount)
    return till.session(attempt["session"])["payment"]


def test_payments_are_filtered_by_their_address(till, desk):
    pay(till, reference="BK-1")
    pay(till, 700_000, reference="BK-2", customer={"email": "lan@homestay.example"})

    for query, found in (
        ("", ["BK-1", "BK-2"]),
        ("?rail=vietqr&currency=VND&status=succeeded&late=false", ["BK-1", "BK-2"]),
        ("?late=true", []),
        ("?rail=stripe", []),
        ("?q=700.000", ["BK-2"]),
        ("?q=BK-1", ["BK-1"]),
        ("?q=LAN@homestay.example", ["BK-2"]),
    ):
        page = desk.get(f"/payments{query}")
        assert [name for name in ("BK-1", "BK-2") if f">{name}</td>" in page] == found, query


def test_an_id_leads_straight_to_its_payment(till, desk):
    payment = pay(till)

    answer = desk.client.get(desk.url("/payments"), query_string={"q": payment["id"]})

    assert answer.location == desk.url(f"/payments/{payment['id']}")


def test_a_payments_page_tells_its_story(till, desk):
    payment = pay(till, reference="BK-7")

    page = desk.get(f"/payments/{payment['id']}")

    assert payment["provider_reference"] in page
    assert "BK-7" in page
    assert "exactly what was due" in page
    assert f'href="{desk.url("/sessions/" + payment["session"])}"' in page


def test_what_was_written_stays_text(till, desk):
    attempt = till.make_attempt(reference=EVIL)
    till.pay(f"{EVIL}{memo_of(attempt)}", 500_000)
    payment = till.session(attempt["session"])["payment"]

    for page in (desk.get("/payments"), desk.get(f"/payments/{payment['id']}")):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    page = desk.client.get(desk.url("/payments"), query_string={"q": EVIL, "rail": EVIL}).text
    assert "<script>alert" not in page


def test_strangers_and_the_other_mode_find_nothing(till):
    payment = pay(till, reference="BK-1")

    for one in (
        make_desk("owner", make_shop().store.id),
        make_desk("owner", till.shop.store.id, mode="live"),
    ):
        one.get(f"/payments/{payment['id']}", 404)
        one.refused(f"/attempts/{payment['attempt']}/check", status=404)
        assert "BK-1" not in one.get("/payments")


def test_the_provider_is_asked_at_once(till, desk, monkeypatch):
    attempt = till.make_attempt()
    asked = []
    monkeypatch.setattr(check_now, "check_attempt", lambda row: asked.append(row.id) or 0)

    page = desk.done(f"/attempts/{attempt['id']}/check")

    assert "knows of nothing new" in page
    assert asked == [attempt["id"]]


def test_a_provider_that_is_silent_is_told_of_on_the_page(till, desk, monkeypatch):
    attempt = till.make_attempt()

    def silent(row):
        raise RailError("provider_timeout", "No answer.", temporary=True)

    monkeypatch.setattr(check_now, "check_attempt", silent)

    page = desk.refused(f"/attempts/{attempt['id']}/check", status=504)

    assert "did not answer in time" in page
    assert attempt["code"] in page


def test_nobody_asks_a_provider_all_the_time(till, desk, monkeypatch):
    attempt = till.make_attempt()
    monkeypatch.setattr(check_now, "check_attempt", lambda row: 1)

    for _ in range(check_now.CHECKS_PER_MINUTE):
        assert "told us of money" in desk.done(f"/attempts/{attempt['id']}/check")
    desk.refused(f"/attempts/{attempt['id']}/check", status=429)
