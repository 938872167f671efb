"""What a page may do with the publishable key, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from checkout.core import limits
from checkout.core.db import one, unit_of_work
from checkout.core.ids import new_id
from checkout.keys.create import create_key
from tests.factories.stores import make_shop, make_vietqr
from tests.factories.till import Till, make_till, memo_of

CHECKOUT = "/api/v1/widget/checkout"
BODY = {"amount": 500_000, "currency": "VND"}


def key_of(till: Till) -> dict[str, str]:
    """Headers with a publishable key of the till's store and mode."""
    with unit_of_work():
        _, plain = create_key(till.shop.store.id, till.shop.livemode, "publishable", "page")
    return {"Authorization": f"Bearer {plain}"}


def live_till(client: Any, **settings: Any) -> Till:
    till = Till(client, make_shop(True, **settings), "")
    make_vietqr(till.shop)
    return till


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


@pytest.fixture
def public(till) -> dict[str, str]:
    return key_of(till)


def test_a_page_makes_a_session_and_follows_it(till, client, public):
    answer = client.post(CHECKOUT, json=BODY | {"reference": "BK-1"}, headers=public)
    session = answer.get_json()
    assert answer.status_code == 201
    assert (session["status"], session["amount"], session["seq"]) == ("open", 500_000, 1)
    assert session["url"].endswith(f"/pay/{session['id']}")

    attempt = till.start(session["id"])
    till.pay(memo_of(attempt), 500_000)
    path = f"/api/v1/widget/sessions/{session['id']}/status"
    status = client.get(path, headers=public).get_json()
    assert (status["status"], status["payment_status"]) == ("completed", "paid")
    assert status["seq"] > session["seq"]


def test_a_page_learns_nothing_of_the_shopper(till, client, public):
    session = till.make_session(
        customer={"email": "a@shop.example"}, metadata={"secret": "margin"}, reference="BK-1"
    )
    status = client.get(f"/api/v1/widget/sessions/{session['id']}/status", headers=public)
    assert status.status_code == 200
    assert not {"customer", "metadata", "reference", "payment", "current_attempt"} & set(
        status.get_json()
    )


def test_a_page_proves_no_customer(till, client, public):
    known = till.make_session(customer={"email": "a@shop.example"})["customer"]
    body = BODY | {"customer": {"email": "a@shop.example"}}
    session_id = client.post(CHECKOUT, json=body, headers=public).get_json()["id"]
    row = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=session_id)
    assert (row.customer_id, row.customer_proven) == (known, False)
    assert "wallet" not in row.rails


@pytest.mark.parametrize(
    "more",
    [
        {"customer_id": "cus_1"},
        {"customer": {"email": "a@shop.example", "reference": "guest-7"}},
        {"reuse_open": True},
        {"mode": "topup"},
        {"max_attempts": 10},
        {"duration_minutes": 10},
    ],
)
def test_what_a_page_may_not_say(client, public, more):
    refused = client.post(CHECKOUT, json=BODY | more, headers=public)
    assert error_of(refused) == (422, "unknown_field")


@pytest.mark.parametrize("call", ["checkout", "status"])
def test_a_secret_key_does_not_belong_into_a_page(till, client, call):
    session = till.make_session()
    if call == "checkout":
        answer = client.post(CHECKOUT, json=BODY, headers=till.shop.headers)
    else:
        path = f"/api/v1/widget/sessions/{session['id']}/status"
        answer = client.get(path, headers=till.shop.headers)
    assert error_of(answer) == (403, "publishable_key_required")


def test_without_a_key_nothing_opens(client, public):
    assert error_of(client.post(CHECKOUT, json=BODY)) == (401, "missing_api_key")
    wrong = {"Authorization": "Bearer pk_test_unknown"}
    for _ in range(12):
        # A page with an old key must not lock its shoppers out of everything else.
        assert error_of(client.post(CHECKOUT, json=BODY, headers=wrong)) == (401, "invalid_api_key")
    assert client.post(CHECKOUT, json=BODY, headers=public).status_code == 201


def test_a_strangers_session_is_missing(till, client, public):
    theirs = make_till(client).make_session()
    live = live_till(client, browser_amounts=True)
    for session_id in (theirs["id"], live.make_session()["id"], new_id("cs")):
        answer = client.get(f"/api/v1/widget/sessions/{session_id}/status", headers=public)
        assert error_of(answer) == (404, "resource_missing")


def test_thirty_calls_a_minute_for_each_address(client, public, monkeypatch):
    monkeypatch.setattr(limits, "PUBLIC_PER_MINUTE", 3)

    def post(address: str) -> int:
        answer = client.post(
            CHECKOUT, json=BODY, headers=public, environ_base={"REMOTE_ADDR": address}
        )
        return int(answer.status_code)

    assert [post("198.51.100.1") for _ in range(4)] == [201, 201, 201, 429]
    assert post("198.51.100.2") == 201


def test_live_amounts_come_from_pages_only_where_the_store_lets_them(client):
    strict, open_ = live_till(client), live_till(client, browser_amounts=True)
    refused = client.post(CHECKOUT, json=BODY, headers=key_of(strict))
    assert error_of(refused) == (422, "amount_not_allowed")
    assert client.post(CHECKOUT, json=BODY, headers=key_of(open_)).status_code == 201


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", 201),
        ("https://evil.example", 403),
        ("http://shop.example", 403),
        ("null", 403),
        (None, 201),
    ],
)
def test_live_calls_come_from_the_shops_own_hosts(client, origin, status):
    till = live_till(client, browser_amounts=True, allowed_hosts=["shop.example"])
    headers = key_of(till) | ({"Origin": origin} if origin else {})
    answer = client.post(CHECKOUT, json=BODY, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert error_of(answer) == (403, "origin_not_allowed")


def test_browsers_may_call_from_elsewhere(client, public):
    asked = client.options(
        CHECKOUT,
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    for answer in (
        client.post(CHECKOUT, json=BODY, headers=public | {"Origin": "https://shop.example"}),
        client.post(CHECKOUT, json={}, headers=public),
        client.post(CHECKOUT, json=BODY),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_other_calls_are_for_no_foreign_page(client, till):
    answer = client.get("/api/v1/payments", headers=till.shop.headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_that_repeats_itself_makes_one_session(till, client, public):
    headers = public | {"Idempotency-Key": "order-1"}
    first, second = (client.post(CHECKOUT, json=BODY, headers=headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert second.headers["Idempotent-Replayed"] == "true"
    # The shop's own keys are other ones.
    shop, session = till.call("POST", "/checkout/sessions", BODY, **{"Idempotency-Key": "order-1"})
    assert (shop, session["id"] != first.get_json()["id"]) == (201, True)
