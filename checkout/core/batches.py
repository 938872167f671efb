"""Reading a whole table, however many rows, without holding a connection for as long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.db import run, unit_of_work

BATCH = 1000


def read_batches(table: str, where: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The rows that `where` lets through, newest first, never more than a thousand in memory.

    Each step is a short transaction of its own that goes on below the last id: a reader who
    takes an hour holds neither a connection nor a snapshot, and what is made meanwhile has
    ids above. `table` and `where` are made of constants, as core/lists.py makes them.
    """
    after = None
    while True:
        with unit_of_work():
            rows = run(
                f"SELECT * FROM {table} WHERE {where}"  # noqa: S608 - constants
                + (" AND id < %(after)s" if after is not None else "")
                + " ORDER BY id DESC LIMIT %(batch)s",
                **params,
                after=after,
                batch=BATCH,
            )
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1].id
