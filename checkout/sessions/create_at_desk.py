"""Sessions made in the dashboard: the API's verb, with its refusals at the form's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from checkout.core.errors import Problem
from checkout.merchants.screens import Desk
from checkout.sessions.create import create_session


def create_at_desk(desk: Desk, given: Mapping[str, Any]) -> dict[str, Any]:
    """A session of the desk's store and mode from the fields of CreateSession, as the API shows it.

    Raises what create_session raises.
    """
    scope = desk.scope
    with rails_at_currency():
        session, _ = create_session(
            dict(given),
            store_id=scope.store_id,
            livemode=scope.livemode,
            settings=scope.settings,
            actor=scope.actor,
            by_secret_key=scope.secret,
        )
    return session


@contextmanager
def rails_at_currency() -> Iterator[None]:
    """No way to pay takes this sum of this currency: the form has no other field for it."""
    try:
        yield
    except Problem as problem:
        if problem.param == "rails":
            problem.param = "currency"
        raise
