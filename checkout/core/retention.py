"""What is not kept for ever is emptied from the oldest on, a small batch a transaction.

How far a table has been emptied is kept as a time (`heartbeat`, kind `retention`), so that each
row is looked at about once, by the table's key alone: its ids are in order of time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.ids import first_id_at, made_at

BATCH = 500
MOST = 100_000
"""Rows that one run looks at, so that other tasks do not wait long; the next one goes on."""
DAY_SECONDS = 86_400
OVERLAP_SECONDS = 60
"""Rows are committed in nearly the order of their ids: the last minute is looked at again."""

Empty = Callable[[Sequence[Any]], None]


@dataclass(frozen=True, slots=True)
class TimedIds:
    """A table whose ids begin with this prefix and say when they were made."""

    table: str
    prefix: str

    def first(self, moment: float) -> str:
        """The lowest id that a row of this moment, in seconds since 1970, could have."""
        return first_id_at(self.prefix, moment)

    def made_at(self, id_: str) -> float:
        return made_at(id_)


@dataclass(frozen=True, slots=True)
class NumberedRows:
    """A table whose ids are numbers in the order of the time in one of its columns."""

    table: str
    column: str

    def first(self, moment: float) -> int:
        """The lowest number of a row from this moment on, found by halving."""
        ends = one(f"SELECT min(id) AS low, max(id) + 1 AS high FROM {self.table}")  # noqa: S608
        if ends is None or ends.low is None:
            return 0
        low, high = int(ends.low), int(ends.high)
        while low < high:
            middle = (low + high) // 2
            row = one(
                f"SELECT id, extract(epoch FROM {self.column})::float AS at FROM {self.table}"  # noqa: S608
                " WHERE id >= %(middle)s ORDER BY id LIMIT 1",
                middle=middle,
            )
            if row is None or row.at >= moment:
                high = middle
            else:
                low = row.id + 1
        return low

    def made_at(self, id_: int) -> float:
        row = one(
            f"SELECT extract(epoch FROM {self.column})::float AS at FROM {self.table}"  # noqa: S608
            " WHERE id = %(id)s",
            id=id_,
        )
        return float(row.at) if row is not None else 0.0


def cut_off(kept_days: int) -> float:
    """What is older than this, in seconds since 1970, is not kept."""
    return time.time() - kept_days * DAY_SECONDS


def empty_old(rows: TimedIds | NumberedRows, *, kept_days: int, empty: Empty) -> int:
    """Call `empty` with the ids of what is older, batch by batch; returns how many were looked at.

    `empty` runs in the batch's transaction and must bear ids that it has had before. An id that
    it leaves as it is for now is not brought to it again.
    """
    with unit_of_work():
        next_ = rows.first(max(0.0, _reached(rows.table) - OVERLAP_SECONDS))
        end = rows.first(cut_off(kept_days))
    looked = 0
    while looked < MOST:
        with unit_of_work():
            ids = [
                row.id
                for row in run(
                    f"SELECT id FROM {rows.table} WHERE id >= %(next)s AND id < %(end)s"  # noqa: S608
                    " ORDER BY id LIMIT %(limit)s",
                    next=next_,
                    end=end,
                    # One more, at which the next batch begins.
                    limit=BATCH + 1,
                )
            ]
            if ids:
                empty(ids[:BATCH])
                _reach(rows.table, rows.made_at(ids[-1]))
        looked += len(ids[:BATCH])
        if len(ids) <= BATCH:
            break
        next_ = ids[BATCH]
    return looked


def _reached(table: str) -> float:
    row = one(
        "SELECT extract(epoch FROM at)::float AS at FROM heartbeat"
        " WHERE kind = 'retention' AND name = %(table)s",
        table=table,
    )
    return float(row.at) if row is not None else 0.0


def _reach(table: str, moment: float) -> None:
    execute(
        "INSERT INTO heartbeat (kind, name, at) VALUES ('retention', %(table)s,"
        " to_timestamp(%(moment)s)) ON CONFLICT (kind, name) DO UPDATE SET at ="
        " greatest(heartbeat.at, excluded.at)",
        table=table,
        moment=moment,
    )
