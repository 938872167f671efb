"""Work that keeps a processor busy, done beside the loop that serves other requests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def run_aside(work: Callable[[], Result]) -> Result:
    """Do it in a thread where one loop serves everybody; anywhere else at once.

    What it raises is raised here. It must not use the database, whose connections are the
    loop's own.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    from gevent import get_hub  # noqa: PLC0415 - only web processes have it loaded

    result: Result = get_hub().threadpool.apply(work)
    return result
