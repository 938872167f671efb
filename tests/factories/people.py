"""Merchants for tests, signed in by a browser or a program."""

from __future__ import annotations

import itertools
from typing import Any

from flask import current_app

from checkout.core.db import unit_of_work
from checkout.merchants.access import cookie_name
from checkout.merchants.accounts import register_user, sign_in_browser
from checkout.merchants.sign_ins import RequestFacts
from checkout.merchants.tokens import Tokens, sign_in_program

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
