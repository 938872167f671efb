"""Customers over the API: made, found, changed, and forgotten while what they paid stays."""

from __future__ import annotations

import pytest

from tests.factories.till import make_till, memo_of

LAN = {"name": "Lan", "email": "Lan@Shop.example", "phone": "+84 90 123 4567", "reference": "C-1"}


@pytest.fixture
def till(client):
    return make_till(client)


def make(till, **fields):
    status, customer = till.call("POST", "/customers", fields)
    assert status == 201, customer
    return customer


def code_of(answered):
    status, answer = answered
    return status, answer["error"]["code"], answer["error"]["param"]


def test_a_customer_is_made_read_and_listed(till):
    made = make(till, **LAN, metadata={"tier": "gold"})

    assert made | {"id": None, "created_at": None} == {
        "id": None,
        "object": "customer",
        "email": "lan@shop.example",
        "name": "Lan",
        "phone": "+84 90 123 4567",
        "reference": "C-1",
        "metadata": {"tier": "gold"},
        "created_at": None,
        "livemode": False,
    }
    assert till.call("GET", f"/customers/{made['id']}") == (200, made)
    assert till.call("GET", "/customers")[1]["data"] == [made]
    events = till.call("GET", "/events?type=customer.created")[1]["data"]
    assert [event["data"]["object"]["id"] for event in events] == [made["id"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email=LAN@shop.example", 1),
        ("reference=C-1", 1),
        ("reference=c-1", 0),
        ("email=b@b.vn", 0),
    ],
)
def test_the_list_is_narrowed(till, query, found):
    make(till, **LAN)
    make(till, name="Minh")

    assert len(till.call("GET", f"/customers?{query}")[1]["data"]) == found


def test_a_reference_names_one_customer(till):
    make(till, **LAN)

    twin = {"reference": "C-1", "email": "else@shop.example"}
    assert code_of(till.call("POST", "/customers", twin)) == (409, "customer_exists", "reference")


def test_without_a_reference_the_address_names_one(till):
    make(till, email="lan@shop.example")

    twin = till.call("POST", "/customers", {"email": "LAN@shop.example"})

    assert code_of(twin) == (409, "customer_exists", "email")
    assert make(till, email="lan@shop.example", reference="C-9")["reference"] == "C-9"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"email": "nobody"}, "invalid_email", "email"),
        ({"name": "x" * 300}, "value_too_long", "name"),
        ({"nick": "x"}, "unknown_field", "nick"),
        ({"name": 5}, "invalid_type", "name"),
    ],
)
def test_bad_input_changes_nothing(till, body, code, param):
    made = make(till, **LAN)

    status, given, at = code_of(till.call("POST", "/customers", body))
    assert (status, given, at) == (422, code, param)
    assert till.call("PATCH", f"/customers/{made['id']}", body)[0] == 422
    assert till.call("GET", "/customers")[1]["data"] == [made]


def test_only_what_is_given_changes(till):
    made = make(till, **LAN)

    status, changed = till.call(
        "PATCH", f"/customers/{made['id']}", {"name": "Lan Anh", "phone": None}
    )

    assert status == 200
    assert changed == made | {"name": "Lan Anh", "phone": None}


@pytest.mark.parametrize("name", ["reference", "email"])
def test_a_change_meets_somebody_else(till, name):
    first = make(till, **{name: LAN[name]})
    other = make(till, **{name: f"2{LAN[name]}"})

    refused = till.call("PATCH", f"/customers/{other['id']}", {name: LAN[name]})

    assert code_of(refused) == (409, "customer_exists", name)
    assert till.call("GET", f"/customers/{other['id']}") == (200, other)
    assert first[name] != other[name]


def test_who_is_deleted_is_forgotten_and_their_payment_stays(till):
    attempt = till.make_attempt(customer={"email": "lan@shop.example", "name": "Lan"})
    till.pay(memo_of(attempt), 500_000)
    (payment,) = till.call("GET", "/payments")[1]["data"]
    customer = payment["customer"]
    assert till.call("GET", f"/customers/{customer}/payments")[1]["data"] == [payment]

    status, answer = till.call("DELETE", f"/customers/{customer}")

    assert (status, answer) == (200, {"id": customer, "object": "customer", "deleted": True})
    assert till.call("GET", f"/customers/{customer}")[0] == 404
    assert till.call("DELETE", f"/customers/{customer}")[0] == 404
    assert till.call("GET", "/customers")[1]["data"] == []
    assert till.call("GET", "/payments")[1]["data"] == [payment]
    assert make(till, email="lan@shop.example")["id"] != customer


def test_a_wallet_with_money_keeps_its_owner(till):
    held = till.pay("A GIFT", 80_000)
    customer = make(till, **LAN)["id"]
    till.resolve(held["id"], "credit_wallet", customer=customer)

    assert code_of(till.call("DELETE", f"/customers/{customer}")) == (409, "wallet_not_empty", None)
    assert till.call("GET", f"/customers/{customer}")[0] == 200
