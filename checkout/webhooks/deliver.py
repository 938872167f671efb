"""Delivering: lease, send on many threads, record in bulk."""

from __future__ import annotations

import time
from functools import partial

from flask import current_app

from checkout.core import jobs
from checkout.core.config import config
from checkout.core.db import unit_of_work
from checkout.webhooks.attempt import attempt_delivery
from checkout.webhooks.fanout import DELIVER
from checkout.webhooks.lanes import RESULTS_WAKE, Lanes
from checkout.webhooks.lease import give_back, lease_deliveries
from checkout.webhooks.record import record_results

LINGER_SECONDS = 0.015


def finish_deliveries(seconds: float) -> int:
    """Finish what is leased, as far as the time allows, and give the rest back.

    Returns how many tries ended.
    """
    lanes = _lanes()
    deadline = time.monotonic() + seconds
    ended = 0
    while lanes.busy() and time.monotonic() < deadline:
        lanes.wait_for_results(deadline - time.monotonic())
        ended += _record(lanes)
    left = lanes.give_back()
    if left:
        with unit_of_work():
            give_back(left)
    return ended


def deliver_due() -> int:
    """Record what has ended and start what is due; returns how many of both.

    It does not wait for the tries: they run on threads of their own and ring when they end.
    """
    lanes = _lanes()
    if 0 < lanes.has_results() < RESULTS_WAKE:
        # A moment more brings more results into the same transaction.
        time.sleep(LINGER_SECONDS)
    recorded = _record(lanes)
    rooms = lanes.rooms()
    with unit_of_work():
        tries = lease_deliveries(rooms)
    lanes.add(tries)
    return recorded + len(tries)


def _record(lanes: Lanes) -> int:
    results = lanes.take_results()
    if not results:
        return 0
    try:
        with unit_of_work():
            record_results(results)
    except Exception:
        lanes.put_back(results)
        raise
    return len(results)


def _lanes() -> Lanes:
    """This process's threads, made when they are first needed."""
    lanes: Lanes | None = current_app.extensions.get("checkout_webhook_lanes")
    if lanes is None:
        lanes = Lanes(config().worker_threads, attempt_delivery, partial(jobs.wake_here, DELIVER))
        current_app.extensions["checkout_webhook_lanes"] = lanes
    return lanes
