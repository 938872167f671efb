"""A store's settings in the browser: typed as people write, kept as the API has them."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image

from checkout.core.db import execute, run, unit_of_work
from checkout.merchants.stores import change_store, find_store
from tests.factories.desks import make_desk

INPUT = re.compile(
    r'<input id="f-[^"]*" name="([^"]+)" type="(?!checkbox)[^"]*"[^>]* value="([^"]*)"'
)
CHOSEN = re.compile(
    r'<select id="f-[^"]*" name="([^"]+)".*?<option value="([^"]*)" selected', re.DOTALL
)


def filled(page: str) -> dict[str, str]:
    """What a browser would send if nobody touched the form; no box is ticked."""
    return dict(INPUT.findall(page)) | dict(CHOSEN.findall(page))


def settings_of(desk):
    return find_store(desk.store_id).settings


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
@pytest.mark.parametrize("path", ["/settings", "/settings/hosts"])
def test_the_pages_open_in_every_language(app, locale, path):
    page = make_desk(locale=locale).get(path)

    assert f'<html lang="{locale}">' in page


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_a_form_sent_as_it_is_changes_nothing(app, locale):
    desk = make_desk(locale=locale)
    with unit_of_work():
        change_store(
            desk.store_id,
            {
                "bounds": {"USD": {"min": 150}, "VND": {"min": 10_000, "max": 20_000_000}},
                "fee_bps": 125,
                "allowed_hosts": ["shop.example"],
                "browser_amounts": True,
                "brand_color": "#aa3366",
                "contact_email": "lan@shop.example",
                "notify_by_email": False,
            },
            actor="test",
        )
    before = find_store(desk.store_id)

    desk.done("/settings", filled(desk.get("/settings")))

    assert find_store(desk.store_id) == before


def test_amounts_are_typed_in_the_currencys_own_unit(app):
    desk = make_desk()

    page = desk.done(
        "/settings",
        {
            "least_USD": "12.50 USD",
            "most_VND": "500.000 ₫",
            "topup_least_VND": "",
            "topup_most_VND": "",
            "fee_percent": "1,5",
        },
    )

    settings = settings_of(desk)
    assert settings.bounds["USD"].min == 1250
    assert settings.bounds["VND"].max == 500_000
    assert settings.topup_bounds == {}
    assert settings.fee_bps == 150
    assert "$12.50" in page
    assert "Saved." in page


def test_mails_about_what_waits_are_turned_off_and_on(app):
    desk = make_desk(locale="en")
    assert '<option value="true" selected>Send them' in desk.get("/settings")

    page = desk.done("/settings", {"notify_by_email": "false"})

    assert settings_of(desk).notify_by_email is False
    assert '<option value="false" selected>Send none' in page
    desk.done("/settings", {"duration_minutes": "20"})
    assert settings_of(desk).notify_by_email is False
    desk.done("/settings", {"notify_by_email": "true"})
    assert settings_of(desk).notify_by_email is True


def test_currencies_are_boxes_and_a_line_for_others(app):
    desk = make_desk()

    page = desk.done("/settings", {"currencies": ["VND", "USD"], "more_currencies": "thb, eur"})

    assert settings_of(desk).currencies == ["VND", "USD", "THB", "EUR"]
    assert 'name="least_THB"' in page
    desk.done("/settings", {"more_currencies": ""})
    assert settings_of(desk).currencies == []


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": ""}, "name"),
        ({"slug": "Hoa Mai"}, "slug"),
        ({"duration_minutes": "0"}, "duration_minutes"),
        ({"duration_minutes": "soon"}, "duration_minutes"),
        ({"max_attempts": "11"}, "max_attempts"),
        ({"time_zone": "Hanoi"}, "time_zone"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"least_USD": "12.50 VND"}, "least_USD"),
        ({"least_VND": "5.000", "most_VND": "4.000"}, "most_VND"),
        ({"least_XXX": "5"}, "least_XXX"),
        ({"more_currencies": "XYZ"}, "currencies"),
        ({"fee_percent": "much"}, "fee_percent"),
        ({"code_prefix": "hm1"}, "code_prefix"),
    ],
)
def test_what_is_wrong_stands_at_its_field(app, form, field):
    desk = make_desk()
    before = find_store(desk.store_id)

    page = desk.refused("/settings", form)

    assert find_store(desk.store_id) == before
    assert f'id="e-{field}"' in page or field == "least_XXX"


def test_what_is_emptied_is_taken_away(app):
    desk = make_desk()
    desk.done("/settings", {"contact_email": "lan@shop.example", "locale": "km"})
    assert settings_of(desk).locale == "km"

    desk.done("/settings", {"contact_email": "", "locale": ""})

    assert settings_of(desk).contact_email is None
    assert settings_of(desk).locale is None


def test_hosts_are_names_of_what_was_copied(app):
    desk = make_desk()

    desk.done("/settings/hosts", {"allowed_hosts": "https://Shop.example/cart\nb.example:8443"})

    assert settings_of(desk).allowed_hosts == ["shop.example", "b.example:8443"]
    assert settings_of(desk).browser_amounts is False
    page = desk.refused("/settings/hosts", {"allowed_hosts": "not a host!", "browser_amounts": "1"})
    assert 'id="e-allowed_hosts"' in page


def test_hosts_need_the_password(app):
    desk = make_desk()
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '1 hour'")

    page = desk.refused("/settings/hosts", {"allowed_hosts": "evil.example"}, status=403)

    assert 'name="password_again"' in page
    assert "evil.example" in page
    assert settings_of(desk).allowed_hosts == []


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_others_may_only_read(app, role):
    desk = make_desk(role)

    page = desk.get("/settings")

    assert 'action="/dashboard/' not in page.replace('action="/dashboard/sign-out', "")
    assert desk.post("/settings", {"name": "Mine"}).status_code == 403
    assert desk.post("/settings/hosts", {"allowed_hosts": "evil.example"}).status_code == 403


def test_every_change_is_audited(app):
    desk = make_desk()

    desk.done("/settings", {"duration_minutes": "30"})

    (entry,) = run(
        "SELECT * FROM audit_entry WHERE store_id = %(id)s AND action = 'store.changed'",
        id=desk.store_id,
    )
    assert entry.actor == f"user:{desk.user.id}"
    assert entry.details["after"] == {"duration_minutes": 30}


def picture() -> tuple[BytesIO, str]:
    made = BytesIO()
    Image.new("RGB", (120, 80), (10, 120, 200)).save(made, "PNG")
    return BytesIO(made.getvalue()), "logo.png"


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_a_colour_is_tried_on_without_being_kept(app, locale):
    desk = make_desk(locale=locale)

    page = desk.get("/settings/look?color=%23FFDD00")

    assert 'value="#ffdd00"' in page
    assert page.count("<svg") >= 2
    assert settings_of(desk).brand_color is None


@pytest.mark.parametrize("color", ["red", "%23zzz", "%23aabbcc;fill:x", ""])
def test_what_is_no_colour_is_not_tried_on(app, color):
    assert 'value="#0f6b5c"' in make_desk().get(f"/settings/look?color={color}")


def test_a_colour_is_kept_and_given_up(app):
    desk = make_desk()

    desk.done("/settings/look", {"brand_color": "#AA3366"})
    assert settings_of(desk).brand_color == "#aa3366"

    desk.refused("/settings/look", {"brand_color": "red"})
    assert settings_of(desk).brand_color == "#aa3366"

    desk.done("/settings/look", {"brand_color": ""})
    assert settings_of(desk).brand_color is None


def test_a_logo_is_uploaded_and_removed(app):
    desk = make_desk()

    page = desk.done("/settings/logo", {"image": picture()})

    (found,) = re.findall(r'src="(/logos/[^"]+)"', page)
    assert desk.client.get(found).content_type == "image/webp"
    page = desk.done("/settings/logo/removal")
    assert "/logos/" not in page


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"image": (BytesIO(b"<svg/>"), "logo.png")},
        {"image": (BytesIO(b"\x89PNG" + bytes(190_000)), "logo.png")},
        {"image": "text"},
    ],
)
def test_no_picture_is_no_logo(app, form):
    page = make_desk().refused("/settings/logo", form)

    assert 'id="e-image"' in page
