"""Tokens to listen with: of one customer, for a quarter of an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkout.core import clock
from checkout.embed import tokens
from checkout.embed.tokens import Bearer, make_token, read_token

BEARER = Bearer("sto_1", False, "cus_1")


def test_a_token_names_its_bearer(app):
    token, expires_at = make_token(BEARER)
    assert read_token(token) == BEARER
    assert timedelta(minutes=14) < expires_at - clock.now() <= timedelta(minutes=15)


def test_a_token_ends(app, monkeypatch):
    token, expires_at = make_token(BEARER)
    monkeypatch.setattr(tokens.clock, "now", lambda: expires_at)
    assert read_token(token) is None


def test_every_changed_byte_is_noticed(app):
    token, _ = make_token(BEARER)
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        assert read_token(token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize("token", ["", ".", "a.b", "ខ្មែរ", "\x00", "x" * 5000])
def test_nonsense_is_no_token(app, token):
    assert read_token(token) is None


def test_another_use_of_the_same_secret_makes_no_token(app, monkeypatch):
    token, _ = make_token(BEARER)
    monkeypatch.setattr(tokens, "SALT", "checkout.other")
    assert read_token(token) is None
