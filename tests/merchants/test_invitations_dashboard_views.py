"""Following the link of an invitation: signed in, signing in, signing up, too late."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import execute, run, unit_of_work
from checkout.core.i18n import LOCALES
from checkout.merchants.invitations import invite_member
from checkout.merchants.letters import write_letters
from checkout.merchants.members import member_role
from tests.factories.books import read_one
from tests.factories.desks import CSRF, DeskBrowser
from tests.factories.people import PASSWORD, browser, make_user
from tests.factories.stores import make_store

HOME = "/dashboard"
EMAIL = "sokha@homestay.example"


@pytest.fixture
def store(app):
    return make_store()


@pytest.fixture
def link(app, store):
    """The path of the link that was mailed."""
    with unit_of_work():
        invite_member(store.id, EMAIL, "support", actor="test", by_role="owner")
    body = read_one("SELECT text_body FROM mail").text_body
    return re.search(r"/dashboard/invitations/\S+", body)[0]


@pytest.fixture
def invited(app):
    user = make_user(EMAIL, locale="en")
    return DeskBrowser(browser(user), user, "")


def fill(client, path, **fields):
    page = client.get(path)
    token = CSRF.search(page.text)[1]
    return client.post(path.partition("?")[0], data={"csrf": token, **fields})


def test_who_is_signed_in_joins(store, link, invited):
    page = invited.get(link)
    assert f"You are invited to the team of {store.name} as: support." in page
    assert EMAIL in page

    answer = invited.post(link)

    assert (answer.status_code, answer.location) == (303, f"{HOME}/{store.id}/test")
    assert member_role(invited.user.id, store.id) == "support"
    line = read_one("SELECT * FROM audit_entry WHERE action = 'member.joined'")
    assert line.actor == f"user:{invited.user.id}"


def test_opening_the_link_joins_nobody(store, link, invited):
    invited.get(link)

    assert member_role(invited.user.id, store.id) is None


def test_it_is_good_once(link, invited):
    invited.post(link)

    assert "This invitation cannot be used" in invited.get(link, 404)
    assert invited.post(link).status_code == 404


def test_who_has_an_account_signs_in_and_comes_back(client, link):
    make_user(EMAIL)
    page = client.get(link).text
    path = re.search(r'href="(/dashboard/sign-in\?[^"]+)"', page)[1]

    token = CSRF.search(client.get(path).text)[1]
    form = {"csrf": token, "email": EMAIL, "password": PASSWORD, "next": link}

    assert f'name="next" value="{link}"' in client.get(path).text
    assert client.post(f"{HOME}/sign-in", data=form).location == link


def test_who_has_none_signs_up_and_comes_back(client, link):
    page = client.get(link).text
    path = re.search(r'href="(/dashboard/sign-up\?[^"]+)"', page)[1]
    fill(client, path, email=EMAIL, password=PASSWORD, name="Sokha", next=link)
    write_letters()
    body = read_one("SELECT text_body FROM mail WHERE purpose = 'account.sign_up'").text_body
    confirm = re.search(r"/dashboard/confirm\?token=(\S+)", body)

    answer = fill(client, confirm[0], token=confirm[1], password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, link)
    assert client.get_cookie("next", path=HOME) is None


def test_a_kept_address_leads_to_no_other_site(client):
    fill(client, f"{HOME}/sign-up", email=EMAIL, password=PASSWORD, name="Sokha")
    write_letters()
    body = read_one("SELECT text_body FROM mail").text_body
    token = re.search(r"token=(\S+)", body)[1]
    client.set_cookie("next", "https://evil.example/", path=HOME)

    path = f"{HOME}/confirm?token={token}"
    assert fill(client, path, token=token, password=PASSWORD).location == HOME


def test_somebody_else_does_not_join(store, link):
    user = make_user(locale="en")
    desk = DeskBrowser(browser(user), user, "")

    page = desk.refused(link, status=403)

    assert "This invitation is for another address." in page
    assert member_role(user.id, store.id) is None


@pytest.mark.parametrize("change", ["expires_at = now()", "revoked_at = now()"])
def test_a_link_that_is_over_says_so(link, invited, change):
    with unit_of_work():
        execute(f"UPDATE invitation SET {change}")

    assert "Ask whoever invited you for another." in invited.get(link, 404)
    assert invited.post(link).status_code == 404
    assert run("SELECT 1 AS found FROM membership") == []


@pytest.mark.parametrize("token", ["x", "test", "%00", "%ff", "a" * 500])
def test_a_link_that_never_was_says_the_same(client, token):
    answer = client.get(f"{HOME}/invitations/{token}?lang=en")

    assert answer.status_code == 404
    assert "Ask whoever invited you for another." in answer.text


def test_a_forged_form_joins_nobody(store, link, invited):
    assert invited.client.post(link).status_code == 403
    assert member_role(invited.user.id, store.id) is None


def test_nobody_joins_without_signing_in(client, link):
    assert client.post(link).location.startswith(f"{HOME}/sign-in")


@pytest.mark.parametrize("locale", LOCALES)
def test_the_pages_speak_every_language(client, link, locale):
    for path in (link, f"{HOME}/invitations/none"):
        assert f'<html lang="{locale}">' in client.get(f"{path}?lang={locale}").text
