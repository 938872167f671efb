"""A provider that does not answer is left alone, and one call at a time tries it again."""

from __future__ import annotations

import pytest

from checkout.core.db import unit_of_work
from checkout.payments.health import calling, check_rest, note_failure, slow_accounts
from checkout.rails.base import RailError
from tests.factories.asking import pass_time
from tests.factories.books import read_one

SILENCE = RailError("provider_timeout", "No answer", temporary=True)
REFUSAL = RailError("provider_unauthorized", "Wrong key", temporary=False)


def fail(account, times, error=SILENCE):
    for _ in range(times):
        with pytest.raises(RailError), calling(account):
            raise error


def rests(account):
    try:
        check_rest(account)
    except RailError as error:
        return (error.code, error.temporary) == ("provider_unavailable", True)
    return False


def is_slow(till):
    with unit_of_work():
        return slow_accounts(till.shop.store.id, False) == {"vietqr"}


def test_four_failures_change_nothing_and_an_answer_forgets_them(till):
    fail(till.account, 4)
    assert not rests(till.account)
    with calling(till.account):
        pass
    fail(till.account, 4)

    assert not rests(till.account)
    assert not is_slow(till)


def test_the_fifth_begins_a_rest_that_one_call_may_end(till):
    fail(till.account, 5)
    assert rests(till.account)
    assert is_slow(till)

    pass_time(31)
    assert [rests(till.account) for _ in range(3)] == [False, True, True]
    pass_time(31)
    with calling(till.account):
        pass
    assert not rests(till.account)
    assert not is_slow(till)


def test_a_call_that_fails_again_prolongs_the_rest(till):
    fail(till.account, 5)
    pass_time(31)
    fail(till.account, 1)
    pass_time(29)
    assert rests(till.account)
    pass_time(2)
    assert not rests(till.account)


def test_who_was_not_let_through_is_no_failure(till):
    fail(till.account, 5)
    for _ in range(3):
        with pytest.raises(RailError), calling(till.account):
            raise AssertionError("nobody may call")
    assert read_one("SELECT failures FROM rail_health").failures == 5
    pass_time(31)
    assert not rests(till.account)


def test_a_provider_that_says_how_long_is_left_alone_so_long_but_not_for_ever(till):
    error = RailError("provider_unavailable", "Wait", temporary=True, retry_after_seconds=86_400)
    fail(till.account, 5, error)
    pass_time(299)
    assert rests(till.account)
    pass_time(2)
    assert not rests(till.account)


def test_an_answer_that_says_no_is_an_answer(till):
    fail(till.account, 9, REFUSAL)
    note_failure(till.account, REFUSAL)
    assert not rests(till.account)
    assert not is_slow(till)


def test_a_no_after_a_rest_ends_it(till):
    fail(till.account, 5)
    pass_time(31)
    fail(till.account, 1, REFUSAL)

    assert not rests(till.account)
    assert not is_slow(till)


def test_accounts_are_slow_for_their_own_store_and_mode(till):
    fail(till.account, 5)
    with unit_of_work():
        assert slow_accounts(till.shop.store.id, True) == set()
        assert slow_accounts("sto_other", False) == set()
