"""A payment link made by hand: over the same verb as the API, in both modes."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import run
from checkout.core.i18n import LOCALES, text
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop, make_vietqr

LINK = {
    "amount": "500.000",
    "currency": "VND",
    "reference": "BK-2031",
    "description": "Two nights",
    "email": "Lan@homestay.example",
    "duration_minutes": "1440",
}


@pytest.fixture(params=["test", "live"])
def desk(app, request):
    shop = make_shop(livemode=request.param == "live")
    make_vietqr(shop)
    return make_desk("support", shop.store.id, mode=request.param)


def made():
    return run("SELECT * FROM checkout_session ORDER BY id")


def test_a_link_is_made_and_shown_to_be_copied(desk):
    assert f'href="{desk.url("/sessions/new")}"' in desk.get("/sessions")
    assert desk.url("/sessions") in desk.get("/sessions/new")

    page = desk.done("/sessions", LINK)

    (session,) = made()
    assert "The payment link is ready." in page
    assert f'data-copy="http://127.0.0.1:8000/pay/{session.id}"' in page
    assert (session.amount, session.currency, session.mode) == (500_000, "VND", "payment")
    assert (session.reference, session.description) == ("BK-2031", "Two nights")
    assert session.livemode is (desk.mode == "live")
    assert (session.expires_at - session.created_at).total_seconds() == 86_400
    (customer,) = run("SELECT * FROM customer")
    assert (customer.id, customer.email) == (session.customer_id, "lan@homestay.example")
    # Nobody has proven to be who was typed: their wallet stays closed.
    assert session.customer_proven is False
    (first,) = run("SELECT * FROM session_history")
    assert (first.event, first.actor) == ("created", f"user:{desk.user.id}")
    (told,) = run("SELECT * FROM outbox WHERE type = 'checkout.session.created'")
    assert told.subject == session.id
    assert "Two nights" in desk.client.get(f"/pay/{session.id}").text


def test_what_is_left_out_is_as_the_store_has_it(desk):
    desk.done("/sessions", {"amount": "150000", "currency": "VND", "duration_minutes": ""})

    (session,) = made()
    assert (session.reference, session.description, session.customer_id) == (None, None, None)
    assert (session.expires_at - session.created_at).total_seconds() == 15 * 60


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "9" * 16}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"email": "lan"}, "email"),
        ({"reference": "x" * 201}, "reference"),
        ({"duration_minutes": "43201"}, "duration_minutes"),
    ],
)
def test_what_is_wrong_stands_at_its_field(desk, form, field):
    page = desk.refused("/sessions", LINK | form)

    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page), page
    assert 'value="Two nights"' in page
    assert made() == []


def test_who_only_looks_makes_none(desk):
    viewer = make_desk("viewer", desk.store_id, mode=desk.mode)

    assert "/sessions/new" not in viewer.get("/sessions")
    viewer.get("/sessions/new", 403)
    viewer.refused("/sessions", LINK, status=403)
    stranger = make_desk("owner", mode=desk.mode)
    assert stranger.post(desk.url("/sessions"), LINK).status_code == 404
    assert made() == []


def test_what_was_typed_is_only_text(desk):
    evil = '"><script>alert(1)</script>'

    page = desk.done("/sessions", LINK | {"description": evil, "reference": evil})

    assert "<script>alert" not in page
    assert "<script>alert" not in desk.refused("/sessions", {"amount": evil, "currency": evil})


@pytest.mark.parametrize("locale", LOCALES)
def test_it_speaks_the_merchants_language(app, locale):
    desk = make_desk("owner", locale=locale)

    assert text("links.help", locale) in desk.get("/sessions/new")
