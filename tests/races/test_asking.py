"""Workers that meet: an account is listed by one, its pace is kept by all together."""

from __future__ import annotations

from functools import partial

from checkout.payments import backfill
from checkout.payments.backfill import backfill_due
from checkout.payments.pace import reserve_call
from tests.factories.asking import pass_time
from tests.factories.till import make_till

ROUNDS = 20


def test_an_account_is_listed_by_one_worker(app, till, crowd, monkeypatch):
    accounts = {till.account} | {make_till(app.test_client()).account for _ in range(3)}
    listed = []
    monkeypatch.setattr(
        backfill, "backfill_account", lambda account, **_range: listed.append(account) or 0
    )
    for _ in range(ROUNDS):
        listed.clear()
        assert sum(crowd.at_once(*[backfill_due] * 8)) == 4
        assert sorted(listed) == sorted(accounts)
        pass_time(301)


def test_all_workers_together_keep_the_pace(till, crowd):
    reserve = partial(reserve_call, till.account, 60, ahead_seconds=2.5)
    for _ in range(ROUNDS):
        pass_time(100)
        waits = sorted(wait for wait in crowd.at_once(*[reserve] * 8) if wait is not None)
        assert [round(wait) for wait in waits] == [0, 1, 2]
