"""Creating sessions: what is taken, what is refused and at which field."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from checkout.core.money import MAXIMUM
from tests.factories.books import events_of, read, read_one
from tests.factories.till import deadline_of, make_till

GIVEN = {"amount": 500_000, "currency": "VND"}
ITEM = {"name": "Room", "quantity": 2, "unit_amount": 250_000}


def create(till, body):
    return till.call("POST", "/checkout/sessions", body)


def refused(till, body):
    """The error's status, code and param; nothing may have been stored."""
    before = read_one("SELECT count(*) AS n FROM checkout_session").n
    status, answer = create(till, body)
    assert read_one("SELECT count(*) AS n FROM checkout_session").n == before
    return status, answer["error"]["code"], answer["error"]["param"]


def test_a_session_in_its_first_form(till):
    status, session = create(till, GIVEN | {"reference": "BK-2031", "metadata": {"room": "12"}})

    assert status == 201
    assert session["id"].startswith("cs_")
    expected = {
        "object": "checkout.session",
        "status": "open",
        "mode": "payment",
        "payment_status": "unpaid",
        "seq": 1,
        "expired_reason": None,
        "amount": 500_000,
        "amount_received": 0,
        "amount_due": 500_000,
        "currency": "VND",
        "line_items": [],
        "discount": None,
        "reference": "BK-2031",
        "customer": None,
        "rails": ["vietqr"],
        "attempts": 0,
        "max_attempts": 3,
        "can_retry": True,
        "current_attempt": None,
        "payment": None,
        "fulfilment": {"status": "none"},
        "success_url": None,
        "cancel_url": None,
        "metadata": {"room": "12"},
        "livemode": False,
    }
    assert {name: session[name] for name in expected} == expected
    assert session["url"].endswith(f"/pay/{session['id']}")
    assert 898 <= session["remaining_seconds"] <= 900
    assert till.session(session["id"]) == session | {
        "remaining_seconds": till.session(session["id"])["remaining_seconds"]
    }
    assert events_of(till.shop.store.id, session["id"]) == ["checkout.session.created"]


def test_duration_and_attempts_come_from_the_call_or_the_store(client):
    till = make_till(client, duration_minutes=30, max_attempts=5)
    by_store = till.make_session()
    by_call = till.make_session(duration_minutes=43_200, max_attempts=10)

    assert (by_store["max_attempts"], by_call["max_attempts"]) == (5, 10)
    for session, minutes in ((by_store, 30), (by_call, 43_200)):
        created = read_one(
            "SELECT created_at FROM checkout_session WHERE id = %(id)s", id=session["id"]
        ).created_at
        assert deadline_of(session["id"]) == created + timedelta(minutes=minutes)


def test_line_items_give_the_amount(till):
    session = till.make_session(None, line_items=[ITEM, ITEM | {"unit_amount": 0}])

    assert session["amount"] == 500_000
    assert [item["name"] for item in session["line_items"]] == ["Room", "Room"]


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"amount": None}, 422, "missing_required_field", "amount"),
        ({"amount": 0}, 422, "invalid_value", "amount"),
        ({"amount": -1}, 422, "invalid_value", "amount"),
        ({"amount": MAXIMUM + 1}, 422, "invalid_value", "amount"),
        ({"amount": 10**40}, 422, "invalid_value", "amount"),
        ({"amount": 1.5}, 422, "invalid_type", "amount"),
        ({"amount": "500000"}, 422, "invalid_type", "amount"),
        ({"amount": True}, 422, "invalid_type", "amount"),
        ({"amount": [1]}, 422, "invalid_type", "amount"),
        ({"currency": "vnd"}, 422, "invalid_currency", "currency"),
        ({"currency": "XXX"}, 422, "invalid_currency", "currency"),
        ({"currency": None}, 422, "missing_required_field", "currency"),
        ({"line_items": [ITEM, ITEM]}, 422, "amount_mismatch", "amount"),
        ({"line_items": [ITEM | {"quantity": 0}]}, 422, "invalid_value", "line_items.0.quantity"),
        (
            {"line_items": [ITEM | {"unit_amount": -1}]},
            422,
            "invalid_value",
            "line_items.0.unit_amount",
        ),
        ({"line_items": [ITEM | {"price": 1}]}, 422, "unknown_field", "line_items.0.price"),
        ({"line_items": [{"name": "x"}]}, 422, "missing_required_field", "line_items.0.quantity"),
        ({"line_items": [ITEM] * 101}, 422, "value_too_long", "line_items"),
        (
            {"amount": None, "line_items": [ITEM | {"unit_amount": 0}]},
            422,
            "invalid_value",
            "line_items",
        ),
        (
            {"amount": None, "line_items": [ITEM | {"quantity": 10**6, "unit_amount": MAXIMUM}]},
            422,
            "invalid_value",
            "line_items",
        ),
        ({"mode": "gift"}, 422, "invalid_value", "mode"),
        ({"mode": "topup"}, 422, "customer_required", "customer"),
        ({"mode": "subscription"}, 422, "missing_required_field", "plan"),
        ({"mode": "subscription", "plan": "plan_x"}, 404, "resource_missing", "plan"),
        ({"plan": "plan_x"}, 422, "invalid_value", "plan"),
        ({"coupon": "SUMMER"}, 422, "coupon_invalid", "coupon"),
        ({"reference": "x" * 201}, 422, "value_too_long", "reference"),
        ({"reference": ""}, 422, "value_too_short", "reference"),
        ({"reference": 7}, 422, "invalid_type", "reference"),
        ({"locale": "fr"}, 422, "invalid_value", "locale"),
        ({"rails": []}, 422, "value_too_short", "rails"),
        ({"rails": ["khqr"]}, 422, "rail_not_available", "rails.0"),
        ({"rails": ["vietqr", "nothing"]}, 422, "rail_not_available", "rails.1"),
        ({"currency": "USD"}, 422, "rail_not_available", "rails"),
        ({"currency": "USD", "rails": ["vietqr"]}, 422, "rail_not_available", "rails.0"),
        ({"duration_minutes": 0}, 422, "invalid_value", "duration_minutes"),
        ({"duration_minutes": 43_201}, 422, "invalid_value", "duration_minutes"),
        ({"max_attempts": 0}, 422, "invalid_value", "max_attempts"),
        ({"max_attempts": 11}, 422, "invalid_value", "max_attempts"),
        ({"success_url": "ftp://shop.example/"}, 422, "invalid_url", "success_url"),
        ({"success_url": "http://shop.example/"}, 422, "invalid_url", "success_url"),
        ({"success_url": "javascript:alert(1)"}, 422, "invalid_url", "success_url"),
        ({"success_url": "https://user:pw@shop.example/"}, 422, "invalid_url", "success_url"),
        ({"cancel_url": "https://"}, 422, "invalid_url", "cancel_url"),
        ({"cancel_url": "//shop.example"}, 422, "invalid_url", "cancel_url"),
        ({"customer": {"email": "nobody"}}, 422, "invalid_email", "customer.email"),
        ({"customer": {"phone": "call me"}}, 422, "invalid_value", "customer.phone"),
        ({"customer": {}}, 422, "missing_required_field", "customer"),
        ({"customer": {"id": "cus_1"}}, 422, "unknown_field", "customer.id"),
        ({"customer_id": "cus_1"}, 404, "resource_missing", "customer_id"),
        ({"customer": {"name": "An"}, "customer_id": "cus_1"}, 422, "invalid_value", "customer"),
        ({"metadata": {"k": 1}}, 422, "invalid_type", "metadata.k"),
        ({"metadata": {"k" * 41: "v"}}, 422, "value_too_long", None),
        ({"metadata": {"k": "v" * 501}}, 422, "value_too_long", "metadata.k"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, 422, "value_too_long", "metadata"),
        ({"reuse_open": True}, 422, "missing_required_field", "reference"),
        ({"reuse_open": "yes", "reference": "r"}, 422, "invalid_type", "reuse_open"),
        ({"colour": "red"}, 422, "unknown_field", "colour"),
    ],
)
def test_what_is_refused_and_where(till, change, status, code, param):
    body = {name: value for name, value in (GIVEN | change).items() if value is not None}

    found = refused(till, body)

    assert found[:2] == (status, code)
    assert found[2] == param or (param is None and found[2].startswith("metadata"))


def test_what_is_null_counts_as_not_given_where_it_may_be_empty(till):
    status, _ = create(till, GIVEN | {"reference": None, "customer": None, "success_url": None})

    assert status == 201


def test_http_to_this_machine_is_allowed_in_test_mode_only(client):
    test, live = make_till(client), make_till(client, livemode=True)
    body = GIVEN | {"success_url": "http://localhost:3000/thanks?s={SESSION_ID}"}

    assert create(test, body)[0] == 201
    assert refused(live, body) == (422, "invalid_url", "success_url")


def test_a_live_host_must_be_on_the_stores_list(client):
    till = make_till(client, livemode=True, allowed_hosts=["shop.example"])

    assert create(till, GIVEN | {"success_url": "https://SHOP.example/thanks"})[0] == 201
    for host in ("evil.example", "shop.example.evil.example", "notshop.example"):
        found = refused(till, GIVEN | {"cancel_url": f"https://{host}/"})
        assert found == (422, "host_not_allowed", "cancel_url")


def test_a_live_host_is_compared_with_its_port(client):
    till = make_till(client, livemode=True, allowed_hosts=["a.example:8443", "b.example:443"])

    for host in ("a.example:8443", "b.example", "b.example:443"):
        assert create(till, GIVEN | {"success_url": f"https://{host}/"})[0] == 201
    for host in ("a.example", "a.example:9443", "b.example:8443"):
        found = refused(till, GIVEN | {"success_url": f"https://{host}/"})
        assert found == (422, "host_not_allowed", "success_url")


def test_the_stores_own_bounds(client):
    till = make_till(client, bounds={"VND": {"min": 10_000, "max": 1_000_000}})

    assert create(till, GIVEN | {"amount": 10_000})[0] == 201
    assert create(till, GIVEN | {"amount": 1_000_000})[0] == 201
    assert refused(till, GIVEN | {"amount": 9_999}) == (422, "amount_too_small", "amount")
    assert refused(till, GIVEN | {"amount": 1_000_001}) == (422, "amount_too_large", "amount")


def test_a_top_up_obeys_the_bounds_of_top_ups(till):
    body = GIVEN | {"mode": "topup", "customer": {"reference": "c-1"}}

    assert create(till, body | {"amount": 100_000})[0] == 201
    assert refused(till, body | {"amount": 99_999})[1] == "amount_too_small"
    assert refused(till, body | {"amount": 50_000_001})[1] == "amount_too_large"


def test_customers_are_matched_or_made(till):
    first = till.make_session(customer={"reference": "c-9", "email": "An@Shop.example"})
    again = till.make_session(customer={"reference": "c-9"})
    named = till.make_session(customer_id=first["customer"])

    assert first["customer"].startswith("cus_")
    assert first["customer"] == again["customer"] == named["customer"]


def test_another_stores_customer_is_not_found(till, client):
    stranger = make_till(client).make_session(customer={"name": "An"})["customer"]

    found = refused(till, GIVEN | {"customer_id": stranger})

    assert found == (404, "resource_missing", "customer_id")


def test_a_store_without_rails_takes_nothing(client):
    from tests.factories.stores import make_shop
    from tests.factories.till import Till

    till = Till(client, make_shop(), "")

    assert refused(till, GIVEN) == (422, "rail_not_available", "rails")


def test_reuse_open_gives_back_the_open_session(till):
    body = GIVEN | {"reference": "R-1", "reuse_open": True}
    status, first = create(till, body)
    again_status, again = create(till, body)

    assert (status, again_status) == (201, 200)
    assert again["id"] == first["id"]
    assert create(till, body | {"amount": 400_000})[0] == 201
    assert create(till, body | {"reference": "R-2"})[0] == 201
    assert create(till, GIVEN | {"reference": "R-1"})[0] == 201


@pytest.mark.parametrize("end", ["cancel", "expire", "pay", "deadline"])
def test_an_ended_session_is_not_reused(till, end):
    body = GIVEN | {"reference": "R-1", "reuse_open": True}
    first = create(till, body)[1]
    if end == "pay":
        till.pay(till.start(first["id"])["transfer_memo"], 500_000)
    elif end == "deadline":
        till.advance(900)
    else:
        till.call("POST", f"/checkout/sessions/{first['id']}/{end}")

    status, second = create(till, body)

    assert status == 201
    assert second["id"] != first["id"]


def test_another_store_or_mode_reuses_nothing(till, client):
    body = GIVEN | {"reference": "R-1", "reuse_open": True}
    create(till, body)

    assert create(make_till(client), body)[0] == 201


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b"{" * 9999])
def test_bodies_that_are_no_object(till, raw):
    answer = till.client.post(
        "/api/v1/checkout/sessions",
        data=raw,
        content_type="application/json",
        headers=till.shop.headers,
    )

    assert answer.status_code in (400, 422)
    assert answer.get_json()["error"]["type"] == "invalid_request_error"


def test_the_deadline_is_by_the_stores_test_clock(till):
    till.advance(86_400)
    session = till.make_session()

    expected = till.now() + timedelta(minutes=15)
    assert abs(datetime.fromisoformat(session["expires_at"]) - expected) < timedelta(seconds=10)
    assert read("SELECT 1 FROM session_history WHERE session_id = %(id)s", id=session["id"])
