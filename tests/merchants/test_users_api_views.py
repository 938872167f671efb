from __future__ import annotations

import pyotp
import pytest

from checkout.core import clock
from checkout.core.db import execute, unit_of_work
from checkout.merchants.access import forget_found_users
from checkout.merchants.members import add_member
from tests.factories.books import read, read_one
from tests.factories.people import PASSWORD, bearer, make_user, sign_in
from tests.factories.stores import make_shop

STRANGERS = [
    ("GET", "/auth/me"),
    ("POST", "/auth/logout"),
    ("GET", "/users/me"),
    ("PATCH", "/users/me"),
    ("DELETE", "/users/me"),
    ("PATCH", "/users/me/password"),
    ("POST", "/users/me/two-factor"),
    ("DELETE", "/users/me/two-factor"),
    ("POST", "/users/me/two-factor/confirm"),
    ("POST", "/users/me/two-factor/recovery-codes"),
    ("GET", "/users/me/sign-ins"),
]


@pytest.fixture
def user(app):
    return make_user()


@pytest.fixture
def tokens(user):
    return sign_in(user)


@pytest.fixture
def call(client, tokens):
    def send(method, path, body=None, by=tokens):
        answer = client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers=bearer(by),
            environ_base={"REMOTE_ADDR": "198.18.11.1"},
        )
        return answer.status_code, answer.get_json()

    return send


def code(answer) -> tuple[int, str]:
    status, body = answer
    return status, body["error"]["code"]


def let_time_pass() -> None:
    """The password was typed long ago."""
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '11 minutes'")
    forget_found_users()


@pytest.mark.parametrize(("method", "path"), STRANGERS)
def test_strangers_and_keys_are_refused(client, method, path):
    own = {"REMOTE_ADDR": "198.18.11.2"}
    address = f"/api/v1{path}"
    nobody = client.open(address, method=method, environ_base=own)
    assert (nobody.status_code, nobody.get_json()["error"]["code"]) == (401, "missing_api_key")
    key = client.open(address, method=method, headers=make_shop().headers, environ_base=own)
    assert (key.status_code, key.get_json()["error"]["code"]) == (403, "user_token_required")


def test_name_and_language(call):
    status, changed = call("PATCH", "/users/me", {"name": " Mây ", "locale": "km"})
    assert (status, changed["name"], changed["locale"]) == (200, "Mây", "km")
    assert call("PATCH", "/users/me", {}) == (200, changed)
    assert code(call("PATCH", "/users/me", {"locale": "fr"})) == (422, "invalid_value")
    assert code(call("PATCH", "/users/me", {"email": "a@b.example"})) == (422, "unknown_field")


def test_a_new_password_ends_the_other_sign_ins(call, user):
    other = sign_in(user)
    body = {"current_password": PASSWORD, "new_password": "a password that is new"}

    assert call("PATCH", "/users/me/password", body)[0] == 200

    assert call("GET", "/users/me")[0] == 200
    assert code(call("GET", "/users/me", by=other)) == (401, "access_token_expired")
    assert code(call("PATCH", "/users/me/password", body)) == (401, "invalid_credentials")
    assert read_one("SELECT purpose FROM mail").purpose == "account.password_changed"


def test_a_new_password_that_will_not_do(call, user):
    body = {"current_password": PASSWORD, "new_password": user.email}
    assert code(call("PATCH", "/users/me/password", body)) == (422, "weak_password")


def test_two_factor_from_on_to_off(call, user):
    status, setup = call("POST", "/users/me/two-factor")
    assert status == 201
    wrong = call("POST", "/users/me/two-factor/confirm", {"code": "000000"})
    assert code(wrong) == (422, "invalid_code")

    right = {"code": pyotp.TOTP(setup["secret"]).at(clock.now())}
    status, answer = call("POST", "/users/me/two-factor/confirm", right)

    assert (status, len(answer["recovery_codes"])) == (200, 10)
    assert call("GET", "/users/me")[1]["two_factor"] == {
        "enabled": True,
        "recovery_codes_left": 10,
    }
    renewed = call("POST", "/users/me/two-factor/recovery-codes")[1]["recovery_codes"]
    assert not set(renewed) & set(answer["recovery_codes"])
    assert code(call("POST", "/users/me/two-factor")) == (409, "two_factor_enabled")

    status, off = call("DELETE", "/users/me/two-factor")
    assert (status, off["two_factor"]["enabled"]) == (200, False)
    assert call("DELETE", "/users/me/two-factor")[0] == 200
    assert [row.purpose for row in read("SELECT purpose FROM mail")] == ["account.two_factor_off"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/users/me"),
        ("POST", "/users/me/two-factor"),
        ("DELETE", "/users/me/two-factor"),
        ("POST", "/users/me/two-factor/recovery-codes"),
    ],
)
def test_what_is_dangerous_needs_a_fresh_password(call, method, path):
    let_time_pass()
    assert code(call(method, path)) == (403, "password_needed")


def test_sign_ins_are_listed_and_ended_one_by_one(call, user, tokens):
    other = sign_in(user)
    status, listed = call("GET", "/users/me/sign-ins")
    assert status == 200
    assert [item["current"] for item in listed["data"]].count(True) == 1
    shown = next(item for item in listed["data"] if not item["current"])
    assert (shown["user_agent"], shown["address"]) == ("Firefox on a phone", "192.0.2.7")

    status, ended = call("DELETE", f"/users/me/sign-ins/{shown['id']}")

    assert (status, ended["id"]) == (200, shown["id"])
    assert ended["ended_at"] is not None
    assert code(call("GET", "/users/me", by=other)) == (401, "access_token_expired")
    assert [item["current"] for item in call("GET", "/users/me/sign-ins")[1]["data"]] == [True]


def test_somebody_elses_sign_in_is_missing(call):
    stranger = sign_in(make_user())
    theirs = call("GET", "/users/me/sign-ins", by=stranger)[1]["data"][0]["id"]
    assert code(call("DELETE", f"/users/me/sign-ins/{theirs}")) == (404, "resource_missing")
    assert call("GET", "/users/me", by=stranger)[0] == 200


class TestLeaving:
    def test_the_account_is_gone(self, call, user):
        status, gone = call("DELETE", "/users/me")
        assert (status, gone) == (200, {"id": user.id, "object": "user", "deleted": True})
        assert code(call("GET", "/users/me")) == (401, "access_token_expired")

    def test_the_only_owner_of_a_store_stays(self, call, user):
        store = make_shop().store
        with unit_of_work():
            add_member(store.id, user.id, "owner")
        assert code(call("DELETE", "/users/me")) == (409, "sole_owner")
        assert call("GET", "/users/me")[0] == 200

        other = make_user()
        with unit_of_work():
            add_member(store.id, other.id, "owner")
        assert call("DELETE", "/users/me")[0] == 200
        rows = read("SELECT user_id FROM membership")
        assert [row.user_id for row in rows] == [other.id]
