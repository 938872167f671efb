"""The pretend bank as the page plays it."""

from __future__ import annotations

import pytest

from checkout.core.db import one
from checkout.core.errors import Problem
from checkout.payments import play
from checkout.payments.play import amount_to_play, mangle, play_bank
from checkout.sessions.page import load_page
from tests.factories.checkouts import make_checkout, show_code
from tests.factories.stores import make_shop, make_vietqr


@pytest.fixture
def calls(monkeypatch):
    found = []
    monkeypatch.setattr(
        play, "simulate_payment", lambda attempt_id, **options: found.append(options)
    )
    return found


@pytest.fixture
def session_id(app):
    return make_checkout()


@pytest.mark.parametrize(
    ("kind", "due", "amount"),
    [
        ("exact", 500_000, 500_000),
        ("rest", 100_000, 100_000),
        ("short", 500_000, 400_000),
        ("short", 1, 1),
        ("over", 500_000, 550_000),
        ("over", 1, 2),
        ("twice", 7, 7),
    ],
)
def test_how_much(kind, due, amount):
    assert amount_to_play(kind, due) == amount


def test_what_is_asked_of_the_bank(session_id, calls):
    attempt = show_code(session_id)
    page = load_page(session_id)
    for kind in ("exact", "twice", "mangled", "failure"):
        play_bank(page, kind)
    exact, twice, mangled, failure = calls
    assert failure["outcome"] == "failure"
    assert exact == {"amount": 500_000, "memo": None, "times": 1, "outcome": "success"}
    assert twice["times"] == 2
    memo = attempt.code.replace("-", "").lower()
    assert memo in mangled["memo"].replace(" ", "").lower()


def test_late_is_after_the_end(session_id, calls):
    show_code(session_id)
    play_bank(load_page(session_id), "late")
    row = one("SELECT status, expires_at < clock_timestamp() AS over FROM checkout_session")
    assert (row.status, row.over) == ("expired", True)
    assert len(calls) == 1


def test_a_mangled_memo_still_holds_its_letters():
    assert mangle("HM7K3QX9W") == "MBVCB.3278907687. hm7k 3qx9w chuyen tien"


def test_live_sessions_are_left_alone(app, calls):
    shop = make_shop(livemode=True)
    make_vietqr(shop)
    session_id = make_checkout(shop)
    show_code(session_id)
    with pytest.raises(Problem, match="test_mode_only"):
        play_bank(load_page(session_id), "late")
    assert calls == []
    assert one("SELECT status FROM checkout_session").status == "processing"
