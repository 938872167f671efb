"""What a transfer is: the whole table, by values alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from checkout.payments.decide import Decision, Money, Rules, deadline_of, decide, judge_sum

DEADLINE = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GRACE = timedelta(minutes=15)
WAIT = Rules(late_grace_minutes=15, underpayment="wait")
STRICT = Rules(late_grace_minutes=15, underpayment="fail")


@dataclass
class Session:
    status: str = "processing"
    currency: str = "VND"
    amount: int = 1000
    amount_received: int = 0
    expires_at: datetime = DEADLINE
    ended_at: datetime | None = None


def money(amount: int = 1000, at: datetime = DEADLINE - TICK, **fields) -> Money:
    given = {"currency": "VND", "account_ok": True} | fields
    return Money(amount=amount, occurred_at=at, **given)


@pytest.mark.parametrize(
    ("received", "amount", "expected"),
    [
        (0, 1000, Decision("matched", counts=True, completes=True)),
        (0, 999, Decision("partial", counts=True)),
        (0, 1, Decision("partial", counts=True)),
        (0, 1001, Decision("over", counts=True, completes=True, surplus=1)),
        (400, 600, Decision("matched", counts=True, completes=True)),
        (400, 599, Decision("partial", counts=True)),
        (400, 1000, Decision("over", counts=True, completes=True, surplus=400)),
    ],
)
def test_short_exact_and_over(received, amount, expected):
    assert decide(money(amount), Session(amount_received=received), WAIT) == expected


def test_a_strict_store_fails_the_attempt_of_short_money():
    expected = Decision("partial", fails_attempt=True)

    assert decide(money(999), Session(), STRICT) == expected
    assert decide(money(1000), Session(), STRICT).disposition == "matched"
    assert decide(money(1001), Session(), STRICT).disposition == "over"


@pytest.mark.parametrize(
    "status", ["open", "processing", "awaiting_action", "expired", "abandoned"]
)
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (DEADLINE - timedelta(days=9), "matched"),
        (DEADLINE - TICK, "matched"),
        (DEADLINE, "matched late"),
        (DEADLINE + GRACE - TICK, "matched late"),
        (DEADLINE + GRACE, "late"),
        (DEADLINE + timedelta(days=99), "late"),
    ],
)
def test_lateness_by_the_banks_clock_whatever_a_sweep_did(status, at, expected):
    ended = DEADLINE if status == "expired" else None
    found = decide(money(at=at), Session(status=status, ended_at=ended), WAIT)

    if expected == "late":
        assert found == Decision("late", late=True)
    else:
        late = expected == "matched late"
        assert found == Decision("matched", counts=True, completes=True, late=late)


def test_without_grace_the_deadline_is_the_end():
    rules = Rules(late_grace_minutes=0, underpayment="wait")

    assert decide(money(at=DEADLINE - TICK), Session(), rules).completes
    assert decide(money(at=DEADLINE), Session(), rules) == Decision("late", late=True)


def test_short_money_within_the_grace_is_a_part():
    found = decide(money(5, at=DEADLINE), Session(status="expired", ended_at=DEADLINE), WAIT)

    assert found == Decision("partial", counts=True, late=True)


def test_the_merchants_end_is_an_earlier_deadline():
    early = DEADLINE - timedelta(minutes=10)
    ended = Session(status="expired", ended_at=early)

    assert deadline_of(ended) == early
    assert decide(money(at=early - TICK), ended, WAIT).late is False
    assert decide(money(at=early + GRACE - TICK), ended, WAIT).late is True
    assert decide(money(at=early + GRACE), ended, WAIT).disposition == "late"
    # The end of an abandoned session is not the merchant's word.
    assert deadline_of(Session(status="abandoned", ended_at=early)) == DEADLINE


@pytest.mark.parametrize("at", [DEADLINE - GRACE, DEADLINE, DEADLINE + 2 * GRACE])
def test_money_for_a_cancelled_session_waits_for_a_person(at):
    found = decide(money(at=at), Session(status="cancelled", ended_at=DEADLINE - GRACE), WAIT)

    assert (found.disposition, found.counts, found.completes) == ("late", False, False)


@pytest.mark.parametrize("amount", [1, 1000, 5000])
@pytest.mark.parametrize("at", [DEADLINE - TICK, DEADLINE + 2 * GRACE])
def test_money_for_a_paid_session_is_double(amount, at):
    session = Session(status="completed", amount_received=1000)

    assert decide(money(amount, at), session, WAIT) == Decision("duplicate")


def test_what_cannot_be_this_sessions_money():
    assert decide(money(), None, WAIT) == Decision("unknown_code")
    assert decide(money(currency="USD"), Session(), WAIT) == Decision("wrong_currency")
    assert decide(money(account_ok=False), Session(), WAIT) == Decision("wrong_account")
    # The account is judged first: money elsewhere is nobody's here.
    assert decide(money(account_ok=False, currency="USD"), None, WAIT) == Decision("wrong_account")
    assert decide(money(currency="USD"), Session(status="completed"), WAIT).disposition == (
        "wrong_currency"
    )


def test_sums_for_what_a_person_assigns():
    assert judge_sum(600, Session(amount_received=400), WAIT, late=True) == Decision(
        "matched", counts=True, completes=True, late=True
    )
