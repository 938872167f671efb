from __future__ import annotations

import re

import pyotp
import pytest

from checkout.core.db import run, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.letters import RESET, ask_letter, write_letters
from checkout.merchants.log_in import log_in as prove_and_load
from checkout.merchants.members import add_member, member_role
from checkout.merchants.passwords import verify_password
from checkout.merchants.two_factor import begin_two_factor, confirm_two_factor
from checkout.merchants.users import find_user
from tests.factories.people import PASSWORD, browser, make_user
from tests.factories.stores import make_store

EMAIL = "mai@homestay.example"


@pytest.fixture
def command(app):
    """`command("list")` → its output; a refusal's too where `code` says so."""

    def invoke(*words: str, code: int = 0, typed: str | None = None) -> str:
        result = app.test_cli_runner().invoke(args=["user", *words], input=typed)
        assert result.exit_code == code, result.output
        return result.output

    return invoke


@pytest.fixture
def log_in(app):
    """As a request from one address does it."""

    def try_it(email: str, password: str):
        with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
            return prove_and_load(email, password)

    return try_it


def password_in(output: str) -> str:
    return re.search(r"Password, shown this once: (\S+)", output)[1]


def test_the_first_owner_is_made_by_command(command, log_in):
    store = make_store()

    output = command("create", "Mai@homestay.example", "--name", "Mai", "--store", store.slug)

    user = find_user(EMAIL)
    assert (user.name, user.locale) == ("Mai", "vi")
    assert member_role(user.id, store.id) == "owner"
    assert log_in(EMAIL, password_in(output)).id == user.id
    (entry,) = run("SELECT * FROM audit_entry WHERE action = 'member.joined'")
    assert (entry.actor, entry.target, entry.details) == ("command", user.id, {"role": "owner"})
    assert f"{user.id} {EMAIL} password {store.slug}:owner" in command("list")


def test_a_typed_password_is_not_shown(command, log_in):
    output = command("create", EMAIL, "--ask", typed=f"{PASSWORD}\n{PASSWORD}\n")

    assert PASSWORD not in output
    assert log_in(EMAIL, PASSWORD).name == "mai"
    assert "password: A password has" in command(
        "create", "x@y.vn", "--ask", typed="a\na\n", code=1
    )


def test_an_address_is_taken_once(command):
    command("create", EMAIL)

    assert "email: Somebody has" in command("create", EMAIL, code=1)


def test_a_merchant_joins_a_store_once(command):
    store, user = make_store(), make_user()

    assert command("join", user.email, store.id, "--role", "admin")

    assert member_role(user.id, store.id) == "admin"
    assert "already" in command("join", user.email, store.slug, code=1)
    assert "store: " in command("join", user.email, "nowhere", code=1)
    assert "email: " in command("join", "nobody@shop.example", store.slug, code=1)


def test_a_new_password_ends_the_old_sign_ins(command):
    user = make_user()
    client = browser(user)

    new = password_in(command("set-password", user.email))

    assert verify_password(find_user(user.email).password_hash, new)
    assert client.get("/dashboard/account").status_code == 303
    (letter,) = run("SELECT purpose, recipient FROM mail")
    assert (letter.purpose, letter.recipient) == ("account.password_changed", user.email)


def test_a_merchant_gets_another_address(command, log_in):
    user, store = make_user(), make_store()
    other = make_store()
    with unit_of_work():
        add_member(store.id, user.id, "owner")
        add_member(other.id, user.id, "viewer")
    client = browser(user)

    output = command("set-email", user.email.upper(), " Lan.New@Shop.example ")

    assert output == f"{user.email} is lan.new@shop.example now\n"
    assert find_user(user.email) is None
    assert log_in("lan.new@shop.example", PASSWORD).id == user.id
    assert member_role(user.id, store.id) == "owner"
    assert client.get("/dashboard/account").status_code == 303
    letters = {row.recipient: row for row in run("SELECT * FROM mail")}
    assert {address: row.purpose for address, row in letters.items()} == {
        user.email: "account.email_left",
        "lan.new@shop.example": "account.email_changed",
    }
    assert "lan.new" not in letters[user.email].text_body
    entries = run("SELECT * FROM audit_entry WHERE action = 'member.email_changed'")
    assert {(entry.store_id, entry.actor, entry.target) for entry in entries} == {
        (store.id, "command", user.id),
        (other.id, "command", user.id),
    }
    (event,) = run("SELECT * FROM security_event WHERE kind = 'email_changed'")
    assert (event.actor, event.store_id) == (f"user:{user.id}", None)


def test_links_to_the_old_address_open_nothing_any_more(command):
    user = make_user()
    with unit_of_work():
        ask_letter(RESET, user.email, "vi")
    write_letters()

    command("set-email", user.email, "lan.new@shop.example")

    (token,) = run("SELECT used_at FROM user_token WHERE purpose = 'reset'")
    assert token.used_at is not None


def test_an_address_that_cannot_be_is_refused_and_changes_nothing(command):
    user, other = make_user(), make_user()

    for new, said in [
        (other.email, "email: Somebody has an account"),
        (other.email.upper(), "email: Somebody has an account"),
        (user.email, "email: This is the address already."),
        ("nobody", "email: This is not an e-mail address"),
        ("", "email: "),
    ]:
        refused = command("set-email", user.email, new, code=1)
        assert refused.startswith(f"Error: {said}"), refused
        assert refused.count("\n") == 1

    assert "email: " in command("set-email", "nobody@shop.example", "a@b.example", code=1)
    assert find_user(user.email).id == user.id
    assert run("SELECT id FROM mail") == []


def test_a_lost_second_factor_is_turned_off(command, log_in):
    user = make_user()
    with unit_of_work():
        secret = begin_two_factor(user.id).secret
        confirm_two_factor(user.id, pyotp.TOTP(secret).now())
    client = browser(user)

    assert "had a second factor" in command("reset-two-factor", user.email)

    assert log_in(user.email, PASSWORD).id == user.id
    assert client.get("/dashboard/account").status_code == 303
    assert [row.purpose for row in run("SELECT purpose FROM mail")] == ["account.two_factor_off"]
    assert "had no second factor" in command("reset-two-factor", user.email)


def test_a_locked_address_may_try_again(command, log_in):
    user = make_user()
    for _ in range(10):
        with pytest.raises(Problem, match="wrong"):
            log_in(user.email, "not the password")
    with pytest.raises(Problem) as refused:
        log_in(user.email, PASSWORD)
    assert refused.value.code in ("too_many_failures", "ip_blocked")

    command("unlock", user.email, "--address", "192.0.2.7")

    assert log_in(user.email, PASSWORD).id == user.id
