"""Accounts at every pretend provider, so that a new store can be tried without a contract."""

from __future__ import annotations

from checkout.core import ids
from checkout.core.db import run
from checkout.merchants.rail_accounts import configure_rail
from checkout.rails.registry import folders, get_fake, names

FIRST = ("khqr", "vietqr")
"""What shoppers of these countries know best."""


def list_unconnected(store_id: str) -> list[str]:
    """The ways to pay that a store has no test account for, best known first."""
    rows = run(
        "SELECT rail FROM rail_account WHERE store_id = %(id)s AND NOT livemode"
        " AND superseded_at IS NULL",
        id=store_id,
    )
    missing = set(names()) - {row.rail for row in rows}
    return sorted(missing, key=lambda name: (name not in FIRST, name not in folders(), name))


def connect_pretend_rails(store_id: str, *, actor: str) -> list[str]:
    """Connect a store's test mode to every pretend provider that it is not connected to.

    Accounts that are there stay as they are. Returns the names of the new ones.
    """
    missing = list_unconnected(store_id)
    for rail in missing:
        # A wallet has no provider, so it has no settings either.
        settings = (
            get_fake(rail).demo_settings(lambda: ids.new_secret(18)) if rail in folders() else {}
        )
        configure_rail(store_id, False, rail, settings, enabled=True, actor=actor)
    return missing
