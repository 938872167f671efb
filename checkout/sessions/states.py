"""The life of a session: one table from (status, event) to what happens."""

from __future__ import annotations

from enum import Enum
from typing import Literal, get_args

Status = Literal[
    "open", "processing", "awaiting_action", "completed", "expired", "abandoned", "cancelled"
]
Event = Literal[
    "updated",
    "attempt_started",
    "action_required",
    "action_completed",
    "prompt_changed",
    "attempt_failed",
    "part_received",
    "part_withdrawn",
    "paid",
    "accepted",
    "timed_out",
    "expired_by_merchant",
    "abandoned",
    "cancelled",
    "fulfilled",
]
STATUSES: tuple[Status, ...] = get_args(Status)
EVENTS: tuple[Event, ...] = get_args(Event)
LIVE: frozenset[Status] = frozenset({"open", "processing", "awaiting_action"})


class Rule(Enum):
    """What an event does where it does not lead to another status."""

    STAY = "it changes the session, not its status"
    REPEAT = "it has happened already: nothing changes, nobody is told"
    REFUSED = "the caller is told that it cannot be"
    PERSON = "money that a person has to decide about"


_STAY, _REPEAT, _REFUSED, _PERSON = Rule.STAY, Rule.REPEAT, Rule.REFUSED, Rule.PERSON

# Money that the bank dates in time, or within the store's grace, still completes a session
# that the clock or the shopper ended: hence `paid` leads on from expired and abandoned. After
# a merchant's own word (cancelled) only a person's decision (`accepted`) does.
TABLE: dict[Status, dict[Event, Status | Rule]] = {
    "open": {
        "updated": _STAY,
        "attempt_started": "processing",
        "action_required": "awaiting_action",
        "action_completed": _REPEAT,
        "prompt_changed": _STAY,
        "attempt_failed": _STAY,
        "part_received": _STAY,
        "part_withdrawn": _STAY,
        "paid": "completed",
        "accepted": "completed",
        "timed_out": "expired",
        "expired_by_merchant": "expired",
        "abandoned": "abandoned",
        "cancelled": "cancelled",
        "fulfilled": _STAY,
    },
    "processing": {
        "updated": _REFUSED,
        "attempt_started": _STAY,
        "action_required": "awaiting_action",
        "action_completed": _REPEAT,
        "prompt_changed": _STAY,
        "attempt_failed": "open",
        "part_received": _STAY,
        "part_withdrawn": _STAY,
        "paid": "completed",
        "accepted": "completed",
        "timed_out": "expired",
        "expired_by_merchant": "expired",
        "abandoned": "abandoned",
        "cancelled": "cancelled",
        "fulfilled": _STAY,
    },
    "awaiting_action": {
        "updated": _REFUSED,
        "attempt_started": "processing",
        "action_required": _STAY,
        "action_completed": "processing",
        "prompt_changed": _STAY,
        "attempt_failed": "open",
        "part_received": _STAY,
        "part_withdrawn": _STAY,
        "paid": "completed",
        "accepted": "completed",
        "timed_out": "expired",
        "expired_by_merchant": "expired",
        "abandoned": "abandoned",
        "cancelled": "cancelled",
        "fulfilled": _STAY,
    },
    "completed": {
        "updated": _REFUSED,
        "attempt_started": _REFUSED,
        "action_required": _REFUSED,
        "action_completed": _REPEAT,
        "prompt_changed": _REPEAT,
        "attempt_failed": _REPEAT,
        "part_received": _PERSON,
        "part_withdrawn": _REFUSED,
        "paid": _PERSON,
        "accepted": _PERSON,
        "timed_out": _REPEAT,
        "expired_by_merchant": _REFUSED,
        "abandoned": _REFUSED,
        "cancelled": _REFUSED,
        "fulfilled": _STAY,
    },
    "expired": {
        "updated": _REFUSED,
        "attempt_started": _REFUSED,
        "action_required": _REFUSED,
        "action_completed": _REPEAT,
        "prompt_changed": _REPEAT,
        "attempt_failed": _REPEAT,
        "part_received": _STAY,
        "part_withdrawn": _STAY,
        "paid": "completed",
        "accepted": "completed",
        "timed_out": _REPEAT,
        "expired_by_merchant": _REPEAT,
        "abandoned": _REFUSED,
        "cancelled": _REFUSED,
        "fulfilled": _REFUSED,
    },
    "abandoned": {
        "updated": _REFUSED,
        "attempt_started": _REFUSED,
        "action_required": _REFUSED,
        "action_completed": _REPEAT,
        "prompt_changed": _REPEAT,
        "attempt_failed": _REPEAT,
        "part_received": _STAY,
        "part_withdrawn": _STAY,
        "paid": "completed",
        "accepted": "completed",
        "timed_out": _REPEAT,
        "expired_by_merchant": _REFUSED,
        "abandoned": _REPEAT,
        "cancelled": _REFUSED,
        "fulfilled": _REFUSED,
    },
    "cancelled": {
        "updated": _REFUSED,
        "attempt_started": _REFUSED,
        "action_required": _REFUSED,
        "action_completed": _REPEAT,
        "prompt_changed": _REPEAT,
        "attempt_failed": _REPEAT,
        "part_received": _PERSON,
        "part_withdrawn": _STAY,
        "paid": _PERSON,
        "accepted": "completed",
        "timed_out": _REPEAT,
        "expired_by_merchant": _REFUSED,
        "abandoned": _REFUSED,
        "cancelled": _REPEAT,
        "fulfilled": _REFUSED,
    },
}


def outcome_of(status: Status, event: Event) -> Status | Rule:
    """What `event` does to a session in `status`; STAY leaves the status as it is."""
    return TABLE[status][event]


def next_status(status: Status, event: Event) -> Status:
    """The status after an event that is allowed; raises ValueError for one that is not."""
    outcome = outcome_of(status, event)
    if outcome is Rule.STAY:
        return status
    if isinstance(outcome, Rule):
        raise ValueError(f"{event} is no move of a session that is {status}")  # noqa: TRY004
    return outcome
