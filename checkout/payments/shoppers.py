"""Where a shopper was who started an attempt: kept for disputes and fraud, then forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from checkout.core.db import run, unit_of_work
from checkout.core.ids import first_id
from checkout.core.web import client_address

KEPT_DAYS = 90
DAY_SECONDS = 86_400
BATCH = 5_000
MAX_ADDRESS = 60
MAX_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Shopper:
    """What the page's request says of the shopper's device."""

    address: str
    """As the trusted proxies give it."""
    user_agent: str
    """Empty where the browser says nothing of itself."""


def read_shopper() -> Shopper:
    """The shopper of the current request; what cannot be printed is left out, the rest cut."""
    agent = request.headers.get("User-Agent", "")
    shown = "".join(letter for letter in agent if letter.isprintable())
    return Shopper(client_address()[:MAX_ADDRESS], shown[:MAX_USER_AGENT])


def forget_shoppers() -> int:
    """Delete what is older than ninety days, some thousands a transaction; returns how many.

    By the attempts' ids, which are in order of the real time.
    """
    before, forgotten = first_id("att", KEPT_DAYS * DAY_SECONDS), 0
    while True:
        with unit_of_work():
            rows = run(
                "DELETE FROM attempt_shopper WHERE attempt_id IN (SELECT attempt_id"
                " FROM attempt_shopper WHERE attempt_id < %(before)s ORDER BY attempt_id"
                " LIMIT %(batch)s FOR UPDATE SKIP LOCKED) RETURNING 1 AS one",
                before=before,
                batch=BATCH,
            )
        forgotten += len(rows)
        if len(rows) < BATCH:
            return forgotten
