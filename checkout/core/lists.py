"""Lists: newest first, a page at a time, at a cost that does not grow with the table."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import WithJsonSchema

from checkout.core.body import Query
from checkout.core.db import one, run
from checkout.core.errors import Problem, invalid, missing
from checkout.core.fields import QueryInteger, QueryTime
from checkout.core.ids import is_id
from checkout.core.scope import Scope

Condition = tuple[str, dict[str, Any]]
"""A piece of SQL with its named parameters."""

MOST_DIGITS = 18

Whole = Annotated[
    QueryInteger,
    Field(ge=1, le=100),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
]
Cursor = Annotated[
    str,
    Field(min_length=1, max_length=200),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"}
    ),
]


class CreatedQuery(Query):
    """Bounds of time, for what gives rows of a table."""

    created_at_gte: QueryTime | None = Field(default=None, alias="created_at[gte]")
    created_at_gt: QueryTime | None = Field(default=None, alias="created_at[gt]")
    created_at_lte: QueryTime | None = Field(default=None, alias="created_at[lte]")
    created_at_lt: QueryTime | None = Field(default=None, alias="created_at[lt]")


class ListQuery(CreatedQuery):
    """What every list takes; a resource's own filters are added in a subclass."""

    limit: Whole = 20
    cursor: Cursor | None = None
    include: Literal["total_count"] | None = None


def list_page(
    *,
    table: str,
    scope: Scope,
    query: ListQuery,
    render: Callable[[Any], dict[str, Any]],
    conditions: Sequence[Condition] = (),
    columns: str = "*",
    order: str = "id",
) -> dict[str, Any]:
    """One page of a table's rows in this scope, as the API's list.

    `table`, `columns`, `order` and the conditions' SQL are constants of the code; what callers
    send travels in the parameters. `order` is a column that tells every two rows apart and
    grows from the older to the newer. Raises `invalid_cursor`, and `resource_missing` for a cursor
    of another store or mode.
    """
    where, params = narrow(scope, query, conditions)
    page, after = where, ""
    if query.cursor is not None:
        after = _read_cursor(query.cursor, table, scope)
        page += f" AND {order} < {_place(table, order)}"
    rows = run(
        f"SELECT {columns} FROM {table} WHERE {page} ORDER BY {order} DESC LIMIT %(most)s",  # noqa: S608
        **params,
        after=after,
        most=query.limit + 1,
    )
    has_more = len(rows) > query.limit
    rows = rows[: query.limit]
    answer: dict[str, Any] = {
        "object": "list",
        "data": [render(row) for row in rows],
        "has_more": has_more,
        "next_cursor": write_cursor(rows[-1].id) if has_more else None,
    }
    if query.include == "total_count":
        counted = one(f"SELECT count(*) AS total FROM {table} WHERE {where}", **params)  # noqa: S608
        answer["total_count"] = counted.total if counted is not None else 0
    return answer


def _place(table: str, order: str) -> str:
    """SQL: where the cursor's row stands in the order."""
    if order == "id":
        return "%(after)s"
    return f"(SELECT max({order}) FROM {table} WHERE id = %(after)s)"  # noqa: S608 - constants


Item = TypeVar("Item", bound=BaseModel)


class ListOf(BaseModel, Generic[Item]):
    """The answer of a list; an operation names it as `answer=ListOf[SomeModel]`."""

    object: Literal["list"]
    data: list[Item]
    has_more: bool
    next_cursor: str | None
    total_count: int = Field(default=0, description="Only with include=total_count.")


def refuse_foreign(table: str, row_id: str | None, scope: Scope, param: str) -> None:
    """A filter by an object must name one of this scope; raises 404 `resource_missing`.

    `table` is a constant of the code. None means that the filter was not given.
    """
    if row_id is not None and not _is_own(table, row_id, scope):
        raise missing(param)


def _is_own(table: str, row_id: str, scope: Scope) -> bool:
    found = one(
        f"SELECT 1 AS found FROM {table} WHERE id = %(id)s"  # noqa: S608 - a constant
        " AND store_id = %(store_id)s AND livemode = %(livemode)s",
        id=row_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    return found is not None


def narrow(
    scope: Scope, query: CreatedQuery, conditions: Sequence[Condition] = ()
) -> tuple[str, dict[str, Any]]:
    """SQL of everything that a row must be to be given, with its parameters."""
    pieces = ["store_id = %(store_id)s AND livemode = %(livemode)s"]
    params: dict[str, Any] = {"store_id": scope.store_id, "livemode": scope.livemode}
    for piece, given in (*conditions, *_created(query)):
        pieces.append(f"({piece})")
        params |= given
    return " AND ".join(pieces), params


def _created(query: CreatedQuery) -> list[Condition]:
    bounds = (
        (">=", "created_gte", query.created_at_gte),
        (">", "created_gt", query.created_at_gt),
        ("<=", "created_lte", query.created_at_lte),
        ("<", "created_lt", query.created_at_lt),
    )
    # Times are shown without their fraction, so they are compared without it.
    return [
        (f"date_trunc('second', created_at) {sign} %({name})s", {name: moment})
        for sign, name, moment in bounds
        if moment is not None
    ]


def write_cursor(row_id: str) -> str:
    """What stands for a row in `next_cursor`."""
    return base64.urlsafe_b64encode(row_id.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str, table: str, scope: Scope) -> str:
    """The id in a cursor, which must be one of this scope's rows."""
    row_id = _decode(cursor)
    if not _is_own(table, row_id, scope):
        raise missing("cursor", "cursor")
    return row_id


def read_number_cursor(cursor: str, prefix: str) -> int:
    """The number of a row whose id is a prefix and a number; raises `invalid_cursor`."""
    number = _decode(cursor).removeprefix(prefix)
    if not number.isascii() or not number.isdigit() or len(number) > MOST_DIGITS:
        raise _invalid_cursor()
    return int(number)


def read_id_cursor(cursor: str, prefix: str) -> str:
    """The id in a cursor, of whatever row; raises `invalid_cursor`."""
    row_id = _decode(cursor)
    if not is_id(prefix, row_id):
        raise _invalid_cursor()
    return row_id


def _decode(cursor: str) -> str:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        row_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (UnicodeError, binascii.Error):
        row_id = ""
    if not row_id.isprintable() or "_" not in row_id or write_cursor(row_id) != cursor:
        raise _invalid_cursor()
    return row_id


def _invalid_cursor() -> Problem:
    return invalid("invalid_cursor", "This cursor is not one that a list gave.", "cursor", 400)
