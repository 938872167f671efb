"""A stored notice of moved money that waits to be settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from checkout.rails.base import Notice


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stored notice of moved money that waits to be settled."""

    inbox_id: str
    store_id: str
    livemode: bool
    rail: str
    rail_account_id: str
    notice: Notice
    received_at: datetime
    """By the store's clock."""


def bank_time(arrival: Arrival) -> datetime:
    """The bank's time; a clock ahead of ours cannot make money late."""
    if arrival.notice.occurred_at is None:
        return arrival.received_at
    return min(arrival.notice.occurred_at, arrival.received_at)
