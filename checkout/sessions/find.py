"""What a merchant typed into the search box or chose above a list, and the rows that are so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from checkout.core.body import Query
from checkout.core.db import one, run
from checkout.core.ids import is_id
from checkout.core.lists import Cursor, read_id_cursor, write_cursor
from checkout.core.scope import Scope
from checkout.core.search import Key, Searchable, Wanted, read_facets, search, where_of
from checkout.core.typed import read_amount
from checkout.sessions.states import LIVE, Status

SESSIONS = Searchable(
    "checkout_session",
    "cs",
    {"status": "text", "payment_status": "text", "currency": "text"},
)
PAGE = 25
LONGEST_SECONDS = 43_200 * 60
"""From the making of a session to its deadline at most: who ends unpaid has ended by then."""
UNPAID_ENDS: frozenset[Status] = frozenset({"expired", "abandoned", "cancelled"})
"""Of these the day that counts is the one on which they ended."""
MOST_CUSTOMERS = 100
"""With one e-mail address; the newest of them are searched."""

RECORDS = {
    "cs": ("SELECT id FROM checkout_session", "/sessions/{}"),
    "att": ("SELECT session_id AS id FROM attempt", "/sessions/{}"),
    "pay": ("SELECT id FROM payment", "/payments/{}"),
    "trf": ("SELECT id FROM transfer", "/transfers/{}"),
    "cus": ("SELECT id FROM customer", "/customers/{}"),
}
"""The prefix of an id → where its record is, and the page about it."""
CODE = re.compile(r"([A-Za-z]{2,5})[-\s]?([A-Za-z0-9]{7})")

PaymentStatus = Literal["unpaid", "partially_paid", "paid", "overpaid"]
PAYMENT_STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)
Typed = Annotated[str, StringConstraints(max_length=200)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(9999, 1, 1))]
"""Far enough from the ends of the calendar to begin in every time zone."""


def _customer_id(value: str) -> str:
    if not is_id("cus", value):
        raise PydanticCustomError("invalid_value", "This is not the id of a customer")
    return value


CustomerId = Annotated[str, StringConstraints(max_length=40), AfterValidator(_customer_id)]


class Days(Query):
    """Filters that payments and sessions have in common."""

    q: Typed | None = None
    customer: CustomerId | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    first_day: Day | None = Field(default=None, alias="from")
    last_day: Day | None = Field(default=None, alias="to")
    cursor: Cursor | None = None


class SessionFilters(Days):
    status: Status | Literal["payable"] | None = None
    """`payable` is whatever can still be paid."""
    payment_status: PaymentStatus | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen of the columns with few values."""
        status = sorted(LIVE) if self.status == "payable" else self.status
        return {"status": status, "payment_status": self.payment_status}

    @property
    def by_end(self) -> bool:
        """Whether days are those on which sessions ended, not those on which they were made."""
        return self.status in UNPAID_ENDS


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a searched list."""

    rows: list[Any]
    cursor: str | None
    """Where the page after it begins."""
    currencies: list[str]
    """All that occur in the store, for the filter."""
    rails: list[str]


def find_sessions(scope: Scope, filters: SessionFilters) -> Found:
    """A page of sessions. Raises `invalid_cursor`."""
    return find_page(SESSIONS, scope, filters, filters.chosen, by_end=filters.by_end)


def sessions_sql(scope: Scope, filters: SessionFilters) -> tuple[str, dict[str, Any]]:
    """All that the list shows with these filters, as SQL with its parameters."""
    return filter_sql(SESSIONS, scope, filters, filters.chosen, by_end=filters.by_end)


def find_page(
    table: Searchable,
    scope: Scope,
    filters: Days,
    chosen: Mapping[str, Any],
    *,
    by_end: bool = False,
) -> Found:
    """A page of a searchable table, by the common filters and the `chosen` facets."""
    facets = read_facets(table, scope)
    wanted = make_wanted(scope, filters, chosen, facets, by_end=by_end)
    before = read_id_cursor(filters.cursor, table.prefix) if filters.cursor else None
    rows = search(table, scope, wanted, facets, before=before, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return Found(
        rows,
        write_cursor(rows[-1].id) if more else None,
        sorted({facet["currency"] for facet in facets}),
        sorted({facet["rail"] for facet in facets if "rail" in facet}),
    )


def filter_sql(
    table: Searchable,
    scope: Scope,
    filters: Days,
    chosen: Mapping[str, Any],
    *,
    by_end: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The same filters as one condition with its parameters, to export all that they show."""
    wanted = make_wanted(scope, filters, chosen, read_facets(table, scope), by_end=by_end)
    return where_of(table, scope, wanted)


def make_wanted(
    scope: Scope,
    filters: Days,
    chosen: Mapping[str, Any],
    facets: Sequence[Mapping[str, Any]],
    *,
    by_end: bool = False,
) -> Wanted:
    """Filters as the search takes them: days begin at midnight in the store's time zone.

    With `by_end` they are days on which sessions ended, which is sought from the longest that
    a session lives before them.
    """
    picked = {name: value for name, value in chosen.items() if value is not None}
    if filters.currency is not None:
        picked["currency"] = filters.currency
    zone = ZoneInfo(scope.settings.time_zone)
    last = filters.last_day
    of = filters.customer
    return Wanted(
        facets=picked,
        keys=_keys(scope, filters.q, {facet["currency"] for facet in facets}),
        within=Key("customer_id", "text", (of,)) if of is not None else None,
        time_column="ended_at" if by_end else "created_at",
        lag_seconds=LONGEST_SECONDS if by_end else 0.0,
        since=_midnight(filters.first_day, zone),
        until=_midnight(last + timedelta(days=1), zone) if last else None,
        clock_offset_seconds=_clock_offset(scope),
    )


def find_record(scope: Scope, typed: str) -> str | None:
    """The page (below the store's) of what a full id or a payment code names; None otherwise.

    Only of this store and mode.
    """
    text = typed.strip()
    prefix = text.partition("_")[0]
    if prefix in RECORDS and is_id(prefix, text):
        return _page_of(scope, *RECORDS[prefix], "id", text)
    code = CODE.fullmatch(text)
    if code is not None:
        written = f"{code[1]}-{code[2]}".upper()
        return _page_of(scope, *RECORDS["att"], "code", written)
    return None


def _page_of(scope: Scope, select: str, path: str, column: str, value: str) -> str | None:
    row = one(
        f"{select} WHERE {column} = %(value)s"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s",
        value=value,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    return path.format(row.id) if row is not None else None


def _keys(scope: Scope, typed: str | None, currencies: set[str]) -> tuple[Key, ...]:
    """What a typed text may be: an e-mail address, an amount, a reference."""
    text = (typed or "").strip()
    if not text:
        return ()
    if "@" in text:
        customers = _customers_of(scope, text)
        return (Key("customer_id", "text", customers), Key("reference", "text", (text,)))
    amounts = {
        currency: amount
        for currency in currencies
        if (amount := _amount(text, currency)) is not None
    }
    reference = Key("reference", "text", (text,))
    if not amounts:
        return (reference,)
    return (reference, Key("amount", "bigint", by_currency=amounts))


def _amount(text: str, currency: str) -> int | None:
    """An amount in the currency's minor unit, where the text can be one."""
    try:
        return read_amount(text, currency) or None
    except ValueError:
        return None


def _customers_of(scope: Scope, email: str) -> tuple[str, ...]:
    rows = run(
        "SELECT id FROM customer WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND email = %(email)s ORDER BY id DESC LIMIT %(most)s",
        store_id=scope.store_id,
        livemode=scope.livemode,
        email=email.lower(),
        most=MOST_CUSTOMERS,
    )
    return tuple(row.id for row in rows)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day is not None else None


def _clock_offset(scope: Scope) -> float:
    if scope.livemode:
        return 0.0
    row = one("SELECT clock_offset_seconds AS secs FROM store WHERE id = %(id)s", id=scope.store_id)
    return float(row.secs) if row is not None else 0.0
