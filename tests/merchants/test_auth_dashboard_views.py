"""Signing up, in and out in a browser, as plain forms."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from checkout.core.db import run, unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.accounts import put_password, sign_in_browser
from tests.factories.desks import CSRF, make_desk
from tests.factories.people import FACTS, PASSWORD, make_user, turn_on_two_factor

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


@pytest.fixture
def https(app, monkeypatch):
    """A proxy has ended TLS: what arrives here looks like plain http."""
    known = app.extensions["checkout_config"]
    changed = replace(known, public_url="https://pay.example")
    monkeypatch.setitem(app.extensions, "checkout_config", changed)


def cookies_of(answer) -> dict[str, str]:
    lines = answer.headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line for line in lines}


def test_behind_a_proxy_every_cookie_is_for_https_alone(client, https):
    user = make_user()
    turn_on_two_factor(user)

    page = client.get(f"{HOME}/sign-in?lang=en")
    token, guest = CSRF.search(page.text)[1], cookies_of(page)["guest"]
    client.set_cookie("guest", guest.partition("=")[2].partition(";")[0])
    form = {"csrf": token, "email": user.email, "password": PASSWORD}
    answer = client.post(f"{HOME}/sign-in", data=form)

    found = cookies_of(page) | cookies_of(answer)
    assert found.keys() == {"guest", "lang", "second_step"}
    for line in found.values():
        assert "; Secure; HttpOnly; " in line
        assert line.endswith("SameSite=Lax")


def test_behind_a_proxy_signing_out_takes_the_cookie_away(client, https):
    """Browsers pass over a line for a name with __Host- that is not for https alone."""
    with unit_of_work():
        cookie = sign_in_browser(make_user().id, FACTS)
    client.set_cookie("__Host-merchant", cookie, secure=True)
    secure = {"base_url": "https://localhost"}
    token = CSRF.search(client.get(f"{HOME}/account", **secure).text)[1]

    answer = client.post(f"{HOME}/sign-out", data={"csrf": token}, **secure)

    line = cookies_of(answer)["__Host-merchant"]
    assert "Max-Age=0; Secure; " in line
    assert "Path=/;" in line


@pytest.mark.parametrize("by", ["browser", "program"])
def test_a_password_that_is_changed_meanwhile_opens_nothing(client, monkeypatch, by):
    """Proving it takes a while, in which somebody sets a new one and so ends every sign-in."""
    user = make_user()
    from checkout.merchants import log_in

    def verify_slowly(hashed, password):
        with unit_of_work():
            put_password(user, "hash of another password")
        return True

    monkeypatch.setattr(log_in, "verify_password", verify_slowly)
    if by == "browser":
        answer = fill(client, f"{HOME}/sign-in", email=user.email, password=PASSWORD)
    else:
        body = {"email": user.email, "password": PASSWORD}
        answer = client.post("/api/v1/auth/login", json=body)

    assert answer.status_code == 401
    assert run("SELECT id FROM sign_in WHERE revoked_at IS NULL") == []


def test_of_two_new_passwords_for_the_same_old_one_the_first_counts(app, monkeypatch):
    desk = make_desk()
    from checkout.merchants import log_in

    def verify_slowly(hashed, password):
        with unit_of_work():
            put_password(desk.user, "hash of the owner's new password", but=signed_in())
        return True

    def signed_in():
        return run("SELECT id FROM sign_in WHERE revoked_at IS NULL")[0].id

    monkeypatch.setattr(log_in, "verify_password", verify_slowly)
    form = {"current_password": PASSWORD, "new_password": "a password of somebody else"}
    desk.refused(f"{HOME}/account/password", form, status=401)

    (row,) = run("SELECT password_hash FROM app_user WHERE id = %(id)s", id=desk.user.id)
    assert row.password_hash == "hash of the owner's new password"
