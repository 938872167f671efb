"""What a merchant sees first: the days' money as bars, the newest payments, the first steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core.db import one, run
from checkout.core.scope import Scope
from checkout.merchants.stats import Day
from checkout.sessions.states import LIVE

WIDTH, HEIGHT = 600, 120
"""Of a chart, in its own units."""
GAP = 4
LEAST = 2
"""How high the smallest sum is drawn, so that it is seen."""
NEWEST = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart."""

    day: datetime
    amount: int
    count: int
    x: float
    y: float
    width: float
    height: float
    part: str
    """today, week or month: which sum it is the shortest part of."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The money of one currency, day by day."""

    currency: str
    bars: list[Bar]
    best: Bar


def count_payable(scope: Scope) -> int:
    """How many sessions can still be paid."""
    row = one(
        "SELECT count(*) AS total FROM checkout_session WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND status = ANY(%(live)s)",
        store_id=scope.store_id,
        livemode=scope.livemode,
        live=sorted(LIVE),
    )
    return row.total if row is not None else 0


def draw_charts(days: Sequence[Day]) -> list[Chart]:
    """A chart for each currency that came in, the one with the most payments first."""
    counts: dict[str, int] = {}
    for day in days:
        for currency, found in day.sums.items():
            counts[currency] = counts.get(currency, 0) + found["count"]
    order = sorted(counts, key=lambda currency: (-counts[currency], currency))
    return [_draw(currency, days) for currency in order]


def _draw(currency: str, days: Sequence[Day]) -> Chart:
    nothing = {"amount": 0, "count": 0}
    most = max(day.sums.get(currency, nothing)["amount"] for day in days)
    step = WIDTH / len(days)
    bars = []
    for number, day in enumerate(days):
        found = day.sums.get(currency, nothing)
        height = round(HEIGHT * found["amount"] / most, 1) if most else 0.0
        height = max(height, float(LEAST)) if found["amount"] else 0.0
        before = len(days) - 1 - number
        bars.append(
            Bar(
                day=day.since,
                amount=found["amount"],
                count=found["count"],
                x=round(number * step + GAP / 2, 1),
                y=round(HEIGHT - height, 1),
                width=round(step - GAP, 1),
                height=height,
                part="today" if before == 0 else "week" if before < 7 else "month",
            )
        )
    return Chart(currency, bars, max(bars, key=lambda bar: bar.amount))


def newest_payments(scope: Scope) -> list[Any]:
    """The last few payments."""
    return run(
        "SELECT * FROM payment WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " ORDER BY id DESC LIMIT %(most)s",
        store_id=scope.store_id,
        livemode=scope.livemode,
        most=NEWEST,
    )


def first_steps(scope: Scope) -> dict[str, bool]:
    """What a new store has to do, and whether it has been done: name → done.

    A payment is tried in test mode, wherever one looks from.
    """
    row = one(
        "SELECT EXISTS (SELECT FROM rail_account WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND enabled AND superseded_at IS NULL) AS rails,"
        " EXISTS (SELECT FROM api_key WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND revoked_at IS NULL) AS keys,"
        " EXISTS (SELECT FROM endpoint WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND deleted_at IS NULL) AS webhooks,"
        " EXISTS (SELECT FROM payment WHERE store_id = %(store_id)s AND NOT livemode) AS play",
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM always has its row
    return dict(row._asdict())
