"""Which references are to be asked about next."""

from __future__ import annotations

from checkout.core.db import run
from checkout.core.jobs import ring

SWEEPER = "ask_providers"


def ask_soon(attempt_id: str) -> None:
    """Ask the provider about an attempt now rather than at its next turn: somebody came back."""
    run(
        "UPDATE attempt_reference SET next_ask_at = least(next_ask_at, clock_timestamp())"
        " WHERE attempt_id = %(id)s AND done_at IS NULL",
        id=attempt_id,
    )
    ring(SWEEPER)
