from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from checkout.core.db import execute, one, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.accounts import (
    ask_account,
    ask_reset,
    confirm_account,
    register_user,
    reset_password,
)
from checkout.merchants.letters import MOST_PER_HOUR, write_letters
from checkout.merchants.log_in import log_in
from checkout.merchants.sign_ins import list_sign_ins
from checkout.merchants.users import change_user, delete_user, find_user, load_user
from tests.factories.books import read, read_one
from tests.factories.people import PASSWORD, make_user, sign_in

EMAIL = "lan@homestay.example"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _in_a_request(app):
    """Every one of these is asked for by a request, each from an address of its own."""
    address = f"198.18.1.{next(_numbers)}"
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
        yield


def read_mails() -> list[str]:
    return [
        f"{row.purpose} {row.recipient}"
        for row in read("SELECT purpose, recipient FROM mail ORDER BY id")
    ]


def read_link() -> str:
    """The token in the newest mail."""
    body = read_one("SELECT text_body FROM mail ORDER BY id DESC LIMIT 1").text_body
    found = re.search(r"http://127\.0\.0\.1:8000/dashboard/\w+\?token=(\S+)", body)
    assert found is not None, body
    return found[1]


def ask_and_write(email=EMAIL, password=PASSWORD):
    ask_account(email, password, "Lan", "en")
    write_letters()


def refusal(call, *args, **kwargs) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        call(*args, **kwargs)
    return refused.value.status, refused.value.code


class TestSignUp:
    def test_the_account_comes_with_the_link_and_the_password(self):
        ask_and_write()
        assert find_user(EMAIL) is None
        assert refusal(log_in, EMAIL, PASSWORD) == (401, "invalid_credentials")

        user = confirm_account(read_link(), PASSWORD)

        assert (user.email, user.name, user.locale) == (EMAIL, "Lan", "en")
        assert user.id.startswith("usr_")
        assert log_in(EMAIL.upper(), PASSWORD).id == user.id

    def test_a_link_is_good_once(self):
        ask_and_write()
        link = read_link()
        confirm_account(link, PASSWORD)
        assert refusal(confirm_account, link, PASSWORD) == (401, "invalid_token")
        assert refusal(confirm_account, "ut_nonsense", PASSWORD) == (401, "invalid_token")

    def test_a_link_that_somebody_else_asked_for_does_not_open_their_account(self):
        ask_and_write(password="the password of a thief")
        link = read_link()
        assert refusal(confirm_account, link, PASSWORD) == (401, "invalid_credentials")
        assert find_user(EMAIL) is None

    def test_the_last_confirmed_password_counts_and_older_links_end(self):
        ask_and_write(password="the password of a thief")
        thief = read_link()
        ask_and_write()
        confirm_account(read_link(), PASSWORD)
        assert refusal(confirm_account, thief, "the password of a thief") == (401, "invalid_token")
        assert log_in(EMAIL, PASSWORD)

    def test_a_link_expires(self):
        ask_and_write()
        with unit_of_work():
            execute("UPDATE user_token SET expires_at = clock_timestamp()")
        assert refusal(confirm_account, read_link(), PASSWORD) == (401, "invalid_token")

    def test_a_known_address_is_told_by_mail_and_nothing_changes(self):
        user = make_user(EMAIL)
        ask_and_write(password="another password of hers")
        assert read_mails() == [f"account.known {EMAIL}"]
        assert load_user(user.id).password_hash == user.password_hash

    def test_asking_looks_nobody_up(self, monkeypatch):
        """The same statements for a known and an unknown address: the same time."""
        make_user("known@homestay.example")
        for email in ("known@homestay.example", "unknown@homestay.example"):
            with monkeypatch.context() as patch:
                patch.setattr("checkout.merchants.users.find_user", None)
                ask_account(email, PASSWORD, "Lan", "en")
                with unit_of_work():
                    ask_reset(email, "en")
        assert len(read("SELECT id FROM letter")) == 4

    def test_a_mailbox_is_not_flooded(self):
        for _ in range(MOST_PER_HOUR + 3):
            ask_and_write()
        assert len(read_mails()) == MOST_PER_HOUR

    def test_a_developer_without_a_mail_server_is_in_at_once(self, app, monkeypatch):
        config = replace(app.extensions["checkout_config"], environment="development")
        monkeypatch.setitem(app.extensions, "checkout_config", config)
        ask_account(EMAIL, PASSWORD, "Lan", "vi")
        ask_account(EMAIL, "another password of hers", "Lan", "vi")
        assert log_in(EMAIL, PASSWORD)
        assert read_mails() == []

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
    def test_a_name_is_one_line(self, name):
        assert refusal(ask_account, EMAIL, PASSWORD, name, "vi") == (422, "invalid_value")


class TestReset:
    def ask(self, email=EMAIL):
        with unit_of_work():
            ask_reset(email, "en")
        write_letters()

    def test_a_new_password_ends_every_sign_in(self):
        user = make_user(EMAIL)
        sign_in(user)
        self.ask()

        reset_password(read_link(), "a password that is new")

        assert log_in(EMAIL, "a password that is new").id == user.id
        assert refusal(log_in, EMAIL, PASSWORD) == (401, "invalid_credentials")
        assert list_sign_ins(user.id) == []
        assert read_mails() == [f"account.reset {EMAIL}", f"account.password_changed {EMAIL}"]

    def test_nobody_gets_no_mail(self):
        self.ask("nobody@homestay.example")
        assert read_mails() == []
        assert read("SELECT id FROM letter") == []

    def test_a_password_that_will_not_do_leaves_the_link_good(self):
        make_user(EMAIL)
        self.ask()
        link = read_link()
        assert refusal(reset_password, link, "short") == (422, "value_too_short")
        assert refusal(reset_password, link, EMAIL) == (422, "weak_password")
        reset_password(link, "a password that is new")
        assert refusal(reset_password, link, "a password of another")[1] == "invalid_token"

    def test_every_older_link_ends(self):
        make_user(EMAIL)
        self.ask()
        older = read_link()
        self.ask()
        reset_password(read_link(), "a password that is new")
        assert refusal(reset_password, older, "a password of another")[1] == "invalid_token"

    def test_a_link_of_another_kind_is_none(self):
        make_user(EMAIL)
        self.ask()
        assert refusal(confirm_account, read_link(), PASSWORD) == (401, "invalid_token")

    def test_it_opens_an_account_that_was_locked(self):
        make_user(EMAIL)
        with unit_of_work():
            execute(
                "INSERT INTO sign_in_failure SELECT encode(sha256(%(email)s), 'hex'), 20,"
                " clock_timestamp(), clock_timestamp() + interval '10 minutes'",
                email=EMAIL.encode(),
            )
        assert refusal(log_in, EMAIL, PASSWORD) == (429, "too_many_failures")
        self.ask()
        reset_password(read_link(), "a password that is new")
        assert log_in(EMAIL, "a password that is new")


class TestUsers:
    def test_an_address_is_taken_once_in_any_case(self):
        make_user(EMAIL)
        with unit_of_work():
            assert refusal(register_user, EMAIL.upper(), PASSWORD, "Lan", "vi") == (
                409,
                "email_taken",
            )

    def test_change(self):
        user = make_user(EMAIL)
        with unit_of_work():
            changed = change_user(user.id, name=" Mây ", locale="km")
        assert (changed.name, changed.locale) == ("Mây", "km")

    def test_who_leaves_takes_the_person_along(self):
        user = make_user(EMAIL)
        sign_in(user)
        with unit_of_work():
            delete_user(user.id)

        row = one("SELECT * FROM app_user WHERE id = %(id)s", id=user.id)
        assert (row.email, row.name, row.password_hash) == (f"{user.id}@deleted.invalid", "", "")
        assert refusal(load_user, user.id) == (404, "resource_missing")
        assert refusal(log_in, EMAIL, PASSWORD) == (401, "invalid_credentials")
        kept = read_one("SELECT * FROM sign_in")
        assert (kept.user_agent, kept.address) == ("", "")
        assert kept.revoked_at is not None
        assert make_user(EMAIL).id != user.id
