"""A store's figures at a glance. Tables of later areas are named in SQL, never imported."""

from __future__ import annotations

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


def read_stats(scope: Scope) -> dict[str, Any]:
    """Money, conversion and what needs a person, of one store and mode; amounts in minor units.

    Days begin at midnight in the store's time zone, and the store's test clock counts.
    """
    today = _midnight(now(scope.store_id, scope.livemode), scope.settings.time_zone)
    return {
        "object": "store_stats",
        **{name: _period(scope, today - timedelta(days=days)) for name, days in PERIODS.items()},
        "attention": _attention(scope),
        "livemode": scope.livemode,
    }


def _midnight(moment: datetime, zone: str) -> datetime:
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _period(scope: Scope, since: datetime) -> dict[str, Any]:
    whose = {"store_id": scope.store_id, "livemode": scope.livemode, "since": since}
    # Ids grow with time, so that only the newest end of the index is walked.
    payments = run(
        "SELECT currency, sum(amount)::bigint AS amount, sum(fee)::bigint AS fee,"
        " count(*) AS count FROM payment WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND id >= %(first)s AND paid_at >= %(since)s"
        " GROUP BY currency ORDER BY currency",
        first=first_id("pay", LONGEST_SECONDS),
        **whose,
    )
    sessions = one(
        "SELECT count(*) AS opened, count(*) FILTER (WHERE status = 'completed') AS paid"
        " FROM checkout_session WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND id >= %(first)s AND created_at >= %(since)s",
        first=first_id("cs", LONGEST_SECONDS),
        **whose,
    )
    assert sessions is not None  # noqa: S101 - an aggregate always has its row
    return {
        "since": rfc3339(since),
        "payments": [row._asdict() for row in payments],
        "conversion": sessions._asdict(),
    }


def _attention(scope: Scope) -> dict[str, Any]:
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
