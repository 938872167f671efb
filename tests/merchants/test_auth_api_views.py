from __future__ import annotations

import itertools
import re

import pyotp
import pytest

from checkout.core import clock
from checkout.core.db import execute, unit_of_work
from checkout.merchants.letters import write_letters
from checkout.merchants.lockout import FREE_TRIES
from checkout.merchants.two_factor import begin_two_factor, confirm_two_factor
from tests.factories.books import read, read_one
from tests.factories.people import PASSWORD, bearer, make_user, sign_in

EMAIL = "lan@homestay.example"
_numbers = itertools.count(1)


@pytest.fixture
def call(client):
    """`call("POST", "/auth/login", {...})` → (status, JSON), from an address of this test."""
    own = f"198.18.4.{next(_numbers)}"

    def send(method, path, body=None, tokens=None, address=own, **headers):
        if tokens is not None:
            headers |= bearer(tokens)
        answer = client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers=headers,
            environ_base={"REMOTE_ADDR": address},
        )
        send.last = answer
        return answer.status_code, answer.get_json()

    return send


def code(answer) -> tuple[int, str]:
    status, body = answer
    return status, body["error"]["code"]


def mailed_token() -> str:
    write_letters()
    body = read_one("SELECT text_body FROM mail ORDER BY id DESC LIMIT 1").text_body
    return re.search(r"token=(\S+)", body)[1]


def test_from_signing_up_to_logging_out(call):
    given = {"email": EMAIL.upper(), "password": PASSWORD, "name": "Lan", "locale": "km"}
    assert call("POST", "/auth/register", given)[0] == 202
    token = mailed_token()
    status, user = call("POST", "/auth/confirm-email", {"token": token, "password": PASSWORD})
    assert (status, user["email"], user["name"], user["locale"]) == (201, EMAIL, "Lan", "km")
    assert user["two_factor"] == {"enabled": False, "recovery_codes_left": 0}

    status, tokens = call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
    assert status == 200
    assert set(tokens) == {
        "object",
        "token_type",
        "access_token",
        "access_token_expires_at",
        "refresh_token",
        "refresh_token_expires_at",
    }
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    status, me = call("GET", "/auth/me", **header)
    assert (status, me["user"]) == (200, user)
    assert (me["sign_in"]["kind"], me["sign_in"]["current"]) == ("api", True)

    status, fresh = call("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert status == 200
    assert call("GET", "/users/me", **header) == (200, user)

    status, ended = call("POST", "/auth/logout", **header)
    assert (status, ended["ended_at"] is not None) == (200, True)
    assert code(call("GET", "/auth/me", **header)) == (401, "access_token_expired")
    again = {"refresh_token": fresh["refresh_token"]}
    assert code(call("POST", "/auth/refresh", again)) == (401, "invalid_refresh_token")


def test_known_and_unknown_addresses_get_the_same_answers(call, client):
    make_user(EMAIL)
    calls = [
        ("/auth/register", {"password": PASSWORD, "name": "Lan"}),
        ("/auth/forgot-password", {}),
        ("/auth/login", {"password": "a wrong password"}),
    ]
    for path, body in calls:
        answers = []
        for email in (EMAIL, "nobody@homestay.example"):
            status, answer = call("POST", path, body | {"email": email})
            answer.get("error", {}).pop("request_id", None)
            answers.append((status, answer, sorted(call.last.headers.keys())))
        assert answers[0] == answers[1], path


def test_an_unknown_address_costs_a_hash_too(call, monkeypatch):
    from checkout.merchants import passwords

    make_user(EMAIL)
    verified = []
    real = passwords._verify
    monkeypatch.setattr(
        passwords,
        "_verify",
        lambda hashed, text: verified.append(hashed[:30]) or real(hashed, text),
    )
    for email in (EMAIL, "nobody@homestay.example"):
        call("POST", "/auth/login", {"email": email, "password": "a wrong password"})
    assert verified == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


def test_a_new_password_by_mail(call):
    user = make_user(EMAIL)
    tokens = sign_in(user)
    assert call("POST", "/auth/forgot-password", {"email": EMAIL, "locale": "en"})[0] == 202
    given = {"token": mailed_token(), "password": "a password that is new"}

    status, answer = call("POST", "/auth/reset-password", given)

    assert (status, answer["id"]) == (200, user.id)
    assert code(call("GET", "/auth/me", tokens=tokens)) == (401, "access_token_expired")
    assert code(call("POST", "/auth/reset-password", given)) == (401, "invalid_token")
    given = {"email": EMAIL, "password": "a password that is new"}
    assert call("POST", "/auth/login", given)[0] == 200


def test_links_are_made_of_the_configured_address(call):
    make_user(EMAIL)
    call("POST", "/auth/forgot-password", {"email": EMAIL}, Host="evil.example")
    mailed_token()
    body = read_one("SELECT text_body FROM mail").text_body
    assert "http://127.0.0.1:8000/dashboard/reset?token=" in body
    assert "evil" not in body


class TestTwoFactor:
    @pytest.fixture
    def secret(self, app):
        user = make_user(EMAIL)
        with unit_of_work():
            setup = begin_two_factor(user.id)
            confirm_two_factor(user.id, pyotp.TOTP(setup.secret).at(clock.now()))
            execute("UPDATE app_user SET totp_step = 0")
        return setup.secret

    def log_in(self, call, **more):
        return call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD} | more)

    def test_a_code_is_asked_for_after_the_password_only(self, call, secret):
        assert code(self.log_in(call)) == (401, "totp_required")
        assert code(self.log_in(call, password="a wrong password"))[1] == "invalid_credentials"
        totp = pyotp.TOTP(secret).at(clock.now())
        assert self.log_in(call, totp=totp)[0] == 200
        assert code(self.log_in(call, totp=totp)) == (401, "invalid_totp")

    def test_guessed_codes_are_locked_out(self, call, secret):
        for number in range(FREE_TRIES):
            answer = call(
                "POST",
                "/auth/login",
                {"email": EMAIL, "password": PASSWORD, "totp": f"{number:06}"},
                address=f"198.18.5.{number}",
            )
            assert code(answer) == (401, "invalid_totp")
        totp = pyotp.TOTP(secret).at(clock.now())
        assert code(self.log_in(call, totp=totp)) == (429, "too_many_failures")
        assert code(self.log_in(call)) == (429, "too_many_failures")


class TestLockout:
    def guess(self, call, email=EMAIL, address=None):
        body = {"email": email, "password": "a wrong password"}
        return code(call("POST", "/auth/login", body, **({"address": address} if address else {})))

    def test_ten_failures_block_the_address_they_come_from(self, call):
        for number in range(10):
            assert self.guess(call, f"a{number}@homestay.example") == (401, "invalid_credentials")
        assert self.guess(call, "other@homestay.example") == (429, "ip_blocked")
        assert int(call.last.headers["Retry-After"]) > 800

    @pytest.mark.parametrize("known", [True, False])
    def test_guesses_from_many_places_wait_for_known_and_unknown_alike(self, call, known):
        if known:
            make_user(EMAIL)
        for number in range(FREE_TRIES):
            found = self.guess(call, address=f"198.18.{6 + known}.{number}")
            assert found == (401, "invalid_credentials")
        assert self.guess(call) == (429, "too_many_failures")
        assert 1 <= int(call.last.headers["Retry-After"]) <= 30
        right = call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
        assert code(right) == (429, "too_many_failures")

    def test_the_wait_grows_and_ends(self, call):
        make_user(EMAIL)
        for number in range(FREE_TRIES):
            self.guess(call, address=f"198.18.8.{number}")
        waits = []
        for number in range(8):
            with unit_of_work():
                execute("UPDATE sign_in_failure SET locked_until = clock_timestamp()")
            self.guess(call, address=f"198.18.9.{number}")
            self.guess(call, address=f"198.18.9.{number}")
            waits.append(int(call.last.headers["Retry-After"]))
        assert waits == [60, 120, 240, 480, 900, 900, 900, 900]
        with unit_of_work():
            execute("UPDATE sign_in_failure SET locked_until = clock_timestamp()")
        assert call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})[0] == 200
        assert read("SELECT 1 AS one FROM sign_in_failure") == []

    def test_failures_of_yesterday_are_forgotten(self, call):
        for number in range(FREE_TRIES - 1):
            self.guess(call, address=f"198.18.10.{number}")
        with unit_of_work():
            execute("UPDATE sign_in_failure SET failed_at = now() - interval '25 hours'")
        assert self.guess(call) == (401, "invalid_credentials")
        assert read_one("SELECT failed_count AS n, locked_until FROM sign_in_failure").n == 1

    def test_failures_are_security_events_without_the_address(self, call):
        user = make_user(EMAIL)
        self.guess(call)
        self.guess(call, "nobody@homestay.example")
        events = read(
            "SELECT kind, actor, details::text AS details FROM security_event ORDER BY id"
        )
        assert [(event.kind, event.actor) for event in events] == [
            ("log_in_failed", f"user:{user.id}"),
            ("log_in_failed", ""),
        ]
        assert all("@" not in event.details for event in events)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"email": "x", "password": PASSWORD, "name": "Lan"}, (422, "invalid_email")),
        ({"email": EMAIL, "password": "short", "name": "Lan"}, (422, "value_too_short")),
        ({"email": EMAIL, "password": "x" * 129, "name": "Lan"}, (422, "value_too_long")),
        ({"email": EMAIL, "password": EMAIL, "name": "Lan"}, (422, "weak_password")),
        ({"email": EMAIL, "password": PASSWORD, "name": "a\nb"}, (422, "invalid_value")),
        ({"email": EMAIL, "password": PASSWORD}, (422, "missing_required_field")),
        ({"email": EMAIL, "password": PASSWORD, "name": "L", "role": "x"}, (422, "unknown_field")),
    ],
)
def test_what_will_not_do_is_named(call, body, error):
    assert code(call("POST", "/auth/register", body)) == error
    assert read("SELECT 1 AS one FROM letter") == []
