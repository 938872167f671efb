"""Finding the attempt that a notice names; between two nobody guesses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from checkout.core.db import one, unit_of_work
from checkout.payments.match import choose_attempt, find_attempts
from checkout.payments.references import Reference, write_reference
from checkout.rails.base import Match, Notice
from tests.factories.till import make_till


def notice(*matches: Match, amount: int = 1000, currency: str = "VND") -> Notice:
    return Notice(
        provider_reference="1",
        source="hook",
        outcome="succeeded",
        raw=b"",
        amount=amount,
        currency=currency,
        matches=matches,
    )


def code(value: str, tier: int = 0, exact_only: bool = False) -> Match:
    return Match("code", value, tier=tier, exact_only=exact_only)


def world(**sessions: tuple[str, int, int]):
    """Name → (status, amount, received): an attempt `att_<name>` with code `<NAME>` for each."""
    attempts = {
        ("code", name.upper()): SimpleNamespace(id=f"att_{name}", session_id=name, number=1)
        for name in sessions
    }
    rows = {
        name: SimpleNamespace(status=status, currency="VND", amount=amount, amount_received=got)
        for name, (status, amount, got) in sessions.items()
    }
    return attempts, rows


def chosen(told: Notice, **sessions: tuple[str, int, int]) -> str | None:
    attempt = choose_attempt("vietqr", told, *world(**sessions))
    return attempt.id if attempt is not None else None


OPEN = ("processing", 1000, 0)
PAID = ("completed", 1000, 1000)


def test_a_known_code_names_its_attempt_whatever_the_amount_or_status():
    assert chosen(notice(code("A"), amount=7), a=OPEN) == "att_a"
    assert chosen(notice(code("A")), a=PAID) == "att_a"
    assert chosen(notice(code("X"), code("A")), a=OPEN) == "att_a"
    assert chosen(notice(code("X")), a=OPEN) is None
    assert chosen(notice(), a=OPEN) is None


def test_between_two_only_one_that_waits_for_exactly_this_is_taken():
    both = notice(code("A"), code("B"))

    assert chosen(both, a=OPEN, b=PAID) == "att_a"
    assert chosen(both, a=OPEN, b=("open", 2000, 0)) == "att_a"
    assert chosen(both, a=("open", 1500, 500), b=PAID) == "att_a"
    assert chosen(both, a=OPEN, b=OPEN) is None
    assert chosen(both, a=PAID, b=PAID) is None
    assert chosen(both, a=("expired", 1000, 0), b=("cancelled", 1000, 0)) is None


def test_the_first_tier_that_knows_an_attempt_decides():
    told = notice(code("B", tier=1), code("A", tier=0))

    assert chosen(told, a=PAID, b=OPEN) == "att_a"
    assert chosen(told, b=OPEN) == "att_b"
    # Two candidates in the first tier are not settled by asking a weaker one.
    three = notice(code("A"), code("B"), code("C", tier=1))
    assert chosen(three, a=PAID, b=PAID, c=OPEN) is None


def test_a_weak_reading_needs_an_open_attempt_of_exactly_this_amount():
    weak = notice(code("A", tier=3, exact_only=True))

    assert chosen(weak, a=OPEN) == "att_a"
    assert chosen(weak, a=("processing", 999, 0)) is None
    assert chosen(weak, a=("processing", 1500, 500)) == "att_a"
    assert chosen(weak, a=PAID) is None
    other = notice(code("A", tier=3, exact_only=True), currency="USD")
    assert chosen(other, a=OPEN) is None


def test_two_codes_of_one_session_name_its_newest_attempt():
    attempts, sessions = world(a=OPEN, b=OPEN)
    attempts["code", "RETRY"] = SimpleNamespace(id="att_retry", session_id="a", number=2)
    both = (code("A"), code("RETRY"))

    assert choose_attempt("vietqr", notice(*both), attempts, sessions).id == "att_retry"
    assert choose_attempt("vietqr", notice(*both, amount=7), attempts, sessions) is None
    assert choose_attempt("vietqr", notice(*both, code("B")), attempts, sessions) is None


@pytest.fixture
def two_tills(client):
    return make_till(client), make_till(client)


def find(till, *matches, livemode=False, rail="vietqr"):
    with unit_of_work():
        found = find_attempts(till.shop.store.id, livemode, [(rail, notice(*matches))])
    return {key: attempt.id for key, attempt in found.items()}


def test_only_the_stores_own_attempts_of_its_mode_are_found(two_tills):
    till, other = two_tills
    mine, theirs = till.make_attempt(), other.make_attempt()
    wanted = [code(attempt["transfer_memo"]) for attempt in (mine, theirs)]

    assert find(till, *wanted) == {("code", mine["transfer_memo"]): mine["id"]}
    assert find(till, *wanted, livemode=True) == {}
    assert find(till, code("HMAAAAAAA"), code("nonsense")) == {}
    assert find(till) == {}


def test_every_reference_ever_shown_finds_its_attempt_on_its_own_rail(two_tills):
    till, other = two_tills
    mine, theirs = till.make_attempt(), other.make_attempt()
    with unit_of_work():
        row = one("SELECT * FROM attempt WHERE id = %(id)s", id=mine["id"])
        for reference in ("order-1", "order-2"):
            write_reference(Reference(row, reference, till.now(), row.expires_at))

    wanted = (Match("reference", "order-1"), Match("reference", "order-2"))
    found = find(till, *wanted, code(theirs["transfer_memo"]))

    assert found == {
        ("reference:vietqr", "order-1"): mine["id"],
        ("reference:vietqr", "order-2"): mine["id"],
    }
    assert find(till, *wanted, rail="khqr") == find(other, *wanted) == {}
