"""When a delivery is tried again, and when not any more."""

from __future__ import annotations

import random
from collections.abc import Mapping

from checkout.core.clock import utc_now
from checkout.core.retry_after import retry_after_seconds

SECOND, MINUTE, HOUR = 1, 60, 3600
RETRY_SECONDS = (
    1 * SECOND,
    2 * SECOND,
    4 * SECOND,
    1 * MINUTE,
    2 * MINUTE,
    4 * MINUTE,
    8 * MINUTE,
    16 * MINUTE,
    1 * HOUR,
    4 * HOUR,
    12 * HOUR,
    24 * HOUR,
    24 * HOUR,
    36 * HOUR,
)
JITTER = 0.2
LONGEST_WAIT_SECONDS = 48 * HOUR
"""What a Retry-After may ask for; more would outlive the schedule itself."""


def next_wait_seconds(tries: int, headers: Mapping[str, str]) -> float | None:
    """Seconds until the next try after `tries` failed ones, or None when there is none left.

    `headers` of the last answer have their names in lower case; its Retry-After can make the
    wait longer, never shorter.
    """
    if tries > len(RETRY_SECONDS):
        return None
    wait = RETRY_SECONDS[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    asked = retry_after_seconds(headers.get("retry-after"), utc_now())
    return max(wait, min(asked, LONGEST_WAIT_SECONDS))
