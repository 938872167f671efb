"""Parts that are left over when their session ends."""

from __future__ import annotations

import pytest

from checkout.areas import import_jobs
from checkout.core.jobs import sweep_until_idle
from tests.factories.books import events_of
from tests.factories.till import make_till, memo_of


@pytest.fixture(autouse=True)
def jobs():
    import_jobs()


def told_of(till, transfer):
    sweep_until_idle("dispatch_events")
    return events_of(till.shop.store.id, transfer["id"])


def test_a_part_is_told_once_its_session_ends(client):
    till = make_till(client)
    attempt = till.make_attempt(500_000)
    part = till.pay(memo_of(attempt), 200_000)
    assert told_of(till, part) == []

    till.advance_and_sweep(16 * 60)

    assert told_of(till, part) == ["transfer.unmatched"]
    assert told_of(till, part) == ["transfer.unmatched"]


def test_parts_of_a_paid_session_are_nobodys_trouble(client):
    till = make_till(client)
    attempt = till.make_attempt(500_000)
    part = till.pay(memo_of(attempt), 200_000)
    till.pay(memo_of(attempt), 300_000)

    till.advance_and_sweep(16 * 60)

    assert told_of(till, part) == []
