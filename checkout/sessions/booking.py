"""What the merchant did for the money, as the paid page tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date

from checkout.core.i18n import Translator
from checkout.sessions.prompt_view import web_url

FIRST = ("property_name", "room", "check_in", "check_out", "nights", "guests")
"""The order in which people read a booking; a stored object has none of its own."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Booking:
    """A fulfilment: none, confirmed or failed, with what the merchant said of it."""

    status: str
    reference: str | None
    text: str | None
    facts: Mapping[str, Any]
    url: str | None


def read_booking(fulfilment: Mapping[str, Any] | None) -> Booking:
    """The fulfilment of a session's row. Details are a text or a flat object."""
    given = fulfilment or {}
    details = given.get("details")
    return Booking(
        status=given.get("status", "none"),
        reference=given.get("reference"),
        text=details if isinstance(details, str) else None,
        facts=details if isinstance(details, Mapping) else {},
        url=web_url(given.get("url")),
    )


def list_facts(booking: Booking, t: Translator) -> list[tuple[str, str]]:
    """The facts with their names in the page's language; unknown names as they were given."""
    return [
        (
            t.or_same(f"booking.{name}", name.replace("_", " ").capitalize()),
            _show(value, t.locale),
        )
        for name, value in sorted(booking.facts.items(), key=_place)
        if value not in (None, "")
    ]


def _place(fact: tuple[str, Any]) -> tuple[int, str]:
    name = fact[0]
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def _show(value: object, locale: str) -> str:
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return format_date(date.fromisoformat(value), "full", locale=locale)
        except ValueError:
            return value
    return str(value)
