"""A store's figures at a glance. Tables of later areas are named in SQL, never imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from checkout.core.clock import now, rfc3339
from checkout.core.db import one, run
from checkout.core.ids import first_id
from checkout.core.scope import Scope

PERIODS = {"today": 0, "last_7_days": 6, "last_30_days": 29}
"""Name → how many whole days before today count too."""
LONGEST_SECONDS = 31 * 86_400


class Sum(BaseModel):
    currency: str
    amount: int
    fee: int
    count: int


class Conversion(BaseModel):
    opened: int = Field(description="Sessions that were created.")
    paid: int = Field(description="Those of them that were paid.")


class Period(BaseModel):
    since: str
    payments: list[Sum]
    conversion: Conversion


class Attention(BaseModel):
    transfers: int = Field(description="Money that waits for a home.")
    deliveries_exhausted: int
    endpoints_disabled: int
    rails_resting: list[str] = Field(description="Rails whose provider does not answer.")


class StatsAnswer(BaseModel):
    object: Literal["store_stats"]
    today: Period
    last_7_days: Period
    last_30_days: Period
    attention: Attention
    livemode: bool


@dataclass(frozen=True, slots=True)
class Day:
    """What one of the store's days has brought."""

    since: datetime
    """Its midnight in the store's time zone."""
    sums: dict[str, dict[str, int]]
    """Currency → amount, fee (minor units) and count."""
    opened: int
    paid: int


def read_stats(scope: Scope) -> dict[str, Any]:
    """Money, conversion and what needs a person, of one store and mode; amounts in minor units.

    Days begin at midnight in the store's time zone, and the store's test clock counts.
    """
    days = read_days(scope)
    return {
        "object": "store_stats",
        **{name: sum_days(days[-1 - before :]) for name, before in PERIODS.items()},
        "attention": read_attention(scope),
        "livemode": scope.livemode,
    }


def read_days(scope: Scope) -> list[Day]:
    """The last thirty days of a store and mode, oldest first; two statements besides the clock."""
    today = _midnight(now(scope.store_id, scope.livemode), scope.settings.time_zone)
    # By the calendar, not by hours: a day on which the clocks change is a day too.
    bounds = [today - timedelta(days=before) for before in range(PERIODS["last_30_days"], -1, -1)]
    sums: list[dict[str, dict[str, int]]] = [{} for _ in bounds]
    for row in _payments(scope, bounds):
        sums[row.day - 1][row.currency] = {
            "amount": row.amount,
            "fee": row.fee,
            "count": row.count,
        }
    counts = {row.day: row for row in _sessions(scope, bounds)}
    return [
        Day(
            since,
            sums[number - 1],
            counts[number].opened if number in counts else 0,
            counts[number].paid if number in counts else 0,
        )
        for number, since in enumerate(bounds, start=1)
    ]


def sum_days(days: Sequence[Day]) -> dict[str, Any]:
    """Days in a row as one period of the API."""
    sums: dict[str, dict[str, int]] = {}
    for day in days:
        for currency, found in day.sums.items():
            total = sums.setdefault(currency, {"amount": 0, "fee": 0, "count": 0})
            for name, value in found.items():
                total[name] += value
    return {
        "since": rfc3339(days[0].since),
        "payments": [{"currency": name, **total} for name, total in sorted(sums.items())],
        "conversion": {
            "opened": sum(day.opened for day in days),
            "paid": sum(day.paid for day in days),
        },
    }


def _midnight(moment: datetime, zone: str) -> datetime:
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _payments(scope: Scope, bounds: list[datetime]) -> list[Any]:
    # Ids grow with time, so that only the newest end of the index is walked.
    return run(
        "SELECT width_bucket(paid_at, %(bounds)s::timestamptz[]) AS day, currency,"
        " sum(amount)::bigint AS amount, sum(fee)::bigint AS fee, count(*) AS count FROM payment"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND id >= %(first)s"
        " AND paid_at >= %(since)s GROUP BY day, currency",
        first=first_id("pay", LONGEST_SECONDS),
        **_since(scope, bounds),
    )


def _sessions(scope: Scope, bounds: list[datetime]) -> list[Any]:
    return run(
        "SELECT width_bucket(created_at, %(bounds)s::timestamptz[]) AS day, count(*) AS opened,"
        " count(*) FILTER (WHERE status = 'completed') AS paid FROM checkout_session"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND id >= %(first)s"
        " AND created_at >= %(since)s GROUP BY day",
        first=first_id("cs", LONGEST_SECONDS),
        **_since(scope, bounds),
    )


def _since(scope: Scope, bounds: list[datetime]) -> dict[str, Any]:
    return {
        "store_id": scope.store_id,
        "livemode": scope.livemode,
        "bounds": bounds,
        "since": bounds[0],
    }


def read_attention(scope: Scope) -> dict[str, Any]:
    """What needs a person; two statements, each by an index of what is open."""
    whose = {"store_id": scope.store_id, "livemode": scope.livemode}
    counts = one(
        "SELECT (SELECT count(*) FROM transfer WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND resolved_at IS NULL AND (held > 0 OR amount IS NULL))"
        " AS transfers, (SELECT count(*) FROM delivery WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND status = 'exhausted') AS deliveries_exhausted,"
        " (SELECT count(*) FROM endpoint WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND deleted_at IS NULL AND NOT enabled"
        " AND disabled_reason <> 'merchant') AS endpoints_disabled",
        **whose,
    )
    resting = run(
        "SELECT account.rail FROM rail_account AS account"
        " JOIN rail_health AS health ON health.rail_account_id = account.id"
        " WHERE account.store_id = %(store_id)s AND account.livemode = %(livemode)s"
        " AND account.superseded_at IS NULL AND health.resting_until IS NOT NULL"
        " ORDER BY account.rail",
        **whose,
    )
    assert counts is not None  # noqa: S101 - a SELECT without FROM always has its row
    return {**counts._asdict(), "rails_resting": [row.rail for row in resting]}
