"""Follow a key's events and forward each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from checkout.ops.developer.client import Api, Away
from checkout.ops.developer.cursor import Cursor
from checkout.ops.developer.forward import Told, forward
from checkout.webhooks.types import TEST_EVENT, matches

BUSY_SECONDS = 1.0
IDLE_SECONDS = 2.0
"""Half of what a key may call in a minute stays for the shop itself."""
LIVELY_SECONDS = 30.0
AWAY_SECONDS = 3.0
LOOK_SECONDS = 0.1
"""How soon a resting listener sees that it shall stop."""


@dataclass
class Listener:
    """Asks for new events, shows them and forwards those that are wanted."""

    api: Api
    cursor: Cursor
    forward_to: str | None
    patterns: Sequence[str]
    say: Callable[[str], None] = click.echo
    count: int = 0
    _waiting: set[str] = field(default_factory=set)
    _heard_at: float = 0.0
    _stopped: bool = False

    def run(self) -> None:
        """Until `stop`: troubles that may pass are told once and waited for."""
        while not self._stopped:
            self._rest(self.step())

    def stop(self) -> None:
        """Finish the event at hand and let `run` return; takes no lock, for signal handlers."""
        self._stopped = True

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))

    def step(self) -> float:
        """Tell what is new; returns how many seconds to wait until the next look."""
        try:
            events = self.cursor.fetch_new(self.api)
        except Away as trouble:
            self._tell_once("api", f"{trouble.message} Waiting; no event is missed.")
            return AWAY_SECONDS
        self._over("api", "The installation answers again.")
        for event in events:
            if self._stopped or not self._tell(event):
                return AWAY_SECONDS
        if events:
            self._heard_at = time.monotonic()
        lively = time.monotonic() - self._heard_at < LIVELY_SECONDS
        return BUSY_SECONDS if lively else IDLE_SECONDS

    def _tell(self, event: dict[str, Any]) -> bool:
        """Whether the event is done with; one that nobody received is told again later."""
        if wanted(self.patterns, event["type"]):
            told = None
            if self.forward_to is not None:
                told = forward(event, self.forward_to, self.cursor.secret)
                if told.nobody:
                    self._tell_once(
                        "shop",
                        f"Nothing listens at {self.forward_to} ({told.text}): start your shop."
                        " Waiting; no event is missed.",
                    )
                    return False
                self._over("shop", "Your shop listens again.")
            self.say(line_of(event, told))
            self.count += 1
        self.cursor.mark(event["id"])
        return True

    def _tell_once(self, what: str, message: str) -> None:
        if what not in self._waiting:
            self._waiting.add(what)
            self.say(click.style(message, fg="yellow"))

    def _over(self, what: str, message: str) -> None:
        if what in self._waiting:
            self._waiting.remove(what)
            self.say(click.style(message, fg="green"))


def wanted(patterns: Sequence[str], event_type: str) -> bool:
    """Whether an event is among those asked for; a test event was asked for by hand."""
    return event_type == TEST_EVENT or matches(patterns, event_type)


def line_of(event: dict[str, Any], told: Told | None = None) -> str:
    """An event in one line, and what its receiver said."""
    subject = event["data"]["object"].get("id", "")
    line = f"{event['created_at'][11:19]}  {event['type']:<32} {event['id']}  {subject}"
    if told is None:
        return line
    if told.well:
        return f"{line}  {click.style(told.text, fg='green')}"
    again = f"again with: bin/checkout events resend {event['id']}"
    return f"{line}  {click.style(told.text, fg='red')}; {again}"
