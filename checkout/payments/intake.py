"""Take notices in: stored and committed first, then judged, several requests' in one go.

The accounts of a busy store are single rows that settling locks until its commit, and a commit
waits for the disk; requests that come at the same time share both commits.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from checkout.core.db import unit_of_work
from checkout.core.errors import unavailable
from checkout.core.inbox import Incoming, find_results, store_incoming
from checkout.core.logs import log
from checkout.core.together import Together, TurnTimeout
from checkout.payments.judge import BATCH, judge_now

WAIT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice that is stored and committed."""

    inbox_id: str
    new: bool
    disposition: str | None
    """What it was judged to be, now or when it was new; None while it waits."""


def take_in(incoming: Sequence[Incoming]) -> list[Taken]:
    """Store one request's notices, commit, and judge them.

    Raises when they could not be stored: the provider must then hear a failure and send them
    again. Judging never raises; what it leaves is found by the sweep.
    """
    try:
        return _together.do(incoming)
    except TurnTimeout:
        log("intake_is_busy", logging.WARNING)
        raise unavailable() from None


def _take_all(requests: Sequence[Sequence[Incoming]]) -> list[list[Taken] | Exception]:
    try:
        with unit_of_work():
            stored = store_incoming([one for request in requests for one in request])
    except Exception as error:
        if len(requests) == 1:
            raise
        # One request's notices may be what cannot be stored: each by itself, then.
        log("intake_batch_failed", logging.ERROR, count=len(requests), error=type(error).__name__)
        return [_take_alone(request) for request in requests]
    judged = judge_now([inbox_id for inbox_id, new in stored if new])
    if len(judged) < len(stored):
        with unit_of_work():
            judged |= find_results([inbox_id for inbox_id, new in stored if not new])
    rows = iter(stored)
    return [
        [Taken(inbox_id, new, judged.get(inbox_id)) for inbox_id, new in some]
        for some in ([next(rows) for _ in request] for request in requests)
    ]


def _take_alone(request: Sequence[Incoming]) -> list[Taken] | Exception:
    try:
        return _take_all([request])[0]
    except Exception as error:  # noqa: BLE001 - its own caller is told
        return error


_together: Together[Sequence[Incoming], list[Taken]] = Together(
    _take_all, most=BATCH, wait_seconds=WAIT_SECONDS
)
