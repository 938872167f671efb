"""Signing up, in and out in a browser, as plain forms."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import run
from checkout.merchants.access import cookie_name
from tests.factories.desks import CSRF, make_desk
from tests.factories.people import PASSWORD, make_user

HOME = "/dashboard"


def fill(client, path, **fields):
    page = client.get(path)
    assert page.status_code == 200, page.text
    token = CSRF.search(page.text)[1]
    return client.post(path.partition("?")[0], data={"csrf": token, **fields})


@pytest.mark.parametrize(
    "path", ["sign-in", "sign-up", "forgot", "reset?token=x", "confirm?token=x"]
)
@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_door_opens_in_every_language(client, path, locale):
    page = client.get(f"{HOME}/{path}{'&' if '?' in path else '?'}lang={locale}")

    assert page.status_code == 200
    assert f'<html lang="{locale}">' in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_who_signs_in_is_known_until_he_signs_out(client):
    user = make_user()

    answer = fill(client, f"{HOME}/sign-in", email=user.email, password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, HOME)
    cookie = client.get_cookie(cookie_name())
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    page = client.get(f"{HOME}/account").text
    assert user.email in page
    token = CSRF.search(page)[1]
    assert client.post(f"{HOME}/sign-out", data={"csrf": token}).location == f"{HOME}/sign-in"
    assert client.get(f"{HOME}/account").status_code == 303


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_and_an_unknown_address_look_alike(client, known):
    email = make_user().email if known else "nobody@shop.example"

    answer = fill(client, f"{HOME}/sign-in?lang=en", email=email, password="wrong password here")

    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in answer.text
    assert email in answer.text
    assert "wrong password here" not in answer.text


def test_what_is_wrong_stands_at_its_field(client):
    answer = fill(client, f"{HOME}/sign-up?lang=en", name="Lan", email="nobody", password="x" * 20)

    assert answer.status_code == 422
    assert re.search(r'id="f-email"[^>]*aria-invalid="true"', answer.text)
    assert 'id="e-email"' in answer.text
    assert 'value="Lan"' in answer.text


def test_a_newcomer_signs_up(client):
    answer = fill(
        client, f"{HOME}/sign-up", name="Lan", email="Lan@shop.example", password=PASSWORD
    )

    assert answer.status_code == 200
    assert "Lan@shop.example".lower() in answer.text.lower()
    (letter,) = run("SELECT * FROM letter")
    assert (letter.kind, letter.email) == ("sign_up", "lan@shop.example")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example/dashboard",
        "/dashboardx",
        "/\\evil.example",
        "//[",
        "https://[evil.example",
        "//\u2100",
    ],
)
def test_nobody_is_sent_to_another_site(client, path):
    user = make_user()
    page = client.get(f"{HOME}/sign-in", query_string={"next": path})
    token = CSRF.search(page.text)[1]
    form = {"csrf": token, "next": path, "email": user.email, "password": PASSWORD}

    assert client.post(f"{HOME}/sign-in", data=form).location == HOME


def test_a_guests_form_is_never_a_members(app, client):
    desk = make_desk()
    (row,) = run("SELECT id FROM sign_in")
    client.set_cookie("guest", row.id)

    assert CSRF.search(client.get(f"{HOME}/sign-in").text)[1] != desk.token()


def test_a_form_without_its_token_does_nothing(app):
    desk = make_desk()

    answer = desk.client.post(f"{HOME}/account", data={"name": "Evil", "locale": "vi"})

    assert answer.status_code == 403
    assert "Evil" not in desk.get(f"{HOME}/account")


def test_a_form_from_another_site_does_nothing(app):
    desk = make_desk()

    answer = desk.post(
        f"{HOME}/account", {"name": "Evil"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 403


def test_a_stranger_finds_no_store(app):
    own, other = make_desk(), make_desk()

    assert own.client.get(other.root).status_code == 404


def test_the_account_is_changed_and_says_so_once(app):
    desk = make_desk(locale="en")

    page = desk.done(f"{HOME}/account", {"name": "Lan Anh", "locale": "en"})

    assert "Lan Anh" in page
    assert "Saved." in page
    assert "Saved." not in desk.get(f"{HOME}/account")
