"""Check the rules of money on a live database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checkout.core.db import execute, run
from checkout.ops.checks import CHECKS, Check

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Result:
    check: Check
    breaches: list[Any]
    count: int


def verify() -> Iterator[Result]:
    """Run every check in turn on one snapshot, so that money on its way breaks none of them."""
    execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    execute("SET LOCAL statement_timeout = 0")
    for check in CHECKS:
        rows = run(
            f"SELECT count(*) OVER () AS breaches, found.* FROM ({check.query}) AS found"  # noqa: S608
            f" LIMIT {SHOWN}"
        )
        yield Result(check, rows, rows[0].breaches if rows else 0)
