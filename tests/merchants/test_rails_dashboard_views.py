"""The ways to pay in the browser: forms from declarations, secrets that never come back."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.i18n import LOCALES, Translator, catalogue
from checkout.merchants.rail_accounts import load_current
from checkout.merchants.rail_form import rail_fields, rail_steps, read_rail_form
from checkout.merchants.stores import change_store
from checkout.rails.registry import folders, get_rail, names
from tests.factories.desks import make_desk
from tests.factories.stores import VIETQR

SECRET = VIETQR["api_key"]


def account_of(desk, rail="vietqr"):
    return load_current(desk.store_id, desk.mode == "live", rail)


def accounts(desk):
    return run("SELECT * FROM rail_account WHERE store_id = %(id)s ORDER BY id", id=desk.store_id)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("mode", ["test", "live"])
def test_every_rail_has_its_page(app, locale, mode):
    desk = make_desk(locale=locale, mode=mode)

    assert all(f"/rails/{rail}" in desk.get("/rails") for rail in names())
    for rail in names():
        page = desk.get(f"/rails/{rail}")
        for setting in get_rail(rail).settings:
            assert f'name="{setting.name}"' in page


def test_every_setting_is_told_in_every_language():
    for locale in LOCALES:
        texts = catalogue(locale)
        for rail in folders():
            assert rail_steps(rail, Translator(locale), prefix="HM")
            for setting in get_rail(rail).settings:
                keys = (f"{rail}.{setting.name}", setting.name)
                assert any(f"rails.set.{key}" in texts for key in keys), (rail, setting.name)
                assert any(f"rails.help.{key}" in texts for key in keys), (rail, setting.name)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_sepay_must_look_for_is_told_with_the_stores_own_prefix(app, locale):
    desk = make_desk(locale=locale)
    with unit_of_work():
        change_store(desk.store_id, {"code_prefix": "MAY"}, actor="command")

    page = desk.get("/rails/vietqr")

    structure = next(line for line in page.splitlines() if "MAY7K3QX9W" in line)
    assert re.search(r"\bMAY\b", structure)
    assert "7" in structure.replace("MAY7K3QX9W", "")
    assert "HM7K3QX9W" not in page
    assert "{prefix}" not in page
    skip = {"en": "no payment code” with No", "vi": "chọn Không", "km": "សូមជ្រើស ទេ"}[locale]
    assert skip in page


def test_a_rail_is_connected_tested_and_switched(app):
    desk = make_desk()

    page = desk.done("/rails/vietqr", VIETQR)

    account = account_of(desk)
    assert account.settings["account_number"] == VIETQR["account_number"]
    assert f"/hooks/vietqr/{account.id}" in page
    assert SECRET not in page
    assert 'value="HOA MAI"' in page
    page = desk.done("/rails/vietqr/switch", {"on": ""})
    assert one("SELECT enabled FROM rail_account WHERE id = %(id)s", id=account.id).enabled is False
    desk.done("/rails/vietqr/switch", {"on": "1"})
    assert account_of(desk).id == account.id


def test_the_list_has_a_switch_for_each(app):
    desk = make_desk()
    desk.done("/rails/vietqr", VIETQR)

    answer = desk.post("/rails/vietqr/switch", {"on": "", "list": "1"})

    assert answer.location == desk.url("/rails")
    assert "Off" in desk.get("/rails")


def test_an_empty_secret_keeps_what_is_set(app):
    desk = make_desk()
    desk.done("/rails/vietqr", VIETQR)
    before = account_of(desk)

    desk.done("/rails/vietqr", {**VIETQR, "api_key": "", "auth": "apikey", "attempt_minutes": "15"})

    assert account_of(desk) == before
    page = desk.done("/rails/vietqr", {**VIETQR, "api_key": "", "account_name": "LAN"})
    assert account_of(desk).id != before.id
    assert account_of(desk).settings["api_key"] == SECRET
    assert "The hook address is a new one" in page


def test_a_secret_is_taken_away_by_its_box(app):
    desk = make_desk()
    desk.done("/rails/vietqr", {**VIETQR, "api_token": "a-token"})
    assert 'name="drop_api_token"' in desk.get("/rails/vietqr")

    desk.done("/rails/vietqr", {"drop_api_token": "1"})

    assert account_of(desk).settings["api_token"] is None


def test_what_is_wrong_stands_at_its_field(app):
    desk = make_desk()

    page = desk.refused("/rails/vietqr", {**VIETQR, "bank": "NOBANK"})

    assert 'id="e-bank"' in page
    assert 'value="NOBANK"' in page
    assert SECRET not in page
    assert accounts(desk) == []
    page = desk.refused("/rails/vietqr", {"bank": "VCB"})
    assert 'id="e-account_number"' in page


def test_boxes_that_nobody_touched_change_nothing():
    rail = get_rail("zalopay")
    drawn = {"drawn": ["bank_links"]}

    assert read_rail_form(rail, drawn, {}) == {}
    assert read_rail_form(rail, drawn, {"bank_links": True}) == {"bank_links": False}
    assert read_rail_form(rail, drawn | {"bank_links": ["1"]}, {}) == {"bank_links": True}
    assert read_rail_form(rail, {}, {"bank_links": True}) == {}


def test_a_field_never_holds_a_secret():
    shown = {"settings": {"bank": "VCB"}, "secrets_set": ["api_key"]}

    fields = {one.name: one for one in rail_fields(get_rail("vietqr"), shown, Translator("en"))}

    assert (fields["api_key"].value, fields["api_key"].is_set) == ("", True)
    assert fields["bank"].value == "VCB"
    assert fields["auth"].value == "apikey"


@pytest.mark.parametrize("rail", folders())
def test_the_pretend_provider_is_one_button_away(app, rail):
    desk = make_desk()

    page = desk.done(f"/rails/{rail}/pretend")

    assert "The pretend provider is ready." in page
    assert account_of(desk, rail).livemode is False


def test_nothing_is_pretended_in_live_mode(app):
    desk = make_desk(mode="live")

    assert desk.post("/rails/vietqr/pretend").status_code == 404
    assert "/pretend" not in desk.get("/rails/vietqr")
    assert accounts(desk) == []


def test_the_test_says_what_came_back(app):
    desk = make_desk()
    desk.done("/rails/wallet/switch", {"on": "1"})

    answer = desk.post("/rails/wallet/test")

    assert answer.status_code == 200
    assert "It works." in answer.text
    assert "There is no provider outside to be asked." in answer.text
    assert desk.post("/rails/vnpay/test").status_code == 404


def test_the_bank_without_notices_has_no_hook_address(app):
    desk = make_desk()

    page = desk.done("/rails/khqr/pretend")

    assert "/hooks/khqr/" not in page
    assert "Hook address" not in page


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/rails/vietqr", VIETQR),
        ("/rails/wallet/switch", {"on": "1"}),
        ("/rails/vietqr/pretend", {}),
    ],
)
def test_opening_this_door_needs_the_password(app, path, form):
    desk = make_desk()
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '1 hour'")

    page = desk.refused(path, form, status=403)

    assert page.count('name="password_again"') == 1
    assert f'action="{desk.url(path)}"' in page
    assert SECRET not in page
    assert accounts(desk) == []
    desk.refused(path, {**form, "password_again": "wrong password here"}, status=401)
    assert accounts(desk) == []


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_others_may_only_look(app, role):
    desk = make_desk(role)

    page = desk.get("/rails/vietqr")

    assert 'action="/dashboard/' not in page.replace('action="/dashboard/sign-out', "")
    for path in ("", "/switch", "/pretend", "/test"):
        assert desk.post(f"/rails/vietqr{path}", VIETQR).status_code == 403
    assert accounts(desk) == []


@pytest.mark.parametrize("path", ["/rails/paypal", "/rails/..%2fbase", "/rails/base"])
def test_no_rail_is_simply_not_there(app, path):
    desk = make_desk()

    desk.get(path, status=404)
    assert desk.post(path, {}).status_code == 404


def test_the_day_is_told(app):
    desk = make_desk()
    desk.done("/rails/vietqr", VIETQR)
    with unit_of_work():
        execute(
            "INSERT INTO rail_health (rail_account_id, failures, resting_until)"
            " VALUES (%(id)s, 6, now() + interval '1 minute')",
            id=account_of(desk).id,
        )

    for path in ("/rails", "/rails/vietqr"):
        page = desk.get(path)
        assert "left 6 calls in a row unanswered" in page
        assert "We leave it alone until" in page
