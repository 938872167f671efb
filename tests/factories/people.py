"""Merchants for tests, signed in by a browser or a program."""

from __future__ import annotations

import itertools
from typing import Any

import pyotp
from flask import current_app

from checkout.core import clock
from checkout.core.db import execute, unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.accounts import register_user, sign_in_browser
from checkout.merchants.sign_ins import RequestFacts
from checkout.merchants.tokens import Tokens, sign_in_program
from checkout.merchants.two_factor import begin_two_factor, confirm_two_factor

PASSWORD = "mua roi tren mai ton"
FACTS = RequestFacts("Firefox on a phone", "192.0.2.7")

_numbers = itertools.count(1)


def make_user(
    email: str = "", password: str = PASSWORD, name: str = "Lan Nguyễn", locale: str = "vi"
) -> Any:
    """A committed merchant; returns the row."""
    email = email or f"lan{next(_numbers)}@homestay.example"
    with unit_of_work():
        return register_user(email, password, name, locale)


def browser(user: Any) -> Any:
    """A client whose cookie signs the merchant in."""
    with unit_of_work():
        cookie = sign_in_browser(user.id, FACTS)
    client = current_app.test_client()
    client.set_cookie(cookie_name(), cookie)
    return client


def sign_in(user: Any) -> Tokens:
    """Committed tokens of a program."""
    with unit_of_work():
        return sign_in_program(user.id, FACTS)


def bearer(tokens: Tokens) -> dict[str, str]:
    """The header of a call with an access token."""
    return {"Authorization": f"Bearer {tokens.access_token}"}


def turn_on_two_factor(user: Any) -> tuple[str, list[str]]:
    """Committed: the secret and the recovery codes; the present code has not been used yet."""
    with unit_of_work():
        setup = begin_two_factor(user.id)
        codes = confirm_two_factor(user.id, code_of(setup.secret))
        execute("UPDATE app_user SET totp_step = 0 WHERE id = %(id)s", id=user.id)
    return setup.secret, codes


def code_of(secret: str) -> str:
    """What the authenticator app shows now."""
    return pyotp.TOTP(secret).at(clock.now())
