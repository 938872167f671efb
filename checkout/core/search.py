"""Searching a large table: every filter and every mix of filters at a cost that does not grow.

A planner that meets two filters, each common and together rare, walks the whole table. So the
few columns with few values (a table's facets) stand together in one index before the id. Which
of their combinations exist is found by leaping through that index; each that is wanted is one
strand of it, read newest first and no further than the page is long. What narrows more than a
facet (an amount, a reference, customers) leads an index in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from checkout.core.clock import utc_now
from checkout.core.db import jsonb, run
from checkout.core.ids import first_id
from checkout.core.scope import Scope

SKEW_SECONDS = 3600
"""How far the clock that made an id may be from the database's."""
WHERE = "store_id = %(store_id)s AND livemode = %(livemode)s"
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Searchable:
    """A table that can be searched. Indexed by store, mode, its facets and the id, and by store,
    mode, a key, its `after` columns and the id; names are constants of the code.
    """

    name: str
    prefix: str
    facets: Mapping[str, str]
    """Column → its SQL type, in the index's order."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of several ways in which a row may be what was looked for."""

    column: str
    kind: str
    values: tuple[Any, ...] = ()
    by_currency: Mapping[str, Any] | None = None
    """Values that depend on the row's currency; the facets then follow in the key's index."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What rows must be: these facets, of this time, and one of the keys where there are any."""

    facets: Values = field(default_factory=dict)
    keys: tuple[Key, ...] = ()
    within: Key | None = None
    """Only rows that have this; what else is wanted is looked for among them."""
    since: datetime | None = None
    until: datetime | None = None
    time_column: str = "created_at"
    """What `since` and `until` are about."""
    lag_seconds: float = 0.0
    """How long after a row was made that time of it can be at most."""
    clock_offset_seconds: float = 0.0
    """How far ahead of real time, in which ids are made, `created_at` can be at most."""


def read_facets(table: Searchable, scope: Scope) -> list[dict[str, Any]]:
    """Each combination of facets that occurs in a store and mode, with a probe for each."""
    names = ", ".join(table.facets)
    row = f"(store_id, livemode, {names})"
    step = (
        f"SELECT store_id, livemode, {names} FROM {table.name} WHERE {row} > {{}}"  # noqa: S608
        f" ORDER BY store_id, livemode, {names} LIMIT 1"
    )
    # A row that is less than all of the store's and mode's own.
    least = ", ".join(_least(kind) for kind in table.facets.values())
    first = step.format(f"(%(store_id)s, %(livemode)s, {least})")
    known = ", ".join(f"known.{name}" for name in table.facets)
    following = step.format(f"(known.store_id, known.livemode, {known})")
    rows = run(
        f"WITH RECURSIVE known AS (({first}) UNION ALL SELECT next.* FROM known,"  # noqa: S608
        f" LATERAL ({following}) AS next"
        " WHERE known.store_id = %(store_id)s AND known.livemode = %(livemode)s)"
        f" SELECT {names} FROM known WHERE {WHERE}",
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    return [found._asdict() for found in rows]


def search(
    table: Searchable,
    scope: Scope,
    wanted: Wanted,
    facets: Sequence[Values],
    *,
    before: str | None = None,
    limit: int,
) -> list[Any]:
    """The newest rows that are wanted, older than the row `before`.

    `facets` is what read_facets gave.
    """
    fitting = [one for one in facets if _fits(one, wanted.facets)]
    if not fitting:
        return []
    span = _span(table, wanted, before)
    if span[0] >= span[1]:
        return []
    if wanted.within is not None:
        return _read(
            table, scope, wanted, *_strands(table, wanted.within, fitting), span, limit, wanted.keys
        )
    if wanted.keys:
        groups = [
            _read(table, scope, wanted, *_strands(table, key, fitting), span, limit)
            for key in wanted.keys
        ]
        unique = {row.id: row for group in groups for row in group}
        return sorted(unique.values(), key=lambda row: row.id, reverse=True)[:limit]
    if len(fitting) == len(facets):
        return _read(table, scope, wanted, {}, [], span, limit)
    return _read(table, scope, wanted, table.facets, fitting, span, limit)


def where_of(table: Searchable, scope: Scope, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The same filter as one piece of SQL with its parameters, for who reads everything."""
    pieces, params = _chosen(wanted.facets)
    pieces.insert(0, WHERE)
    params |= {"store_id": scope.store_id, "livemode": scope.livemode}
    if wanted.within is not None:
        pieces.append(_key_sql(wanted.within, params))
    if wanted.keys:
        pieces.append(_any_sql(wanted.keys, params))
    low, high = _span(table, wanted, None)
    pieces.append("id >= %(low)s AND id < %(high)s")
    times, given = _times(wanted)
    return " AND ".join([*pieces, *times]), params | given | {"low": low, "high": high}


def _any_sql(keys: Sequence[Key], params: dict[str, Any]) -> str:
    return "(" + " OR ".join(_key_sql(key, params) for key in keys) + ")"


def _key_sql(key: Key, params: dict[str, Any]) -> str:
    name = f"k{len(params)}"
    if key.by_currency is None:
        params[name] = list(key.values)
        return f"{key.column} = ANY(%({name})s)"
    params[name] = jsonb(dict(key.by_currency))
    return f"{key.column} = (%({name})s::jsonb ->> currency)::bigint"


def _strands(
    table: Searchable, key: Key, fitting: Iterable[Values]
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The columns that lead a key's index, and the values of each strand of it."""
    if key.by_currency is None:
        return {key.column: key.kind}, [{key.column: value} for value in key.values]
    strands = [
        {key.column: key.by_currency[one["currency"]], **one}
        for one in fitting
        if one["currency"] in key.by_currency
    ]
    return {key.column: key.kind, **table.facets}, strands


def _read(
    table: Searchable,
    scope: Scope,
    wanted: Wanted,
    columns: Mapping[str, str],
    strands: Sequence[Values],
    span: tuple[str, str],
    limit: int,
    keys: Sequence[Key] = (),
) -> list[Any]:
    """Rows of strands of one index, newest first, that have one of the `keys` if any are given.

    The bounds are compared as whole rows, in the index's own order: no other index gives that
    order, so the planner, whatever it thinks of the values, has no other road.
    """
    if columns and not strands:
        return []
    more, given = _times(wanted)
    if not columns.keys() >= table.facets.keys():
        chosen, values = _chosen(wanted.facets)
        more, given = more + chosen, given | values
    if keys:
        more.append(_any_sql(keys, given))
    names = ["store_id", "livemode", *columns, "id"]
    here = ["%(store_id)s", "%(livemode)s", *(f"strand.{name}" for name in columns)]
    pieces = [
        f"({', '.join(names)}) >= ({', '.join([*here, '%(low)s'])})",
        f"({', '.join(names)}) < ({', '.join([*here, '%(high)s'])})",
        *(f"{name} IS NOT NULL" for name in columns if name not in table.facets),
        *more,
    ]
    statement = (
        f"SELECT * FROM {table.name} WHERE {' AND '.join(pieces)}"  # noqa: S608 - constants
        f" ORDER BY {', '.join(f'{name} DESC' for name in names)} LIMIT %(limit)s"
    )
    if columns:
        kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        statement = (
            f"SELECT found.* FROM jsonb_to_recordset(%(strands)s) AS strand ({kinds})"  # noqa: S608
            f" CROSS JOIN LATERAL ({statement}) AS found ORDER BY found.id DESC LIMIT %(limit)s"
        )
    return run(
        statement,
        store_id=scope.store_id,
        livemode=scope.livemode,
        strands=jsonb([dict(strand) for strand in strands]),
        low=span[0],
        high=span[1],
        limit=limit,
        **given,
    )


def _span(table: Searchable, wanted: Wanted, before: str | None) -> tuple[str, str]:
    """The lowest id and the id that is too high: ids tell when a row was made.

    In test mode a row's time may be ahead of the real one by the store's clock, never behind.
    """
    low, high = f"{table.prefix}_", before or f"{table.prefix}_{'z' * 30}"
    if wanted.since is not None:
        soonest = wanted.since.timestamp() - wanted.clock_offset_seconds - SKEW_SECONDS
        if soonest > utc_now().timestamp():
            # Nothing has a time that is yet to come.
            return low, low
        early = soonest - wanted.lag_seconds
        low = max(low, _id_at(table.prefix, early))
    if wanted.until is not None:
        high = min(high, _id_at(table.prefix, wanted.until.timestamp() + SKEW_SECONDS))
    return low, high


def _id_at(prefix: str, timestamp: float) -> str:
    return first_id(prefix, utc_now().timestamp() - max(0.0, timestamp))


def _times(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    pieces: list[str] = []
    params: dict[str, Any] = {}
    if wanted.since is not None:
        pieces.append(f"{wanted.time_column} >= %(since)s")
        params["since"] = wanted.since.astimezone(UTC)
    if wanted.until is not None:
        pieces.append(f"{wanted.time_column} < %(until)s")
        params["until"] = wanted.until.astimezone(UTC)
    return pieces, params


def _chosen(facets: Values) -> tuple[list[str], dict[str, Any]]:
    pieces = [f"{name} = ANY(%(f_{name})s)" for name in facets]
    return pieces, {f"f_{name}": _as_list(value) for name, value in facets.items()}


def _fits(facet: Values, chosen: Values) -> bool:
    return all(facet[name] in _as_list(value) for name, value in chosen.items())


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def _least(kind: str) -> str:
    return "false" if kind == "boolean" else "''"
