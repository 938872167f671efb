"""The log of deliveries and events as people look through it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from checkout.core.db import one, run
from checkout.core.errors import missing
from checkout.core.i18n import LOCAL_TIME
from checkout.core.ids import first_id
from checkout.core.lists import Condition, ListQuery, list_page
from checkout.core.scope import Scope
from checkout.webhooks.queries import load_event
from checkout.webhooks.states import DeliveryStatus

CLOCKS_APART = timedelta(minutes=10)
"""How far the clock that makes ids may be from the database's."""
YEARS = range(2020, 2100)


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = date.min
        if day.year not in YEARS:
            raise PydanticCustomError("invalid_value", "Input should be a day")
        return day
    return value


Day = Annotated[date, BeforeValidator(_day)]
Word = Annotated[str, StringConstraints(max_length=64)]


class EventFilter(ListQuery):
    """What an address says of a list of events; days are those of the region."""

    type: Word | None = None
    since: Day | None = None
    until: Day | None = None


class DeliveryFilter(EventFilter):
    """The same of deliveries."""

    endpoint: Word | None = None
    status: DeliveryStatus | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A delivery in a list, with what it is of and for."""

    row: Any
    type: str
    url: str


@dataclass(frozen=True, slots=True)
class Record:
    """A delivery with everything about it."""

    row: Any
    event: Any
    endpoint: Any
    attempts: Sequence[Any]
    """Oldest first."""

    @property
    def request_headers(self) -> dict[str, str]:
        """What the newest try sent; empty where none did, or before headers were kept."""
        sent = [item.request_headers for item in self.attempts if item.request_headers]
        return dict(sent[-1]) if sent else {}

    @property
    def url(self) -> str:
        """Where the newest try went."""
        sent = [item.url for item in self.attempts if item.url]
        return str(sent[-1] if sent else self.endpoint.url)


def list_deliveries(scope: Scope, query: DeliveryFilter) -> tuple[list[Line], str | None]:
    """A page of the store's deliveries, newest first, and the cursor of the next."""
    conditions = _days("whd", query, made_at_once=True)
    if query.endpoint is not None:
        conditions.append(("endpoint_id = %(endpoint)s", {"endpoint": query.endpoint}))
    if query.status is not None:
        conditions.append(("status = %(status)s", {"status": query.status}))
    if query.type is not None:
        conditions.append((_OF_TYPE, {"type": query.type}))
    page = list_page(
        table="delivery",
        scope=scope,
        query=query,
        conditions=conditions,
        render=lambda row: {"row": row},
    )
    return _lines([item["row"] for item in page["data"]]), page["next_cursor"]


_OF_TYPE = (
    "event_id IN (SELECT outbox.id FROM outbox WHERE outbox.store_id = %(store_id)s"
    " AND outbox.livemode = %(livemode)s AND outbox.type = %(type)s)"
)


def list_events(scope: Scope, query: EventFilter) -> tuple[list[Any], str | None]:
    """A page of the store's events, newest first, and the cursor of the next."""
    # In test mode an event is dated by the store's clock, which its id knows nothing of.
    conditions = _days("evt", query, made_at_once=scope.livemode)
    if query.type is not None:
        conditions.append(("type = %(type)s", {"type": query.type}))
    page = list_page(
        table="outbox",
        scope=scope,
        query=query,
        conditions=conditions,
        render=lambda row: {"row": row},
    )
    return [item["row"] for item in page["data"]], page["next_cursor"]


def list_all_endpoints(scope: Scope, *, removed: bool = False) -> list[Any]:
    """The store's endpoints, newest first; there are never many."""
    return run(
        "SELECT * FROM endpoint WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND (deleted_at IS NULL OR %(removed)s) ORDER BY id DESC LIMIT 200",
        store_id=scope.store_id,
        livemode=scope.livemode,
        removed=removed,
    )


def deliveries_of_event(scope: Scope, event_id: str) -> list[Line]:
    """All deliveries of one event, newest first."""
    rows = run(
        "SELECT * FROM delivery WHERE event_id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s ORDER BY id DESC",
        id=event_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    return _lines(rows)


def load_record(scope: Scope, delivery_id: str) -> Record:
    """A delivery with its event, its endpoint (removed ones too) and its tries; raises 404."""
    row = one(
        "SELECT * FROM delivery WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=delivery_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is None:
        raise missing(what="webhook delivery")
    return Record(
        row=row,
        event=load_event(scope, row.event_id),
        endpoint=one("SELECT * FROM endpoint WHERE id = %(id)s", id=row.endpoint_id),
        attempts=run(
            "SELECT * FROM delivery_attempt WHERE delivery_id = %(id)s ORDER BY number, id",
            id=delivery_id,
        ),
    )


def write_curl(url: str, headers: Mapping[str, str], body: str) -> str:
    """The request as a command for a shell, every part quoted."""
    parts = [f"curl -X POST {shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    parts.append(f"--data-raw {shlex.quote(body)}")
    return " \\\n  ".join(parts)


def start_of(day: date) -> datetime:
    """When a day begins in Vietnam and Cambodia."""
    return datetime.combine(day, time(0), LOCAL_TIME)


def _lines(rows: Sequence[Any]) -> list[Line]:
    """Deliveries with what belongs to them, by two statements however many they are."""
    types = run(
        "SELECT id, type FROM outbox WHERE id = ANY(%(ids)s)", ids=[row.event_id for row in rows]
    )
    urls = run(
        "SELECT id, url FROM endpoint WHERE id = ANY(%(ids)s)",
        ids=list({row.endpoint_id for row in rows}),
    )
    type_of = {event.id: event.type for event in types}
    url_of = {endpoint.id: endpoint.url for endpoint in urls}
    return [Line(row, type_of[row.event_id], url_of[row.endpoint_id]) for row in rows]


def _days(prefix: str, query: EventFilter, *, made_at_once: bool) -> list[Condition]:
    """Between two days, both whole.

    Where a row's id was made when the row is dated, the id narrows the walk through the index.
    """
    found: list[Condition] = []
    if query.since is not None:
        since = start_of(query.since)
        found.append(("created_at >= %(since)s", {"since": since}))
        if made_at_once:
            found.append(("id >= %(first)s", {"first": _id_at(prefix, since - CLOCKS_APART)}))
    if query.until is not None:
        until = start_of(query.until) + timedelta(days=1)
        found.append(("created_at < %(until)s", {"until": until}))
        if made_at_once:
            found.append(("id < %(last)s", {"last": _id_at(prefix, until + CLOCKS_APART)}))
    return found


def _id_at(prefix: str, moment: datetime) -> str:
    return first_id(prefix, (datetime.now(LOCAL_TIME) - moment).total_seconds())
