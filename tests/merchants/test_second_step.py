"""Signing in with two-factor: the password, then the code, and what opens no door in between."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from checkout.core import clock
from checkout.core.db import execute, run, unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.lockout import FREE_TRIES
from checkout.merchants.passwords import hash_password
from checkout.merchants.second_step import VALID_SECONDS, issue_ticket, read_ticket
from checkout.merchants.two_factor import disable_two_factor
from checkout.merchants.users import load_user, set_password
from tests.factories.desks import CSRF
from tests.factories.people import PASSWORD, code_of, make_user, turn_on_two_factor

SIGN_IN = "/dashboard/sign-in"
CODE = f"{SIGN_IN}/code"
TICKET = "second_step"
_numbers = itertools.count(1)


class Visitor:
    """A browser at one address that fills in the forms of the sign-in."""

    def __init__(self, client, address: str = ""):
        self.client = client
        self.address = address or f"198.18.20.{next(_numbers)}"

    def get(self, path):
        return self.client.get(path, environ_base={"REMOTE_ADDR": self.address})

    def post(self, path, **fields):
        return self.client.post(path, data=fields, environ_base={"REMOTE_ADDR": self.address})

    def token(self) -> str:
        return CSRF.search(self.get("/dashboard/forgot?lang=en").text)[1]

    def give_password(self, user, **more):
        form = {"email": user.email, "password": PASSWORD, "csrf": self.token()}
        return self.post(SIGN_IN, **(form | more))

    def give_code(self, **fields):
        return self.post(CODE, csrf=self.token(), **fields)

    @property
    def ticket(self) -> str:
        return self.client.get_cookie(TICKET, path=SIGN_IN).value

    @ticket.setter
    def ticket(self, value: str) -> None:
        self.client.set_cookie(TICKET, value, path=SIGN_IN)

    def is_in(self) -> bool:
        return self.client.get_cookie(cookie_name()) is not None


@pytest.fixture
def visitor(app):
    return Visitor(app.test_client())


@pytest.fixture
def user(app):
    return make_user(locale="en")


@pytest.fixture
def secret(user):
    return turn_on_two_factor(user)[0]


def test_after_the_password_the_code_alone_is_asked_for(visitor, user, secret):
    answer = visitor.give_password(user, next="/dashboard/stores")

    assert (answer.status_code, answer.location) == (303, f"{CODE}?next=/dashboard/stores")
    assert not visitor.is_in()
    page = visitor.get(answer.location).text
    assert 'name="totp"' in page
    assert 'type="password"' not in page
    answer = visitor.give_code(totp=code_of(secret), next="/dashboard/stores")
    assert (answer.status_code, answer.location) == (303, "/dashboard/stores")
    assert visitor.is_in()
    assert visitor.client.get_cookie(TICKET, path=SIGN_IN) is None


def test_a_recovery_code_stands_in_for_the_phone_once(app, user):
    codes = turn_on_two_factor(user)[1]
    for expected in (303, 401):
        visitor = Visitor(app.test_client())
        visitor.give_password(user)
        assert visitor.give_code(totp="", recovery_code=codes[0]).status_code == expected
        assert visitor.is_in() == (expected == 303)


def test_the_ticket_is_read_by_no_script_and_ends_soon(visitor, user, secret):
    answer = visitor.give_password(user)

    (line,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(TICKET)]
    assert "HttpOnly" in line
    assert "SameSite=Lax" in line
    assert f"Max-Age={VALID_SECONDS}" in line
    assert f"Path={SIGN_IN}" in line


def test_without_two_factor_there_is_no_second_step(visitor, user):
    assert visitor.give_password(user).location == "/dashboard"
    assert visitor.is_in()


def test_the_second_step_is_no_way_in_by_itself(visitor, user, secret):
    assert visitor.get(CODE).location == f"{SIGN_IN}?next=/dashboard"
    assert visitor.give_code(totp=code_of(secret)).location == f"{SIGN_IN}?next=/dashboard"
    assert not visitor.is_in()
    assert "was not taken in time" in visitor.get(SIGN_IN).text


def test_a_wrong_code_is_said_and_opens_nothing(visitor, user, secret):
    visitor.give_password(user)

    answer = visitor.give_code(totp="000000")

    assert answer.status_code == 401
    assert "This code is wrong or was used already." in answer.text
    assert not visitor.is_in()


def test_no_code_at_all_is_asked_for_again_and_not_counted(visitor, user, secret):
    visitor.give_password(user)

    assert visitor.give_code(totp="").status_code == 401
    assert run("SELECT 1 AS found FROM sign_in_failure WHERE failed_count > 0") == []


def test_a_code_is_good_for_one_browser_only(app, user, secret):
    first, second = Visitor(app.test_client()), Visitor(app.test_client())
    code = code_of(secret)
    first.give_password(user)
    second.give_password(user)

    assert first.give_code(totp=code).status_code == 303
    assert second.give_code(totp=code).location == f"{SIGN_IN}?next=/dashboard"
    assert not second.is_in()


def test_guessed_codes_are_locked_out_whatever_the_ticket(app, user, secret):
    visitor = Visitor(app.test_client())
    visitor.give_password(user)
    for number in range(FREE_TRIES):
        visitor.address = f"198.18.21.{number}"
        assert visitor.give_code(totp=f"{number:06}").status_code == 401

    right = visitor.give_code(totp=code_of(secret))

    assert right.status_code == 429
    assert "Too many wrong passwords" in right.text
    assert not visitor.is_in()
    # Nor does the right password lift the lock.
    assert visitor.give_password(user).status_code == 429
    assert visitor.give_code(totp=code_of(secret)).status_code == 429


def test_ten_wrong_codes_block_the_address(app, user, secret):
    visitor = Visitor(app.test_client(), "198.18.22.1")
    for _ in range(10):
        with unit_of_work():
            execute("DELETE FROM sign_in_failure")
        visitor.give_password(user)
        assert visitor.give_code(totp="000000").status_code == 401
    with unit_of_work():
        execute("DELETE FROM sign_in_failure")

    assert visitor.give_code(totp=code_of(secret)).status_code == 429


def test_wrong_codes_are_remembered_as_security_events(visitor, user, secret):
    visitor.give_password(user)
    visitor.give_code(totp="000000")

    (event,) = run("SELECT * FROM security_event WHERE kind = 'log_in_failed'")
    assert (event.actor, event.details["reason"]) == (f"user:{user.id}", "invalid_totp")


def test_a_stolen_ticket_is_useless_in_another_browser(app, user, secret):
    owner, thief = Visitor(app.test_client()), Visitor(app.test_client())
    owner.give_password(user)

    thief.client.set_cookie("guest", "the thief's own")
    thief.ticket = owner.ticket

    assert thief.get(CODE).status_code == 303
    assert thief.give_code(totp=code_of(secret)).location == f"{SIGN_IN}?next=/dashboard"
    assert not thief.is_in()


def test_a_form_without_its_token_is_refused(visitor, user, secret):
    visitor.give_password(user)

    assert visitor.post(CODE, totp=code_of(secret)).status_code == 403
    assert not visitor.is_in()


class TestTicket:
    @pytest.fixture
    def given(self, user, secret):
        with unit_of_work():
            return load_user(user.id)

    def read(self, ticket, browser="browser"):
        with unit_of_work():
            return read_ticket(ticket, browser)

    @pytest.fixture
    def ticket(self, given):
        with unit_of_work():
            return issue_ticket(given, "browser")

    def test_it_is_for_one_merchant(self, user, ticket):
        assert self.read(ticket).id == user.id

    def test_it_cannot_be_made_for_somebody_else(self, ticket):
        other = make_user()
        turn_on_two_factor(other)
        _, until, signature = ticket.split(".")

        assert self.read(f"{other.id}.{until}.{signature}") is None

    def test_it_cannot_be_made_longer(self, ticket):
        user_id, until, signature = ticket.split(".")

        assert self.read(f"{user_id}.{int(until) + 60}.{signature}") is None

    def test_it_ends_after_five_minutes(self, ticket, monkeypatch):
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=VALID_SECONDS + 1))

        assert self.read(ticket) is None

    @pytest.mark.parametrize(
        "ticket", ["", ".", "..", "usr_x.1.a", "a.b.c.d", "\x00", "usr_" + "1" * 28 + ".².x"]
    )
    def test_nonsense_is_no_ticket(self, app, ticket):
        assert self.read(ticket) is None

    def test_a_number_beyond_all_times_is_no_ticket(self, user, secret):
        assert self.read(f"{user.id}.{'9' * 5000}.x") is None

    def test_a_new_password_ends_it(self, user, ticket):
        with unit_of_work():
            set_password(user.id, "another hash")

        assert self.read(ticket) is None

    def test_turning_two_factor_off_ends_it(self, user, ticket):
        with unit_of_work():
            disable_two_factor(user.id)

        assert self.read(ticket) is None

    def test_two_factor_begun_anew_ends_it(self, user, ticket):
        with unit_of_work():
            disable_two_factor(user.id)
        turn_on_two_factor(user)

        assert self.read(ticket) is None

    def test_a_used_recovery_code_ends_it(self, user, ticket):
        with unit_of_work():
            execute(
                "UPDATE recovery_code SET used_at = now() WHERE hash = (SELECT min(hash)"
                " FROM recovery_code WHERE user_id = %(id)s)",
                id=user.id,
            )

        assert self.read(ticket) is None

    def test_a_deleted_merchant_has_none(self, user, ticket):
        with unit_of_work():
            execute("UPDATE app_user SET deleted_at = now() WHERE id = %(id)s", id=user.id)

        assert self.read(ticket) is None


def test_a_ticket_from_before_a_new_password_opens_nothing(app, visitor, user, secret):
    visitor.give_password(user)
    with unit_of_work():
        set_password(user.id, hash_password("another long password"))

    assert visitor.give_code(totp=code_of(secret)).location == f"{SIGN_IN}?next=/dashboard"
    assert not visitor.is_in()
