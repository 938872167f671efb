"""Twenty callers when a rest is over: one tries, the others are told to wait."""

from __future__ import annotations

import pytest

from checkout.payments.health import MOST_FAILURES, check_rest, note_answer, note_failure
from checkout.rails.base import RailError
from tests.factories.asking import pass_time
from tests.factories.books import read_one
from tests.races.crowd import Crowd

CALLERS = 20
ROUNDS = 20
SILENCE = RailError("provider_timeout", "No answer", temporary=True)


@pytest.fixture
def callers(app, db_clean):
    crowd = Crowd(app, CALLERS)
    yield crowd
    crowd.close()


def try_to_call(account):
    def call():
        try:
            check_rest(account)
        except RailError:
            return 0
        return 1

    return call


def test_one_half_open_call_at_a_time(till, callers):
    for _ in range(MOST_FAILURES):
        note_failure(till.account, SILENCE)
    for _ in range(ROUNDS):
        assert sum(callers.at_once(*[try_to_call(till.account)] * CALLERS)) == 0
        pass_time(31)
        assert sum(callers.at_once(*[try_to_call(till.account)] * CALLERS)) == 1
        note_failure(till.account, SILENCE)

    note_answer(till.account)
    assert sum(callers.at_once(*[try_to_call(till.account)] * CALLERS)) == CALLERS


def test_no_failure_is_lost(till, callers):
    callers.at_once(*[lambda: note_failure(till.account, SILENCE)] * CALLERS)
    row = read_one("SELECT failures, resting_until IS NOT NULL AS rests FROM rail_health")

    assert (row.failures, row.rests) == (CALLERS, True)
