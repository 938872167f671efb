"""The first page: money by day, what waits for a person, the first steps of a new store."""

from __future__ import annotations

import re

import pytest

from checkout.core import db
from checkout.core.db import run, unit_of_work
from checkout.dashboard.overview import HEIGHT, draw_charts
from checkout.merchants.stats import read_days, sum_days
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop, make_vietqr
from tests.factories.till import make_till, memo_of
from tests.factories.webhooks import make_endpoint, make_events

STATEMENTS = 18
"""Of one look at the overview, those that let the merchant in and load the store among them."""


@pytest.fixture
def till(client):
    return make_till(client)


@pytest.fixture
def desk(till):
    return make_desk("owner", till.shop.store.id)


def pay(till, amount=500_000, **fields):
    till.pay(memo_of(till.make_attempt(amount, **fields)), amount)


def test_money_stands_by_day_and_currency(till, desk):
    pay(till, 500_000, reference="BK-1")
    till.advance(3 * 86_400)
    pay(till, 300_000)
    till.make_session()

    page = desk.get()

    cells = re.findall(r'<p class="sum num">(.*?)</p>', page)
    sums = [" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in cells]
    assert sums == [
        "300,000 ₫ 1 payment",
        "800,000 ₫ 2 payments",
        "800,000 ₫ 2 payments",
    ]
    assert "1 of 2 sessions paid (50 %)" in page
    assert "2 of 3 sessions paid (67 %)" in page
    assert page.count("<rect") == 2
    assert "<title" in page
    assert "<desc" in page
    assert "BK-1" in page


def test_bars_are_as_high_as_their_sums(till):
    pay(till, 1_000_000)
    till.advance(86_400)
    pay(till, 250_000)
    till.advance(86_400)
    pay(till, 10_000)

    (chart,) = draw_charts(read_days(till.shop.scope))

    assert [bar.height for bar in chart.bars[-3:]] == [HEIGHT, HEIGHT / 4, 2.0]
    assert {bar.height for bar in chart.bars[:-3]} == {0.0}
    assert (chart.best.amount, chart.bars[-1].part, chart.bars[0].part) == (
        1_000_000,
        "today",
        "month",
    )


def test_the_days_add_up_to_what_the_api_tells(till):
    pay(till)
    days = read_days(till.shop.scope)

    assert len(days) == 30
    assert sum_days(days)["payments"] == [
        {"currency": "VND", "amount": 500_000, "fee": 0, "count": 1}
    ]
    assert sum_days(days[:-1])["payments"] == []


def test_what_waits_leads_to_where_it_is_settled(till, desk):
    assert "Nothing. Everything has found its place." in desk.get()
    till.pay("RENT FOR MAY", 700_000)
    row, _ = make_endpoint(till.shop, "http://127.0.0.1:1/hook")
    (event,) = make_events(till.shop)
    with unit_of_work():
        run("UPDATE endpoint SET enabled = false, disabled_reason = 'gone'")
        run(
            "INSERT INTO delivery (id, store_id, livemode, event_id, endpoint_id, status)"
            " VALUES ('whd_x', %(store)s, false, %(event)s, %(endpoint)s, 'exhausted')",
            store=till.shop.store.id,
            event=event,
            endpoint=row.id,
        )
        run(
            "INSERT INTO rail_health (rail_account_id, resting_until)"
            " VALUES (%(id)s, now() + interval '1 hour') ON CONFLICT (rail_account_id)"
            " DO UPDATE SET resting_until = excluded.resting_until",
            id=till.account,
        )
        run(
            "UPDATE rail_health SET notes = jsonb_build_object('renewal_failed_at',"
            " extract(epoch FROM now())) WHERE rail_account_id = %(id)s",
            id=till.account,
        )

    page = desk.get()

    for words, path in (
        ("1 transfer needs a decision", "/transfers"),
        ("1 webhook was given up", "/webhooks/deliveries?status=exhausted"),
        ("1 webhook endpoint was switched off", "/webhooks"),
        ("1 way to pay does not answer", "/rails"),
        ("The token of 1 provider could not be renewed: please enter a new one", "/rails"),
    ):
        assert f'<a href="{desk.url(path)}">{words}</a>' in page


def test_the_first_steps_go_when_they_are_done(client):
    shop = make_shop()
    with unit_of_work():
        run("DELETE FROM api_key")
    desk = make_desk("owner", shop.store.id)
    page = desk.get()
    assert "First steps" in page
    for path in ("/rails", "/keys", "/webhooks", "/lab"):
        assert f'<a href="{desk.url(path)}">' in page[page.index("First steps") :]
    assert "First steps" not in make_desk("viewer", shop.store.id).get()

    till = make_till(client)
    desk = make_desk("admin", till.shop.store.id)
    make_endpoint(till.shop, "http://127.0.0.1:1/hook")
    page = desk.get()
    assert "First steps" in page
    assert page.count('<li class="done">') == 3
    pay(till)
    assert "First steps" not in desk.get()


def test_live_has_its_own_steps_and_money(till):
    pay(till, reference="BK-1")
    desk = make_desk("owner", till.shop.store.id, mode="live")

    page = desk.get()

    assert "BK-1" not in page
    assert "First steps" in page
    assert f'href="/dashboard/{till.shop.store.id}/live/rails"' in page
    make_vietqr(make_shop(livemode=True, store=till.shop.store))
    assert page.count('<li class="done">') == 1


def test_it_renews_itself_and_never_by_a_refusal(desk):
    page = desk.get()

    assert f'hx-get="{desk.root}" hx-trigger="every 30s" hx-select="#figures"' in page
    assert 'hx-status:5xx="swap:none"' in page


def test_one_look_is_few_statements(till, desk, monkeypatch):
    pay(till)
    desk.get()
    seen = []

    class Counted(db.psycopg.Cursor):
        def execute(self, query, *arguments, **options):
            seen.append(query)
            return super().execute(query, *arguments, **options)

    connection = db.driver()
    monkeypatch.setattr(connection, "cursor_factory", Counted)
    desk.get()

    assert 8 <= len(seen) <= STATEMENTS, seen


@pytest.mark.parametrize("locale", ["vi", "km"])
def test_it_speaks_the_merchants_language(till, locale):
    pay(till)

    page = make_desk("owner", till.shop.store.id, locale=locale).get()

    assert {"vi": "Tổng quan", "km": "ទិដ្ឋភាពទូទៅ"}[locale] in page


def test_what_was_written_stays_text(till, desk):
    pay(till, reference="<script>alert(1)</script>")

    assert "<script>alert" not in desk.get()


def test_strangers_find_no_store(till):
    make_desk("owner").get(f"/dashboard/{till.shop.store.id}/test", 404)
