"""Searching payments: everything that is typed or chosen, and what it costs the database."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from checkout.core import search as searching
from checkout.core.clock import utc_now
from checkout.core.db import execute, run, unit_of_work
from checkout.core.lists import write_cursor
from checkout.customers.change import create_customer
from checkout.customers.schemas import CreateCustomer
from checkout.payments.find import PAYMENTS, PaymentSearch, find_payments, payments_sql
from checkout.sessions.find import (
    PAGE,
    SESSIONS,
    SessionFilters,
    find_record,
    find_sessions,
    sessions_sql,
)
from tests.factories.bulk import fill_payments
from tests.factories.stores import make_shop
from tests.factories.till import make_till, memo_of

COUNT = 12_000
MOST_READ = 8 * (PAGE + 1)
"""Rows that one page may look at: a page for each strand, of which a search has a few."""

FACETS_READ = 8
"""Of them, those that tell which mixes of facets there are."""


@pytest.fixture
def shop(app):
    shop = make_shop(livemode=True)
    fill_payments(shop, COUNT)
    return shop


@pytest.fixture
def looked_at(monkeypatch) -> list[float]:
    """How many rows each statement of a search looked at, as PostgreSQL counts them."""
    counts: list[float] = []

    def explain(statement: str, /, **params: Any) -> list[Any]:
        (plan,) = run(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", **params)
        counts.append(_rows_read(plan[0][0]["Plan"]))
        return run(statement, **params)

    monkeypatch.setattr(searching, "run", explain)
    return counts


def _rows_read(plan: dict[str, Any]) -> float:
    own = 0.0
    if plan.get("Relation Name") in ("payment", "checkout_session"):
        own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own *= plan["Actual Loops"]
    return own + sum(_rows_read(child) for child in plan.get("Plans", ()))


def day(days_ago: float) -> str:
    return (utc_now() - timedelta(days=days_ago)).date().isoformat()


CHOICES: dict[str, tuple[Any, ...]] = {
    "q": (None, "BK-500", "152000", "nobody@shop.example", "no such thing"),
    "status": (None, "succeeded", "refunded"),
    "rail": (None, "vietqr", "stripe", "unheard_of"),
    "currency": (None, "USD"),
    "late": (None, True),
    "days": (None, (3, 2), (400, 300)),
}


def all_choices() -> list[dict[str, Any]]:
    found = []
    for values in itertools.product(*CHOICES.values()):
        one = {
            name: value for name, value in zip(CHOICES, values, strict=True) if value is not None
        }
        if "days" in one:
            first, last = one.pop("days")
            one |= {"from": day(first), "to": day(last)}
        found.append(one)
    return found


def test_no_mix_of_filters_walks_the_table(shop, looked_at):
    for choice in all_choices():
        looked_at.clear()
        find_payments(shop.scope, PaymentSearch.model_validate(choice))
        assert sum(looked_at) <= MOST_READ, choice


def test_no_mix_of_filters_walks_the_sessions(shop, looked_at):
    for status, paid, q in itertools.product(
        (None, "completed", "cancelled"), (None, "unpaid"), (None, "152000", "BK-7", "x@y.example")
    ):
        looked_at.clear()
        filters = SessionFilters(status=status, payment_status=paid, q=q)
        find_sessions(shop.scope, filters)
        assert sum(looked_at) <= MOST_READ, filters


EVERY = 300


@pytest.fixture
def customer(shop) -> str:
    """One to whom one in 300 of the rows belongs."""
    with unit_of_work():
        customer = create_customer(shop.scope, CreateCustomer(name="Lan").model_dump())
        for table in ("payment", "checkout_session"):
            execute(
                f"UPDATE {table} SET customer_id = %(id)s"
                " WHERE right(id, 18)::int %% %(every)s = 0",
                id=customer.id,
                every=EVERY,
            )
        execute("ANALYZE payment, checkout_session")
    return customer.id


def test_a_customers_own_are_read_and_no_others(shop, customer, looked_at):
    for q, status, late, days in itertools.product(
        (None, "BK-600", "152000"), (None, "refunded"), (None, False), (None, (9, 2))
    ):
        looked_at.clear()
        given = {"customer": customer, "q": q, "status": status, "late": late}
        if days is not None:
            given |= {"from": day(days[0]), "to": day(days[1])}
        filters = PaymentSearch.model_validate(given)
        found = find_payments(shop.scope, filters)
        assert sum(looked_at) <= COUNT / EVERY + FACETS_READ, given
        where, params = payments_sql(shop.scope, filters)
        wanted = run(f"SELECT id FROM payment WHERE {where} ORDER BY id DESC LIMIT 25", **params)
        assert [row.id for row in found.rows] == [row.id for row in wanted], given
    found = find_sessions(shop.scope, SessionFilters(customer=customer, status="completed"))
    assert len(found.rows) == PAGE
    assert {row.customer_id for row in found.rows} == {customer}


def test_a_customers_pages_follow_each_other(shop, customer):
    first = find_payments(shop.scope, PaymentSearch(customer=customer))
    second = find_payments(shop.scope, PaymentSearch(customer=customer, cursor=first.cursor))

    assert (len(first.rows), len(second.rows), second.cursor) == (25, COUNT // EVERY - 25, None)
    assert first.rows[-1].id > second.rows[0].id


@pytest.mark.parametrize("status", ["expired", "abandoned", "cancelled"])
def test_days_of_what_ended_unpaid_are_those_on_which_it_ended(shop, status):
    with unit_of_work():
        for lasted_days in (0, 1, 7):
            execute(
                "UPDATE checkout_session SET status = %(status)s, ended_at ="
                " created_at + make_interval(days => %(days)s) WHERE reference = %(reference)s",
                status=status,
                days=lasted_days,
                reference=f"BK-{10 + lasted_days * 1440}",
            )
    ((today,),) = run(
        "SELECT (now() - interval '10 minutes') AT TIME ZONE 'Asia/Ho_Chi_Minh' AS today"
    )
    # Each of them was made on another day, and all ended ten minutes ago.
    filters = SessionFilters.model_validate(
        {"status": status, "from": today.date(), "to": today.date(), "q": None}
    )

    found = [row.reference for row in find_sessions(shop.scope, filters).rows]

    assert {"BK-10", "BK-1450", "BK-10090"} <= set(found)
    where, params = sessions_sql(shop.scope, filters)
    wanted = run(f"SELECT reference FROM checkout_session WHERE {where} ORDER BY id DESC", **params)
    assert found == [row.reference for row in wanted]


def test_of_other_states_days_are_those_of_making(shop):
    today = utc_now().date() + timedelta(1)
    for status in (None, "payable", "completed"):
        assert not SessionFilters.model_validate({"status": status, "to": today}).by_end


def test_days_to_come_hold_nothing_and_cost_nothing(shop, looked_at):
    filters = SessionFilters.model_validate({"status": "cancelled", "from": day(-3)})

    assert find_sessions(shop.scope, filters).rows == []
    assert sum(looked_at) <= FACETS_READ


def test_what_can_still_be_paid_is_one_choice(client):
    till = make_till(client)
    open_, waiting, gone = (till.make_session(), till.make_attempt(), till.make_session())
    till.call("POST", f"/checkout/sessions/{gone['id']}/cancel")

    found = find_sessions(till.shop.scope, SessionFilters(status="payable")).rows

    assert [row.id for row in found] == [waiting["session"], open_["id"]]


def test_a_page_finds_exactly_what_the_filters_say(shop):
    for choice in all_choices():
        filters = PaymentSearch.model_validate(choice)
        where, params = payments_sql(shop.scope, filters)
        wanted = run(f"SELECT id FROM payment WHERE {where} ORDER BY id DESC LIMIT 26", **params)
        found = find_payments(shop.scope, filters)
        assert [row.id for row in found.rows] == [row.id for row in wanted[:PAGE]], choice
        assert (found.cursor is not None) == (len(wanted) > PAGE)


@pytest.mark.parametrize("choice", [{}, {"rail": "vietqr"}, {"q": "152000"}])
def test_pages_follow_each_other_without_gaps(shop, choice):
    where, params = payments_sql(shop.scope, PaymentSearch.model_validate(choice))
    wanted = run(f"SELECT id FROM payment WHERE {where} ORDER BY id DESC LIMIT 75", **params)
    found, cursor = [], None
    for _ in range(3):
        page = find_payments(shop.scope, PaymentSearch.model_validate(choice | {"cursor": cursor}))
        found += [row.id for row in page.rows]
        cursor = page.cursor
    assert found == [row.id for row in wanted]


def test_facets_are_those_of_the_store_and_mode_alone(app):
    one, other = make_shop(livemode=True), make_shop(livemode=True)
    fill_payments(other, 10)

    assert searching.read_facets(PAYMENTS, one.scope) == []
    assert {facet["rail"] for facet in searching.read_facets(PAYMENTS, other.scope)} == {
        "vietqr",
        "zalopay",
        "stripe",
    }
    assert searching.read_facets(SESSIONS, make_shop(store=other.store).scope) == []


def test_days_hold_on_a_stores_own_clock(client):
    till = make_till(client)
    till.advance(40 * 86_400)
    till.pay(memo_of(till.make_attempt()), 500_000)
    scope = till.shop.scope
    here = till.now().date()

    for first, last, count in ((here, here, 1), (here - timedelta(9), here - timedelta(2), 0)):
        filters = PaymentSearch.model_validate({"from": first, "to": last + timedelta(1)})
        assert len(find_payments(scope, filters).rows) == count


def test_a_cursor_of_something_else_is_refused(shop):
    with pytest.raises(Exception, match="cursor"):
        find_payments(shop.scope, PaymentSearch(cursor=write_cursor("cs_" + "0" * 28)))


def test_an_id_or_a_code_goes_straight_to_its_record(client):
    till = make_till(client)
    attempt = till.make_attempt(customer={"email": "lan@homestay.example"})
    transfer = till.pay(memo_of(attempt), 500_000)
    payment = till.session(attempt["session"])["payment"]
    session_page = f"/sessions/{attempt['session']}"
    scope = till.shop.scope

    for typed in (
        attempt["session"],
        f"  {attempt['id']} ",
        attempt["code"],
        memo_of(attempt),
        memo_of(attempt).lower(),
    ):
        assert find_record(scope, typed) == session_page
    assert find_record(scope, payment["id"]) == f"/payments/{payment['id']}"
    assert find_record(scope, transfer["id"]) == f"/transfers/{transfer['id']}"
    assert find_record(scope, "BK-2031") is None
    stranger = make_shop().scope
    assert find_record(stranger, attempt["session"]) is None
    assert find_record(stranger, attempt["code"]) is None


def test_an_address_finds_its_customers_money(client):
    till = make_till(client)
    till.pay(memo_of(till.make_attempt(customer={"email": "lan@homestay.example"})), 500_000)
    till.pay(memo_of(till.make_attempt()), 500_000)

    found = find_payments(till.shop.scope, PaymentSearch(q="Lan@Homestay.example"))

    assert len(found.rows) == 1
    with unit_of_work():
        assert (
            len(find_sessions(till.shop.scope, SessionFilters(q="lan@homestay.example")).rows) == 1
        )


@pytest.mark.parametrize("typed", ["150000", "150.000", "150,000 ₫", "150000 VND"])
def test_an_amount_is_found_as_people_write_it(shop, typed):
    found = find_payments(shop.scope, PaymentSearch(q=typed))

    assert len(found.rows) == PAGE
    assert {row.amount for row in found.rows} == {150_000}


def test_an_amount_means_what_its_currency_makes_of_it(shop):
    found = find_payments(shop.scope, PaymentSearch(q="1500", currency="USD"))

    assert {(row.amount, row.currency) for row in found.rows} <= {(150_000, "USD")}
    assert find_payments(shop.scope, PaymentSearch(q="0")).rows == []
