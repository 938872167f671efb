"""Fill a customer's wallet: a session whose money goes into it."""

from __future__ import annotations

from typing import Any

from checkout.core.scope import Scope
from checkout.customers.queries import load_customer
from checkout.sessions.create import create_session
from checkout.wallets.schemas import TopUp


def start_top_up(scope: Scope, customer_id: str, given: TopUp) -> tuple[dict[str, Any], bool]:
    """The session to pay and whether it is new; raises 404, and 422 with the field."""
    load_customer(scope.store_id, scope.livemode, customer_id, None)
    return create_session(
        {**given.model_dump(), "customer_id": customer_id, "customer": None, "plan": None},
        store_id=scope.store_id,
        livemode=scope.livemode,
        settings=scope.settings,
        actor=scope.actor,
        by_secret_key=scope.secret,
    )
