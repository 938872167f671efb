from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.factories.books import read_one

WAITING = (
    "SELECT (SELECT count(*) FROM inbox WHERE judged_at IS NULL)"
    " + (SELECT count(*) FROM outbox WHERE dispatched_at IS NULL) AS n"
)


@pytest.fixture
def settled() -> Callable[[float], bool]:
    """Waits until every notice is judged and every event dispatched; within a minute it must."""

    def wait(seconds: float = 60) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if read_one(WAITING).n == 0:
                return True
            time.sleep(0.1)
        return False

    return wait
