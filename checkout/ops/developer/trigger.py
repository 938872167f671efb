"""Play a scenario and show the events that came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from checkout.ops.developer.client import Api, Trouble
from checkout.ops.developer.cursor import PAGE
from checkout.ops.developer.listen import line_of
from checkout.ops.developer.scenarios import Scenario
from checkout.ops.developer.stage import Stage

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.5


def trigger(
    scenario: Scenario, stage: Stage, *, wait: Callable[[float], None] = time.sleep
) -> None:
    """Raises Trouble in live mode, and when the event does not come."""
    api = stage.api
    if api.is_live:
        raise Trouble("Only pretend providers can be told to pay: give a key sk_test_… in --key.")
    known = {event["id"] for event in api.get("/events", limit=PAGE)["data"]}
    scenario.play(stage)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _show_new(api, scenario.event, known, stage.say):
        if time.monotonic() > deadline:
            raise Trouble(
                f"{scenario.event} did not come within {PATIENCE_SECONDS:.0f} seconds: does a"
                " worker run? bin/checkout logs tail tells."
            )
        wait(LOOK_SECONDS)


def _show_new(api: Api, expected: str, known: set[str], say: Callable[[str], None]) -> bool:
    """Show what is new; whether the expected event was among it."""
    new = [e for e in api.get("/events", limit=PAGE)["data"] if e["id"] not in known]
    for event in reversed(new):
        known.add(event["id"])
        say(line_of(event))
    return any(event["type"] == expected for event in new)
