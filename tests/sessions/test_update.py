"""Changing a session while it is open, and saying what was done for its money."""

from __future__ import annotations

import pytest

from tests.factories.till import make_till, memo_of

ITEM = {"name": "Room", "quantity": 1, "unit_amount": 300_000}


def patch(till, session_id, body):
    status, answer = till.call("PATCH", f"/checkout/sessions/{session_id}", body)
    return (status, answer) if status == 200 else (status, answer["error"]["code"])


def test_what_an_open_session_may_change(till):
    session = till.make_session(metadata={"a": "1"})
    status, changed = patch(
        till,
        session["id"],
        {
            "amount": 600_000,
            "metadata": {"b": "2"},
            "locale": "km",
            "customer": {"reference": "c-1", "name": "An"},
        },
    )

    assert status == 200
    assert (changed["amount"], changed["amount_due"]) == (600_000, 600_000)
    assert (changed["metadata"], changed["locale"]) == ({"b": "2"}, "km")
    assert changed["customer"].startswith("cus_")
    assert (changed["seq"], changed["status"]) == (2, "open")


def test_what_is_not_given_stays(till):
    session = till.make_session(metadata={"a": "1"}, reference="R")
    _, changed = patch(till, session["id"], {"locale": "vi"})

    same = set(session) - {"seq", "locale", "remaining_seconds"}
    assert {name: changed[name] for name in same} == {name: session[name] for name in same}


def test_line_items_and_amount_agree_or_replace_each_other(till):
    session = till.make_session(None, line_items=[ITEM])

    assert patch(till, session["id"], {"amount": 5, "line_items": [ITEM]}) == (
        422,
        "amount_mismatch",
    )
    _, changed = patch(till, session["id"], {"line_items": [ITEM, ITEM]})
    assert changed["amount"] == 600_000
    _, changed = patch(till, session["id"], {"amount": 50_000})
    assert (changed["amount"], changed["line_items"]) == (50_000, [])
    _, changed = patch(till, session["id"], {"metadata": None, "locale": None})
    assert (changed["metadata"], changed["locale"], changed["amount"]) == ({}, None, 50_000)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"amount": 0}, (422, "invalid_value")),
        ({"amount": None}, (422, "missing_required_field")),
        ({"currency": "USD"}, (422, "unknown_field")),
        ({"status": "completed"}, (422, "unknown_field")),
        ({"coupon": "X"}, (422, "coupon_invalid")),
        ({"customer_id": "cus_x"}, (404, "resource_missing")),
        ({"line_items": []}, (422, "missing_required_field")),
        ({"amount": 999_999_999_999}, (200, None)),
    ],
)
def test_bad_changes_change_nothing(till, body, expected):
    session = till.make_session()

    status, found = patch(till, session["id"], body)

    assert (status, None if status == 200 else found) == expected
    if status != 200:
        assert till.session(session["id"])["seq"] == 1


def test_bounds_hold_for_changes(client):
    till = make_till(client, bounds={"VND": {"min": 10_000, "max": 1_000_000}})
    session = till.make_session()

    assert patch(till, session["id"], {"amount": 9_999}) == (422, "amount_too_small")
    assert patch(till, session["id"], {"amount": 1_000_001}) == (422, "amount_too_large")


def test_nothing_changes_while_somebody_pays(till):
    attempt = till.make_attempt()

    assert patch(till, attempt["session"], {"locale": "vi"}) == (409, "attempt_in_progress")


def test_a_part_already_received_is_the_least(till):
    attempt = till.make_attempt(duration_minutes=60)
    till.pay(memo_of(attempt), 200_000)
    till.advance_and_sweep(16 * 60)

    assert till.session(attempt["session"])["status"] == "open"
    assert patch(till, attempt["session"], {"amount": 200_000}) == (422, "amount_too_small")
    _, changed = patch(till, attempt["session"], {"amount": 200_001})
    assert (changed["amount_due"], changed["payment_status"]) == (1, "partially_paid")


@pytest.mark.parametrize(
    ("end", "code"), [("cancel", "session_not_active"), ("expire", "session_expired")]
)
def test_an_ended_session_is_not_changed(till, end, code):
    session = till.make_session()
    till.call("POST", f"/checkout/sessions/{session['id']}/{end}")

    assert patch(till, session["id"], {"locale": "vi"}) == (409, code)


def test_from_the_deadline_on_nothing_changes_though_no_sweep_came(till):
    session = till.make_session()
    till.advance(900)

    assert patch(till, session["id"], {"locale": "vi"}) == (409, "session_expired")


def fulfil(till, session_id, body):
    return till.call("POST", f"/checkout/sessions/{session_id}/fulfilment", body)


def test_fulfilment_is_shown_on_the_session(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    given = {"status": "confirmed", "reference": "B-77", "url": "https://shop.example/b/77"}
    status, session = fulfil(till, attempt["session"], given)

    assert status == 200
    assert session["fulfilment"] == given
    _, again = fulfil(till, attempt["session"], {"status": "failed", "details": "no room"})
    assert again["fulfilment"] == {"status": "failed", "details": "no room"}
    assert again["seq"] == session["seq"] + 1


def test_a_fulfilments_link_is_one_that_the_page_may_show(till):
    session = till.make_session()
    status, answer = fulfil(till, session["id"], {"status": "confirmed", "url": "http://a.example"})

    assert (status, answer["error"]["code"]) == (422, "invalid_url")
    assert answer["error"]["param"] == "url"
    given = {"status": "confirmed", "url": "http://localhost:3000/b/77"}
    assert fulfil(till, session["id"], given)[0] == 200


def test_a_confirmed_fulfilment_is_an_event_and_a_failed_one_is_not(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    fulfil(till, attempt["session"], {"status": "failed"})
    assert "booking.confirmed" not in event_types(till)

    fulfil(till, attempt["session"], {"status": "confirmed", "reference": "B-1"})

    assert event_types(till).count("booking.confirmed") == 1


def event_types(till):
    return [event["type"] for event in till.call("GET", "/events")[1]["data"]]


def test_fulfilment_of_what_ended_unpaid_is_refused(till):
    session = till.make_session()
    till.call("POST", f"/checkout/sessions/{session['id']}/cancel")

    status, answer = fulfil(till, session["id"], {"status": "confirmed"})

    assert (status, answer["error"]["code"]) == (409, "session_not_active")
    assert fulfil(till, session["id"], {"status": "maybe"})[0] == 422


FACTS = {"property_name": "Homestay Mây", "check_in": "2026-12-24", "guests": "2"}


@pytest.mark.parametrize("details", ["Room 4", FACTS, {"a": "b"}])
def test_details_of_a_fulfilment_are_a_text_or_facts(till, details):
    session = till.make_session()
    path = f"/checkout/sessions/{session['id']}/fulfilment"
    status, answer = till.call("POST", path, {"status": "confirmed", "details": details})
    assert (status, answer["fulfilment"]["details"]) == (200, details)


@pytest.mark.parametrize(
    "details",
    ["", "x" * 2001, 7, ["a"], {"a": 1}, {"a": None}, {"a": {"b": "c"}}, {"A b": "c"}, {"a": ""}],
)
def test_other_details_are_refused_by_name(till, details):
    session = till.make_session()
    path = f"/checkout/sessions/{session['id']}/fulfilment"
    status, answer = till.call("POST", path, {"status": "confirmed", "details": details})
    assert status == 422
    assert answer["error"]["param"].startswith("details")
