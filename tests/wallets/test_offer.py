"""Where the wallet is offered: for a customer whom the shop itself named by id, never else."""

from __future__ import annotations

import pytest

from checkout.core.db import unit_of_work
from checkout.sessions.create import create_session
from checkout.sessions.schemas import CreateSession
from tests.factories.books import read_one
from tests.factories.wallets import (
    fill_wallet,
    make_customer,
    make_session,
    offer_wallet,
    pay_from_wallet,
)

EMAIL = "an@shop.example"


@pytest.fixture
def customer(till):
    customer = make_customer(till.shop, EMAIL)
    fill_wallet(till, customer, 1_000_000)
    return customer


def create(till, **fields):
    return till.call("POST", "/checkout/sessions", {"amount": 500_000, "currency": "VND", **fields})


def refusal(status, answer):
    return status, answer["error"]["code"], answer["error"]["param"]


def test_a_customer_named_by_id_may_pay_from_the_wallet(till, customer):
    status, session = create(till, customer_id=customer)

    assert (status, session["rails"]) == (201, ["vietqr", "wallet"])
    assert create(till, customer_id=customer, rails=["wallet"])[1]["rails"] == ["wallet"]


@pytest.mark.parametrize("given", [{}, {"customer": {"email": EMAIL}}])
def test_an_address_that_was_typed_in_never_gets_the_wallet(till, customer, given):
    status, session = create(till, **given)

    assert (status, session["rails"]) == (201, ["vietqr"])
    if given:
        assert session["customer"] == customer
    refused = refusal(*pay_from_wallet(till, session["id"]))
    assert refused == (422, "rail_not_available", "rail")
    refused = refusal(*create(till, rails=["vietqr", "wallet"], **given))
    assert refused == (422, "rail_not_available", "rails.1")


def test_only_a_secret_key_proves(till, customer):
    given = CreateSession(amount=500_000, currency="VND", customer_id=customer).model_dump()
    with unit_of_work():
        session, _ = create_session(
            given,
            store_id=till.shop.store.id,
            livemode=False,
            settings=till.shop.store.settings,
            actor="key:pk",
        )

    assert session["rails"] == ["vietqr"]


def test_a_wallet_is_not_filled_from_itself(till, customer):
    assert create(till, customer_id=customer, mode="topup")[1]["rails"] == ["vietqr"]
    refused = refusal(*create(till, customer_id=customer, mode="topup", rails=["wallet"]))
    assert refused == (422, "rail_not_available", "rails.0")


def test_a_store_that_does_not_offer_it(client, till, customer):
    till.client.application.test_cli_runner().invoke(
        args=["rail", "configure", till.shop.store.slug, "wallet", "--disable"]
    )

    assert create(till, customer_id=customer)[1]["rails"] == ["vietqr"]
    assert refusal(*create(till, customer_id=customer, rails=["wallet"]))[2] == "rails.0"


def test_naming_the_customer_later_brings_the_wallet(till, customer):
    session = till.make_session(500_000)
    path = f"/checkout/sessions/{session['id']}"

    _, changed = till.call("PATCH", path, {"customer_id": customer})
    assert changed["rails"] == ["vietqr", "wallet"]
    assert pay_from_wallet(till, session["id"])[0] == 201


def test_rails_that_were_chosen_stay_chosen(till, customer):
    session = till.make_session(500_000, customer_id=customer, rails=["wallet", "vietqr"])
    other = till.make_session(500_000, customer_id=customer, rails=["vietqr"])
    path = f"/checkout/sessions/{session['id']}"

    assert till.call("PATCH", path, {"amount": 600_000})[1]["rails"] == ["wallet", "vietqr"]
    changed = till.call("PATCH", f"/checkout/sessions/{other['id']}", {"customer_id": customer})[1]
    assert changed["rails"] == ["vietqr"]


@pytest.mark.parametrize(
    "change", [{"customer": {"email": EMAIL}}, {"customer_id": None}, {"customer": None}]
)
def test_a_customer_who_is_no_longer_proven_loses_it(till, customer, change):
    session_id = make_session(till, customer)

    _, changed = till.call("PATCH", f"/checkout/sessions/{session_id}", change)
    assert changed["rails"] == ["vietqr"]
    assert pay_from_wallet(till, session_id)[0] == 422
    row = read_one(
        "SELECT customer_proven AS p FROM checkout_session WHERE id = %(i)s", i=session_id
    )
    assert row.p is False


def test_a_session_that_only_the_wallet_pays_keeps_its_customer(till, customer):
    session_id = make_session(till, customer, rails=["wallet"])

    status, answer = till.call(
        "PATCH", f"/checkout/sessions/{session_id}", {"customer": {"email": EMAIL}}
    )
    assert refusal(status, answer) == (422, "rail_not_available", "customer")


def test_an_open_session_is_not_reused_for_somebody_else(till, customer):
    given = {"reference": "BK-1", "reuse_open": True}
    _, first = create(till, customer_id=customer, **given)
    stranger = make_customer(till.shop)

    assert create(till, customer_id=customer, **given)[1]["id"] == first["id"]
    for other in ({"customer_id": stranger}, {"customer": {"email": EMAIL}}, {}):
        _, session = create(till, **other, **given)
        assert session["id"] != first["id"]


def test_a_foreign_customer_is_missing(till, customer):
    from tests.factories.stores import make_shop

    live = make_shop(True, till.shop.store)
    for stranger in (make_customer(make_shop()), make_customer(live)):
        assert refusal(*create(till, customer_id=stranger)) == (
            404,
            "resource_missing",
            "customer_id",
        )


def test_a_store_with_nothing_but_the_wallet(client):
    from tests.factories.stores import make_shop
    from tests.factories.till import Till

    till = Till(client, make_shop(), account="")
    offer_wallet(till.shop)

    assert create(till, customer_id=make_customer(till.shop))[1]["rails"] == ["wallet"]
    assert refusal(*create(till)) == (422, "rail_not_available", "rails")
