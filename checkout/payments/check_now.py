"""Ask a provider about one attempt because somebody wants to know now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from checkout.core.errors import conflict, provider_problem
from checkout.core.limits import limit_calls
from checkout.core.scope import Scope
from checkout.payments.ask import check_attempt
from checkout.payments.queries import load_row
from checkout.rails.base import RailError

CHECKS_PER_MINUTE = 6


def check_now(attempt_id: str, scope: Scope) -> int:
    """How many movements the provider told of that were new; they are booked.

    Raises 404, 429 `rate_limited`, 409 with the rail's code, 502 `provider_unavailable`,
    504 `provider_timeout`.
    """
    attempt = load_row("attempt", attempt_id, scope)
    limit_calls(f"check:{attempt_id}", CHECKS_PER_MINUTE)
    with provider_errors():
        return check_attempt(attempt)


@contextmanager
def provider_errors() -> Iterator[None]:
    """What a provider could not or would not tell, as a caller hears it."""
    try:
        yield
    except RailError as error:
        if not error.temporary:
            raise conflict(error.code, error.message) from error
        timed_out = error.code == "provider_timeout"
        raise provider_problem(
            "provider_timeout" if timed_out else "provider_unavailable",
            error.message,
            504 if timed_out else 502,
        ) from error
