from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from checkout.core.db import run, unit_of_work
from checkout.core.errors import Problem
from checkout.customers.find_or_create import find_or_create
from checkout.customers.queries import load_customer
from tests.factories.stores import make_shop


def find(shop, **given):
    with unit_of_work():
        return find_or_create(shop.store.id, shop.livemode, given)


def read(shop, customer_id):
    return load_customer(shop.store.id, shop.livemode, customer_id)


def test_a_new_customer_is_told_as_an_event(app):
    shop = make_shop()

    customer_id = find(shop, email=" An@Example.VN ", name="An")

    row = read(shop, customer_id)
    assert (row.email, row.name, row.reference) == ("an@example.vn", "An", None)
    events = run("SELECT type, subject FROM outbox WHERE store_id = %(id)s", id=shop.store.id)
    assert [(event.type, event.subject) for event in events] == [("customer.created", customer_id)]


def test_the_reference_comes_first_then_the_email(app):
    shop = make_shop()
    by_reference = find(shop, reference="c-1", email="a@x.vn")
    by_email = find(shop, email="b@x.vn")

    assert find(shop, reference="c-1") == by_reference
    assert find(shop, reference="c-1", email="b@x.vn") == by_reference
    assert find(shop, email="B@X.VN") == by_email
    assert find(shop, email="a@x.vn") == by_reference


def test_a_customer_known_by_email_takes_the_reference_on(app):
    shop = make_shop()
    known = find(shop, email="a@x.vn")

    assert find(shop, email="a@x.vn", reference="c-1") == known
    assert read(shop, known).reference == "c-1"
    assert find(shop, email="a@x.vn", reference="c-2") != known


def test_what_was_empty_is_filled_in_and_nothing_overwritten(app):
    shop = make_shop()
    customer_id = find(shop, reference="c-1", name="An")

    find(shop, reference="c-1", name="Binh", phone="+84 90 123 4567")

    row = read(shop, customer_id)
    assert (row.name, row.phone) == ("An", "+84 90 123 4567")


def test_stores_and_modes_have_their_own_customers(app):
    shop = make_shop()
    live = make_shop(livemode=True, store=shop.store)
    stranger = make_shop()

    ids = {find(one, reference="c-1", email="a@x.vn") for one in (shop, live, stranger)}

    assert len(ids) == 3
    for other in (live, stranger):
        with pytest.raises(Problem, match="resource_missing"):
            read(other, find(shop, reference="c-1"))


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({}, "missing_required_field", None),
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"email": "a@b"}, "invalid_email", "email"),
        ({"email": "a b@x.vn"}, "invalid_email", "email"),
        ({"email": "a" * 300 + "@x.vn"}, "invalid_email", "email"),
        ({"name": "n" * 201}, "value_too_long", "name"),
        ({"name": 5}, "invalid_type", "name"),
        ({"phone": "call me"}, "invalid_value", "phone"),
        ({"reference": "r" * 201}, "value_too_long", "reference"),
        ({"wallet": 1}, "unknown_field", "wallet"),
    ],
)
def test_each_mistake_names_its_field(app, given, code, param):
    with pytest.raises(Problem) as raised:
        find(make_shop(), **given)

    assert (raised.value.code, raised.value.param) == (code, param)


@pytest.mark.parametrize(
    "given",
    [{"reference": "c-1"}, {"email": "a@x.vn"}, {"reference": "c-1", "email": "a@x.vn"}],
)
def test_calls_at_once_make_one_customer(app, given):
    shop = make_shop()

    def find_in_thread(_number):
        with app.app_context():
            return find(shop, **given)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(find_in_thread, range(40)))) == 1


def test_an_email_taken_on_by_two_references_at_once(app):
    shop = make_shop()
    known = find(shop, email="a@x.vn")

    def take_on(number):
        with app.app_context():
            return find(shop, email="a@x.vn", reference=f"c-{number % 4}")

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(take_on, range(32)))

    assert known in ids
    assert len(set(ids)) == 4
