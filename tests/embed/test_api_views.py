"""Tokens to listen with, over the API."""

from __future__ import annotations

from checkout.core.ids import new_id
from checkout.embed.tokens import Bearer, read_token
from tests.embed.conftest import make_buyer
from tests.factories.stores import make_shop
from tests.factories.till import Till, make_till


def test_a_token_is_of_the_customer(till, buyer):
    status, answer = till.call("POST", "/realtime-tokens", {"customer": buyer.id})
    assert status == 201
    assert (answer["object"], answer["customer"]) == ("realtime_token", buyer.id)
    assert answer["expires_at"].endswith("Z")
    assert read_token(answer["token"]) == Bearer(till.shop.store.id, False, buyer.id)


def test_a_strangers_customer_is_missing(till, client, buyer):
    theirs = make_buyer(make_till(client))
    live = Till(client, make_shop(True, till.shop.store), "")
    for caller, customer in (
        (till, theirs.id),
        (live, buyer.id),
        (till, new_id("cus")),
        (till, "guest-7"),
    ):
        status, answer = caller.call("POST", "/realtime-tokens", {"customer": customer})
        assert (status, answer["error"]["code"]) == (404, "resource_missing")
        assert answer["error"]["param"] == "customer"


def test_without_a_key_there_is_none(client, buyer):
    answer = client.post("/api/v1/realtime-tokens", json={"customer": buyer.id})
    assert answer.status_code == 401
