"""How long a session can still be paid, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core.i18n import Translator
from checkout.sessions.states import LIVE

# Two of a unit at least: "90 minutes" says more than "1 hour".
UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def tell_left(session: Any, now: datetime, t: Translator) -> str:
    """As "12 minutes left", by the store's time `now`; empty for a session that has ended."""
    if session.status not in LIVE:
        return ""
    seconds = int((session.expires_at - now).total_seconds())
    for unit, length in UNITS:
        if seconds >= 2 * length or (unit == "minutes" and seconds >= length):
            return t.count(f"left.{unit}", seconds // length)
    return t("left.moment") if seconds > 0 else t("left.over")
