"""Keys on screen: made and shown once, restricted, listed, revoked."""

from __future__ import annotations

import re

import pytest

from checkout.core.db import execute, run, unit_of_work
from checkout.keys.authenticate import authenticate
from checkout.keys.create import create_key
from checkout.merchants.access import forget_found_users
from checkout.merchants.roles import KEY_ACTIONS
from tests.factories.books import read_one
from tests.factories.desks import make_desk
from tests.factories.people import PASSWORD

KEY = re.compile(r"\b[sp]k_(?:test|live)_[\w-]{20,}")


@pytest.fixture
def desk(app):
    return make_desk()


def make(desk, status: int = 200, **form) -> str:
    answer = desk.post("/keys", {"name": "Shop", "kind": "secret"} | form)
    assert answer.status_code == status, answer.text
    return answer.text


def make_row(desk, livemode: bool = False, name: str = "Older"):
    with unit_of_work():
        return create_key(desk.store_id, livemode, "secret", name)[0]


def grow_old(desk) -> None:
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '1 hour'")
    forget_found_users()


def test_a_key_is_shown_once_and_never_again(desk):
    answer = desk.post("/keys", {"name": "Shop", "kind": "secret"})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    plain = KEY.search(answer.text)[0]
    assert f'data-copy="{plain}"' in answer.text
    assert authenticate(plain).store_id == desk.store_id
    row = read_one("SELECT * FROM api_key")
    for path in ("/keys", f"/keys/{row.id}"):
        page = desk.get(path)
        assert "Shop" in page
        assert f"…{plain[-4:]}" in page
        assert plain not in page
        assert row.hash not in page
    assert plain not in str(run("SELECT details FROM audit_entry"))


@pytest.mark.parametrize(
    ("kind", "mode", "head"),
    [
        ("secret", "test", "sk_test_"),
        ("publishable", "test", "pk_test_"),
        ("secret", "live", "sk_live_"),
        ("publishable", "live", "pk_live_"),
    ],
)
def test_a_key_is_of_the_kind_and_mode_that_was_chosen(desk, kind, mode, head):
    desk.mode = mode

    assert KEY.search(make(desk, kind=kind))[0].startswith(head)


def test_who_made_it_is_in_the_audit_trail(desk):
    make(desk)

    line = read_one("SELECT * FROM audit_entry WHERE action = 'key.created'")
    assert line.actor == f"user:{desk.user.id}"


class TestRestricted:
    def test_it_may_do_what_was_ticked_and_nothing_else(self, desk):
        scopes = ["sessions.read", "payments.read"]

        plain = KEY.search(make(desk, kind="restricted", scopes=scopes))[0]

        assert authenticate(plain).allowed == frozenset(scopes)
        row = read_one("SELECT * FROM api_key")
        page = desk.get(f"/keys/{row.id}")
        assert "see payment sessions" in page
        assert "see customers" not in page

    def test_without_a_tick_it_is_refused_rather_than_made_unrestricted(self, desk):
        page = make(desk, status=422, kind="restricted")

        assert "Tick at least one thing" in page
        assert '<option value="restricted" selected>' in page
        assert run("SELECT 1 AS found FROM api_key") == []

    def test_the_boxes_of_another_kind_say_nothing(self, desk):
        make(desk, kind="secret", scopes=["sessions.read"])

        assert read_one("SELECT scopes FROM api_key").scopes is None

    @pytest.mark.parametrize("scope", ["members.write", "keys.write", "nonsense"])
    def test_what_no_key_may_do_cannot_be_ticked(self, desk, scope):
        make(desk, status=422, kind="restricted", scopes=[scope])

        assert run("SELECT 1 AS found FROM api_key") == []

    @pytest.mark.parametrize("locale", ["vi", "en", "km"])
    def test_every_action_has_words(self, desk, locale):
        page = desk.get(f"/keys/new?lang={locale}")

        for action in KEY_ACTIONS:
            assert f'value="{action}"' in page
            assert f">{action}<" not in page


def test_what_was_ticked_stays_when_the_form_is_refused(desk):
    page = make(desk, status=422, kind="restricted", scopes=["payments.read"], name="")

    assert re.search(r'value="payments.read" checked', page)
    assert not re.search(r'value="sessions.read" checked', page)
    assert 'id="e-name"' in page


def test_an_unknown_kind_is_refused(desk):
    make(desk, status=422, kind="golden")


def test_a_store_has_so_many_keys_and_no_more(desk, monkeypatch):
    monkeypatch.setattr("checkout.keys.create.MOST_KEYS", 0)

    assert "Revoke one first" in make(desk, status=409)


class TestPasswordTypedLately:
    @pytest.fixture(autouse=True)
    def long_ago(self, desk):
        grow_old(desk)

    def test_the_form_asks_for_it_and_keeps_what_was_typed(self, desk):
        page = make(desk, status=403, name="My shop", kind="restricted", scopes=["payments.read"])

        assert 'name="password_again"' in page
        assert 'value="My shop"' in page
        assert re.search(r'value="payments.read" checked', page)
        assert run("SELECT 1 AS found FROM api_key") == []

    def test_a_wrong_one_makes_no_key(self, desk):
        page = make(desk, status=401, password_again="a wrong password")

        assert "This is not your password." in page
        assert "a wrong password" not in page
        assert run("SELECT 1 AS found FROM api_key") == []

    def test_the_right_one_does(self, desk):
        assert KEY.search(make(desk, password_again=PASSWORD))

    def test_revoking_asks_as_well(self, desk):
        row = make_row(desk)

        page = desk.refused(f"/keys/{row.id}/revocation", status=403)

        assert 'name="password_again"' in page
        assert read_one("SELECT revoked_at FROM api_key").revoked_at is None


class TestRevocation:
    def test_the_key_opens_nothing_any_more(self, desk):
        plain = KEY.search(make(desk))[0]
        assert authenticate(plain) is not None
        row = read_one("SELECT * FROM api_key")

        page = desk.done(f"/keys/{row.id}/revocation")

        assert "The key is revoked." in page
        assert authenticate(plain) is None
        assert "Revoke the key" not in desk.get(f"/keys/{row.id}")
        line = read_one("SELECT * FROM audit_entry WHERE action = 'key.revoked'")
        assert line.actor == f"user:{desk.user.id}"

    def test_another_stores_key_is_not_there(self, desk):
        row = make_row(make_desk())

        assert desk.client.get(desk.url(f"/keys/{row.id}")).status_code == 404
        assert desk.post(f"/keys/{row.id}/revocation").status_code == 404
        assert read_one("SELECT revoked_at FROM api_key").revoked_at is None

    def test_the_other_modes_key_is_not_there(self, desk):
        row = make_row(desk, livemode=True)

        assert desk.post(f"/keys/{row.id}/revocation").status_code == 404

    def test_a_forged_form_revokes_nothing(self, desk):
        row = make_row(desk)

        assert desk.client.post(desk.url(f"/keys/{row.id}/revocation")).status_code == 403
        assert read_one("SELECT revoked_at FROM api_key").revoked_at is None


class TestList:
    def test_it_shows_one_mode_and_one_store(self, desk):
        make_row(desk, name="Of test")
        make_row(desk, livemode=True, name="Of live")
        make_row(make_desk(), name="Of others")

        page = desk.get("/keys")

        assert "Of test" in page
        assert "Of live" not in page
        assert "Of others" not in page

    def test_it_is_filtered_by_state(self, desk):
        row = make_row(desk, name="Ended one")
        make_row(desk, name="Working one")
        desk.done(f"/keys/{row.id}/revocation")

        assert "Ended one" not in desk.get("/keys?revoked=false")
        assert "Working one" not in desk.get("/keys?revoked=true")
        assert "Ended one" in desk.get("/keys")

    def test_older_keys_are_on_the_next_page(self, desk):
        for number in range(3):
            make_row(desk, name=f"Key {number}.")

        page = desk.get("/keys?limit=2")

        assert "Key 0." not in page
        older = re.search(r'rel="next" href="([^"]+)"', page)[1].replace("&amp;", "&")
        assert "Key 0." in desk.get(older)

    def test_a_store_without_keys_says_so(self, desk):
        assert "There is no key of this mode yet." in desk.get("/keys")

    def test_names_are_only_text(self, desk):
        make_row(desk, name="<script>alert(1)</script>")

        assert "<script>alert" not in desk.get("/keys")


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("support", 403), ("viewer", 403)]
)
def test_who_may_see_and_make_keys(app, role, status):
    desk = make_desk(role)

    desk.get("/keys", status)
    desk.get("/keys/new", status)
    make(desk, status=status)
    assert len(run("SELECT 1 AS found FROM api_key")) == (status == 200)


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_the_pages_speak_every_language(desk, locale):
    row = make_row(desk)
    for path in ("/keys", "/keys/new", f"/keys/{row.id}"):
        assert f'<html lang="{locale}">' in desk.get(f"{path}?lang={locale}")
