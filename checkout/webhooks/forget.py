"""What receivers answered is for finding mistakes, and not kept for ever.

When which try was made, with which status and how long it took, stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from checkout.core.db import execute
from checkout.core.retention import NumberedRows, empty_old

KEPT_DAYS = 30


def forget_answers() -> int:
    """Empty the headers and bodies of old tries; returns how many tries were looked at."""
    return empty_old(NumberedRows("delivery_attempt", "at"), kept_days=KEPT_DAYS, empty=_empty)


def _empty(ids: Sequence[int]) -> None:
    execute(
        "UPDATE delivery_attempt SET request_headers = NULL, response_headers = NULL,"
        " response_body = NULL WHERE id = ANY(%(ids)s) AND (request_headers IS NOT NULL"
        " OR response_headers IS NOT NULL OR response_body IS NOT NULL)",
        ids=list(ids),
    )
