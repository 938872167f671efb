"""Coming in, choosing a store, making one."""

from __future__ import annotations

import pytest

from checkout.core.db import run, unit_of_work
from checkout.merchants.members import add_member
from checkout.merchants.stores import suggest_slug
from tests.factories.books import read_one
from tests.factories.desks import DeskBrowser, make_desk
from tests.factories.people import browser, make_user
from tests.factories.stores import make_shop, make_store, make_vietqr

HOME = "/dashboard"


@pytest.fixture
def newcomer(app):
    user = make_user(locale="en")
    return DeskBrowser(browser(user), user, "")


def test_nobody_is_sent_to_the_sign_in(client):
    assert client.get(HOME).location == f"{HOME}/sign-in?next=/dashboard"


def test_who_has_no_store_makes_one(newcomer):
    assert newcomer.client.get(HOME).location == f"{HOME}/stores/new"
    assert "You belong to no store yet" in newcomer.get(f"{HOME}/stores")


def test_the_only_store_is_opened_at_once(app):
    desk = make_desk()

    assert desk.client.get(HOME).location == f"{HOME}/{desk.store_id}/test"


def test_who_takes_real_money_comes_back_for_it(app):
    shop = make_shop(livemode=True)
    make_vietqr(shop)
    desk = make_desk(store_id=shop.store.id)

    assert desk.client.get(HOME).location == f"{HOME}/{desk.store_id}/live"


def test_of_several_stores_one_is_chosen_each_with_its_role(app):
    desk = make_desk("viewer")
    other, strangers = make_store(), make_store()
    with unit_of_work():
        add_member(other.id, desk.user.id, "owner")

    assert desk.client.get(HOME).location == f"{HOME}/stores"
    page = desk.get(f"{HOME}/stores")

    assert other.name in page
    assert f'href="{HOME}/{other.id}/live"' in page
    assert f'href="{desk.root}"' in page
    assert "viewer" in page
    assert "owner" in page
    assert strangers.id not in page


def test_a_store_is_made_and_the_merchant_owns_it(newcomer):
    form = {
        "name": "Phở Đặc Biệt",
        "slug": "",
        "currencies": ["VND", "USD"],
        "time_zone": "Asia/Phnom_Penh",
        "locale": "km",
    }

    answer = newcomer.post(f"{HOME}/stores", form)

    store = read_one("SELECT * FROM store WHERE slug = 'pho-dac-biet'")
    assert (answer.status_code, answer.location) == (303, f"{HOME}/{store.id}/test")
    assert store.settings == {
        "currencies": ["VND", "USD"],
        "time_zone": "Asia/Phnom_Penh",
        "locale": "km",
    }
    member = read_one("SELECT role FROM membership WHERE store_id = %(id)s", id=store.id)
    assert member.role == "owner"
    line = read_one("SELECT * FROM audit_entry WHERE store_id = %(id)s", id=store.id)
    assert (line.action, line.actor) == ("store.created", f"user:{newcomer.user.id}")


def test_a_slug_that_is_taken_is_said_at_its_field_and_nothing_typed_is_lost(newcomer):
    slug = make_store().slug

    page = newcomer.refused(f"{HOME}/stores", {"name": "Mây", "slug": slug}, status=409)

    assert 'id="e-slug"' in page
    assert "Another store has this short name" in page
    assert 'value="Mây"' in page


def test_a_store_needs_a_name(newcomer):
    page = newcomer.refused(f"{HOME}/stores", {"name": "", "slug": ""})

    assert 'id="e-name"' in page
    assert "This is needed." in page


def test_nobody_has_stores_without_end(newcomer, monkeypatch):
    monkeypatch.setattr("checkout.merchants.stores.MOST_STORES", 0)

    page = newcomer.refused(f"{HOME}/stores", {"name": "One more"}, status=409)

    assert "as many stores as one account can have" in page
    assert not run("SELECT 1 AS found FROM store")


def test_a_form_without_its_token_makes_no_store(newcomer):
    answer = newcomer.client.post(f"{HOME}/stores", data={"name": "Forged", "slug": "forged"})

    assert answer.status_code == 403
    assert not run("SELECT 1 AS found FROM store WHERE slug = 'forged'")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Homestay Mây", "homestay-may"),
        ("  Đà Lạt & Sa Pa!  ", "da-lat-sa-pa"),
        ("ផ្ទះ", "store"),
        ("a" * 99, "a" * 40),
    ],
)
def test_a_slug_is_suggested_from_the_name(app, name, slug):
    assert suggest_slug(name) == slug


def test_a_suggestion_is_free(app):
    taken = make_store().slug

    suggested = suggest_slug(taken)

    assert suggested != taken
    assert suggested.startswith(taken)


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_the_pages_speak_every_language(newcomer, locale):
    for path in ("stores", "stores/new"):
        assert f'<html lang="{locale}">' in newcomer.get(f"{HOME}/{path}?lang={locale}")
