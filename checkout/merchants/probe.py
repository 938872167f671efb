"""One harmless call that shows whether a store's account on a rail works."""

from __future__ import annotations

from dataclasses import dataclass

from checkout.core import clock
from checkout.core.db import unit_of_work
from checkout.core.limits import limit_calls
from checkout.core.scope import Scope
from checkout.merchants.rail_accounts import load_current
from checkout.rails.base import RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_rail

TESTS_PER_MINUTE = 10
NOBODY = "There is no provider outside to be asked."


@dataclass(frozen=True, slots=True)
class Probe:
    """How a test of a rail account went."""

    account_id: str
    ok: bool
    message: str
    code: str | None = None
    temporary: bool = False
    """Whether it may be different in a moment."""


def try_rail(scope: Scope, rail: str) -> Probe:
    """Ask the provider for somebody of the team; raises as `probe_rail`, and 429."""
    limit_calls(f"rail-test:{scope.store_id}:{scope.livemode}", TESTS_PER_MINUTE)
    return probe_rail(scope.store_id, scope.livemode, rail)


def probe_rail(store_id: str, livemode: bool, rail: str) -> Probe:
    """Ask the provider; raises 404 where the store has no such account.

    Ends the current transaction: nothing is held open while a provider is asked.
    """
    account = load_current(store_id, livemode, rail)
    if get_rail(rail).instant:
        return Probe(account.id, ok=True, message=NOBODY)
    with unit_of_work():
        pass
    try:
        answer = get_rail(rail).probe(account, bounded_client(), clock.utc_now())
    except RailError as error:
        return Probe(account.id, False, error.message, error.code, error.temporary)
    return Probe(account.id, ok=True, message=answer)
