"""People who resolve the same money at once, and money that comes while they do."""

from __future__ import annotations

import random
from functools import partial

import pytest

from checkout.payments.judge import judge_batch
from tests.factories.books import read
from tests.factories.till import memo_of
from tests.payments.test_twins import list_row, store
from tests.races.crowd import ROUNDS, own_till


@pytest.fixture
def tills(till, app):
    return [own_till(till, app) for _ in range(4)]


def resolver(till, transfer, action, **fields):
    return lambda: till.resolve(transfer["id"], action, **fields)[0]


def test_held_money_goes_to_one_home_only(till, tills, crowd):
    for _ in range(ROUNDS // 2):
        transfer = till.pay("no code", 300_000)
        targets = [till.make_session(300_000)["id"] for _ in range(2)]
        statuses = crowd.at_once(
            resolver(tills[0], transfer, "accept"),
            resolver(tills[1], transfer, "write_off"),
            resolver(tills[2], transfer, "assign", session=targets[0]),
            resolver(tills[3], transfer, "assign", session=targets[1]),
        )

        assert sorted(statuses) == [200, 409, 409, 409]


def test_late_money_is_accepted_once(till, tills, crowd):
    for _ in range(ROUNDS // 2):
        attempt = till.make_attempt(300_000)
        till.call("POST", f"/checkout/sessions/{attempt['session']}/cancel")
        transfer = till.pay(memo_of(attempt), 300_000)
        statuses = crowd.at_once(*(resolver(one, transfer, "accept") for one in tills))

        assert sorted(statuses) == [200, 409, 409, 409]
        assert till.session(attempt["session"])["status"] == "completed"


def test_assigned_money_meets_the_sessions_own(till, tills, crowd):
    for _ in range(ROUNDS):
        transfer = till.pay("no code", 300_000)
        attempt = till.make_attempt(300_000)
        notice = till.notice(memo_of(attempt), 300_000)
        status, _ = crowd.at_once(
            resolver(tills[0], transfer, "assign", session=attempt["session"]),
            partial(tills[1].tell, notice),
        )
        own = till.transfer(str(notice["id"]))["disposition"]

        assert (status, own) in ((200, "duplicate"), (409, "matched"))


def test_a_part_is_written_off_while_the_rest_comes(till, tills, crowd):
    for _ in range(ROUNDS):
        attempt = till.make_attempt(500_000)
        part = till.pay(memo_of(attempt), 200_000)
        notice = till.notice(memo_of(attempt), 300_000)
        status, _ = crowd.at_once(
            resolver(tills[0], part, "write_off"), partial(tills[1].tell, notice)
        )
        session = till.session(attempt["session"])

        assert (status, session["status"], session["amount_received"]) in (
            (200, "processing", 300_000),
            (409, "completed", 500_000),
        )


def test_parts_change_places_at_once(till, tills, crowd):
    """Each session's part is assigned to the other: two locks, asked for in both orders."""
    for _ in range(ROUNDS // 2):
        one, two = till.make_attempt(500_000), till.make_attempt(500_000)
        parts = [till.pay(memo_of(attempt), 100_000) for attempt in (one, two)]
        statuses = crowd.at_once(
            resolver(tills[0], parts[0], "assign", session=two["session"]),
            resolver(tills[1], parts[1], "assign", session=one["session"]),
            resolver(tills[2], parts[0], "write_off"),
            resolver(tills[3], parts[1], "accept"),
        )
        assert set(statuses) <= {200, 409}


def test_a_storm_of_everything_in_one_store(till, tills, crowd):
    """Whatever meets, nobody hears of a deadlock and the books add up."""
    draw = random.Random(20)
    for number in range(ROUNDS // 4):
        attempts = [till.make_attempt(500_000) for _ in range(2)]
        held = [till.pay(memo_of(attempts[0]), 100_000), till.pay("no code", 400_000)]
        notices = [
            till.notice(memo_of(draw.choice(attempts)), draw.choice((100_000, 400_000, 500_000)))
            for _ in range(3)
        ]
        store(till, list_row(notices[0], f"s-{number}"))
        tasks = [
            *(
                lambda one=o, n=n: one.tell(n).status_code
                for o, n in zip(tills, notices, strict=False)
            ),
            resolver(tills[3], held[0], draw.choice(("accept", "write_off"))),
            resolver(own_till(till, crowd.app), held[1], "assign", session=attempts[1]["session"]),
            judge_batch,
        ]
        draw.shuffle(tasks)
        found = crowd.at_once(*tasks)
        assert {status for status in found if isinstance(status, int)} <= {200, 409, 422}
        judge_batch()

    assert read("SELECT id FROM inbox WHERE judged_at IS NULL OR tries > 0") == []
