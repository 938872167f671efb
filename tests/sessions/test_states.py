"""The life of a session, told a second time from the contract and compared pair by pair."""

from __future__ import annotations

import pytest

from checkout.sessions.states import EVENTS, LIVE, STATUSES, Rule, next_status, outcome_of

STAY, REPEAT, REFUSED, PERSON = "stay", "repeat", "refused", "person"
ENDED = ("completed", "expired", "abandoned", "cancelled")


def in_life(open_: str, processing: str, awaiting_action: str) -> dict[str, str]:
    return {"open": open_, "processing": processing, "awaiting_action": awaiting_action}


def in_the_end(completed: str, expired: str, abandoned: str, cancelled: str) -> dict[str, str]:
    return dict(zip(ENDED, (completed, expired, abandoned, cancelled), strict=True))


EXPECTED = {
    "updated": in_life(STAY, REFUSED, REFUSED) | in_the_end(REFUSED, REFUSED, REFUSED, REFUSED),
    "attempt_started": in_life("processing", STAY, "processing")
    | in_the_end(REFUSED, REFUSED, REFUSED, REFUSED),
    "action_required": in_life("awaiting_action", "awaiting_action", STAY)
    | in_the_end(REFUSED, REFUSED, REFUSED, REFUSED),
    "action_completed": in_life(REPEAT, REPEAT, "processing")
    | in_the_end(REPEAT, REPEAT, REPEAT, REPEAT),
    "prompt_changed": in_life(STAY, STAY, STAY) | in_the_end(REPEAT, REPEAT, REPEAT, REPEAT),
    "attempt_failed": in_life(STAY, "open", "open") | in_the_end(REPEAT, REPEAT, REPEAT, REPEAT),
    # Money is never lost: it completes what ended by itself, a person looks at the rest.
    "part_received": in_life(STAY, STAY, STAY) | in_the_end(PERSON, STAY, STAY, PERSON),
    "part_withdrawn": in_life(STAY, STAY, STAY) | in_the_end(REFUSED, STAY, STAY, STAY),
    "paid": in_life("completed", "completed", "completed")
    | in_the_end(PERSON, "completed", "completed", PERSON),
    "accepted": in_life("completed", "completed", "completed")
    | in_the_end(PERSON, "completed", "completed", "completed"),
    "timed_out": in_life("expired", "expired", "expired")
    | in_the_end(REPEAT, REPEAT, REPEAT, REPEAT),
    "expired_by_merchant": in_life("expired", "expired", "expired")
    | in_the_end(REFUSED, REPEAT, REFUSED, REFUSED),
    "abandoned": in_life("abandoned", "abandoned", "abandoned")
    | in_the_end(REFUSED, REFUSED, REPEAT, REFUSED),
    "cancelled": in_life("cancelled", "cancelled", "cancelled")
    | in_the_end(REFUSED, REFUSED, REFUSED, REPEAT),
    "fulfilled": in_life(STAY, STAY, STAY) | in_the_end(STAY, REFUSED, REFUSED, REFUSED),
}
RULES = {STAY: Rule.STAY, REPEAT: Rule.REPEAT, REFUSED: Rule.REFUSED, PERSON: Rule.PERSON}


def test_every_pair_is_expected_here():
    assert set(EXPECTED) == set(EVENTS)
    assert all(set(row) == set(STATUSES) for row in EXPECTED.values())
    assert set(STATUSES) - set(ENDED) == LIVE


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", STATUSES)
def test_what_an_event_does_in_a_status(status, event):
    expected = EXPECTED[event][status]

    assert outcome_of(status, event) == RULES.get(expected, expected)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", STATUSES)
def test_only_allowed_events_give_a_next_status(status, event):
    expected = EXPECTED[event][status]

    if expected in (REPEAT, REFUSED, PERSON):
        with pytest.raises(ValueError, match=event):
            next_status(status, event)
    else:
        assert next_status(status, event) == (status if expected == STAY else expected)


def test_nothing_leads_on_from_completed():
    assert not {outcome_of("completed", event) for event in EVENTS} & set(STATUSES)
