"""A merchant's own account: password, two-factor, sign-ins, and its end."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import execute, run, unit_of_work
from checkout.merchants.access import forget_found_users
from checkout.merchants.members import add_member
from checkout.merchants.sign_ins import list_sign_ins
from tests.factories.books import read_one
from tests.factories.desks import DeskBrowser, make_desk
from tests.factories.people import (
    PASSWORD,
    browser,
    code_of,
    make_user,
    sign_in,
    turn_on_two_factor,
)

HOME = "/dashboard"
ACCOUNT = f"{HOME}/account"
NEW = "a password that is quite new"
PAGES = ("", "/password", "/two-factor", "/sign-ins", "/deletion")


@pytest.fixture
def desk(app):
    return make_desk()


def grow_old(desk) -> None:
    """The password was typed long ago."""
    with unit_of_work():
        execute(
            "UPDATE sign_in SET password_at = now() - interval '1 hour' WHERE user_id = %(id)s",
            id=desk.user.id,
        )
    forget_found_users()


def is_in(desk) -> bool:
    return desk.client.get(ACCOUNT).status_code == 200


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_speaks_every_language(desk, page, locale):
    assert f'<html lang="{locale}">' in desk.get(f"{ACCOUNT}{page}?lang={locale}")


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_an_account(client, page):
    assert client.get(f"{ACCOUNT}{page}").location.startswith(f"{HOME}/sign-in?next=")


@pytest.mark.parametrize(
    "path", ["/password", "/two-factor", "/two-factor/end", "/sign-ins/end", "/deletion"]
)
def test_a_forged_form_does_nothing(desk, path):
    assert desk.client.post(f"{ACCOUNT}{path}").status_code == 403


class TestPassword:
    def test_it_is_changed_and_ends_the_others(self, desk):
        other = DeskBrowser(browser(desk.user), desk.user, desk.store_id)
        form = {"current_password": PASSWORD, "new_password": NEW}

        page = desk.done(f"{ACCOUNT}/password", form)

        assert "All other sign-ins have ended." in page
        forget_found_users()
        assert not is_in(other)
        assert is_in(desk)
        again = {"current_password": PASSWORD, "new_password": "yet another password"}
        assert "This is not your password." in desk.refused(f"{ACCOUNT}/password", again, 401)

    def test_a_short_one_is_said_at_its_field_and_none_is_written_back(self, desk):
        form = {"current_password": PASSWORD, "new_password": "short"}

        page = desk.refused(f"{ACCOUNT}/password", form)

        assert 'id="e-new_password"' in page
        assert PASSWORD not in page
        assert "short" not in re.sub(r"<p.*?</p>", "", page)

    def test_blanks_around_it_belong_to_it(self, desk):
        form = {"current_password": PASSWORD, "new_password": f" {NEW} "}
        desk.done(f"{ACCOUNT}/password", form)

        without = {"current_password": NEW, "new_password": PASSWORD}
        assert desk.post(f"{ACCOUNT}/password", without).status_code == 401
        within = {"current_password": f" {NEW} ", "new_password": PASSWORD}
        assert desk.post(f"{ACCOUNT}/password", within).status_code == 303


class TestTwoFactor:
    def begin(self, desk) -> str:
        """The secret that the page shows."""
        answer = desk.post(f"{ACCOUNT}/two-factor")
        assert answer.status_code == 200
        assert "<svg" in answer.text
        found = re.search(r'class="code">([A-Z2-7]{32})<', answer.text)
        assert found is not None, answer.text
        return found[1]

    def confirm(self, desk, code, **more):
        return desk.post(f"{ACCOUNT}/two-factor/confirmation", {"code": code, **more})

    def test_it_is_turned_on_with_a_first_code(self, desk):
        secret = self.begin(desk)

        answer = self.confirm(desk, code_of(secret))

        codes = re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", answer.text)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(set(codes)) == 10
        assert 'data-copy="' in answer.text
        page = desk.get(f"{ACCOUNT}/two-factor")
        assert "10 recovery codes are left." in page
        assert codes[0] not in page
        assert secret not in page

    def test_a_wrong_code_shows_the_same_secret_once_more(self, desk):
        secret = self.begin(desk)

        answer = self.confirm(desk, "000000")

        assert answer.status_code == 422
        assert "This is not the code that the app shows now." in answer.text
        assert secret in answer.text
        assert self.confirm(desk, code_of(secret)).status_code == 200

    def test_the_secret_is_on_no_page_that_is_only_opened(self, desk):
        secret = self.begin(desk)

        assert secret not in desk.get(f"{ACCOUNT}/two-factor")

    def test_a_sign_in_left_open_shows_no_secret(self, desk):
        secret = self.begin(desk)
        grow_old(desk)

        for code, more in (("000000", {}), ("000000", {"password_again": "a wrong password"})):
            page = self.confirm(desk, code, **more).text
            assert secret not in page
            assert 'name="password_again"' in page
        answer = self.confirm(desk, "000000", password_again=PASSWORD)
        assert answer.status_code == 422
        assert secret in answer.text
        assert 'name="password_again"' not in answer.text

    @pytest.mark.parametrize("path", ["", "/recovery-codes", "/end"])
    def test_a_password_typed_lately_is_needed(self, desk, path):
        if path:
            turn_on_two_factor(desk.user)
        grow_old(desk)

        page = desk.refused(f"{ACCOUNT}/two-factor{path}", status=403)
        assert page.count('name="password_again"') == 1
        wrong = {"password_again": "a wrong password"}
        page = desk.refused(f"{ACCOUNT}/two-factor{path}", wrong, status=401)
        assert "This is not your password." in page
        assert 'name="password_again"' in page
        right = {"password_again": PASSWORD}
        assert desk.post(f"{ACCOUNT}/two-factor{path}", right).status_code in (200, 303)

    def test_recovery_codes_are_renewed_and_shown_once(self, desk):
        old = turn_on_two_factor(desk.user)[1]

        page = desk.post(f"{ACCOUNT}/two-factor/recovery-codes").text

        new = set(re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", page))
        assert len(new) == 10
        assert not new & set(old)
        assert not new & set(re.findall(r"[a-z2-7-]{19}", desk.get(f"{ACCOUNT}/two-factor")))

    def test_it_is_turned_off_and_a_mail_says_so(self, desk):
        turn_on_two_factor(desk.user)

        page = desk.done(f"{ACCOUNT}/two-factor/end")

        assert "Two-factor is off." in page
        row = read_one("SELECT * FROM app_user WHERE id = %(id)s", id=desk.user.id)
        assert row.totp_sealed is None
        assert read_one("SELECT purpose FROM mail").purpose == "account.two_factor_off"


class TestSignIns:
    def test_they_are_listed_with_what_tells_them_apart(self, desk):
        sign_in(desk.user)

        page = desk.get(f"{ACCOUNT}/sign-ins")

        assert "Firefox on a phone" in page
        assert "192.0.2.7" in page
        assert "Program" in page
        assert page.count("This one") == 1

    def test_one_is_ended(self, desk):
        other = DeskBrowser(browser(desk.user), desk.user, desk.store_id)
        (ended,) = [
            row.id for row in list_sign_ins(desk.user.id) if f"/{row.id}/end" in self.page(desk)
        ]

        assert "has ended" in desk.done(f"{ACCOUNT}/sign-ins/{ended}/end")
        assert not is_in(other)
        assert is_in(desk)

    def test_all_others_are_ended(self, desk):
        others = [DeskBrowser(browser(desk.user), desk.user, "") for _ in range(2)]

        desk.done(f"{ACCOUNT}/sign-ins/end")

        assert [is_in(other) for other in others] == [False, False]
        assert is_in(desk)

    def test_somebody_elses_is_not_there(self, desk):
        stranger = make_desk()
        (row,) = list_sign_ins(stranger.user.id)

        assert desk.post(f"{ACCOUNT}/sign-ins/{row.id}/end").status_code == 404
        assert is_in(stranger)

    def page(self, desk) -> str:
        return desk.get(f"{ACCOUNT}/sign-ins")


class TestDeletion:
    @pytest.fixture
    def second(self, desk):
        """Somebody else who owns the store as well."""
        with unit_of_work():
            add_member(desk.store_id, make_user().id, "owner")

    def test_the_account_is_gone(self, desk, second):
        answer = desk.post(f"{ACCOUNT}/deletion")

        assert answer.location == f"{HOME}/sign-in"
        assert "Your account is deleted." in desk.get(f"{answer.location}?lang=en")
        assert not is_in(desk)
        row = read_one("SELECT * FROM app_user WHERE id = %(id)s", id=desk.user.id)
        assert row.deleted_at is not None

    def test_an_only_owner_is_told_of_which_store(self, desk):
        name = read_one("SELECT name FROM store WHERE id = %(id)s", id=desk.store_id).name

        assert f"You are the only owner of: {name}." in desk.get(f"{ACCOUNT}/deletion")
        page = desk.refused(f"{ACCOUNT}/deletion", status=409)
        assert f"You are the only owner of: {name}." in page
        assert run("SELECT 1 AS found FROM app_user WHERE deleted_at IS NOT NULL") == []

    def test_a_password_typed_lately_is_needed(self, desk, second):
        grow_old(desk)

        page = desk.refused(f"{ACCOUNT}/deletion", status=403)

        assert 'name="password_again"' in page
        assert is_in(desk)
        answer = desk.post(f"{ACCOUNT}/deletion", {"password_again": PASSWORD})
        assert answer.status_code == 303
