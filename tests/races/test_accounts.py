"""Many who use the same token at the very same moment."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.access import authenticate_access_token, forget_found_users
from checkout.merchants.accounts import ask_account, ask_reset, confirm_account, reset_password
from checkout.merchants.letters import write_letters
from checkout.merchants.log_in import log_in
from checkout.merchants.tokens import Tokens, refresh_tokens
from checkout.merchants.two_factor import (
    begin_two_factor,
    confirm_two_factor,
    take_second_factor,
)
from checkout.merchants.users import load_user
from tests.factories.books import read, read_one
from tests.factories.people import PASSWORD, make_user, sign_in
from tests.merchants.test_accounts import read_link
from tests.merchants.test_two_factor import code_of
from tests.races.crowd import Crowd

THREADS = 20
ROUNDS = 10
_numbers = itertools.count(1)


@pytest.fixture
def crowd(app, db_clean):
    crowd = Crowd(app, THREADS)
    yield crowd
    crowd.close()


def tried(call, *args):
    """What came of it, or the code of the refusal; each from an address of its own."""
    from flask import current_app

    number = next(_numbers)
    address = f"198.18.{20 + number // 250}.{number % 250}"
    with current_app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
        try:
            return call(*args)
        except Problem as problem:
            return problem.code


def test_one_refresh_token_has_one_winner_and_then_none(crowd):
    user = make_user()
    for _ in range(ROUNDS):
        tokens = sign_in(user)
        answers = crowd.at_once(*[partial(tried, refresh_tokens, tokens.refresh_token)] * THREADS)

        won = [answer for answer in answers if isinstance(answer, Tokens)]
        assert len(won) == 1
        assert answers.count("invalid_refresh_token") == THREADS - 1
        forget_found_users()
        for ended in (tokens, won[0]):
            assert tried(authenticate_access_token, ended.access_token) == "access_token_expired"
        assert tried(refresh_tokens, won[0].refresh_token) == "invalid_refresh_token"


def test_one_link_sets_one_password(crowd):
    user = make_user()
    with unit_of_work():
        ask_reset(user.email, "en")
    write_letters()
    link = read_link()
    passwords = [f"a password that is new {number}" for number in range(THREADS)]
    answers = crowd.at_once(*(partial(tried, reset_password, link, text) for text in passwords))

    (winner,) = (n for n, answer in enumerate(answers) if answer != "invalid_token")
    assert tried(log_in, user.email, passwords[winner]).id == user.id
    mails = read("SELECT id FROM mail WHERE purpose = 'account.password_changed'")
    assert len(mails) == 1


def test_one_link_makes_one_account(crowd, monkeypatch):
    # The lock-out of the address is not what is tried here.
    monkeypatch.setattr("checkout.merchants.log_in.count_try", lambda email: None)
    with crowd.app.test_request_context("/"):
        ask_account("lan@homestay.example", PASSWORD, "Lan", "vi")
    write_letters()
    link = read_link()
    answers = crowd.at_once(*[partial(tried, confirm_account, link, PASSWORD)] * THREADS)

    assert answers.count("invalid_token") == THREADS - 1
    assert read_one("SELECT count(*) AS n FROM app_user").n == 1


def test_one_code_opens_once(crowd):
    user = make_user()
    with unit_of_work():
        secret = begin_two_factor(user.id).secret
        recovery = confirm_two_factor(user.id, code_of(secret))

    def take(**given) -> bool:
        with unit_of_work():
            return take_second_factor(load_user(user.id), **given)

    for number in range(ROUNDS):
        with unit_of_work():
            execute("UPDATE app_user SET totp_step = 0")
        # One step is not over before twenty have asked: the code of the next is good as well.
        given = {"totp": code_of(secret, 1), "recovery_code": None}
        assert sorted(crowd.at_once(*[partial(take, **given)] * THREADS)).count(True) == 1
        given = {"totp": None, "recovery_code": recovery[number]}
        assert sorted(crowd.at_once(*[partial(take, **given)] * THREADS)).count(True) == 1


def test_guesses_at_once_are_no_more_than_guesses_in_a_row(crowd):
    user = make_user()
    answers = crowd.at_once(*[partial(tried, log_in, user.email, "a wrong password")] * THREADS)
    assert answers.count("invalid_credentials") == 10
    assert answers.count("too_many_failures") == THREADS - 10
