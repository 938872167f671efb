"""Whose data a call may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

KeyKind = Literal["secret", "publishable"]
"""A secret key speaks for the shop; a publishable one stands in pages, for everybody to read."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One store in one mode, and who acts in it. Every query is narrowed by it."""

    store_id: str
    livemode: bool
    key_id: str
    actor: str
    """For histories and audits, such as `key:key_…`."""
    settings: Any
    """The store's `merchants.settings.StoreSettings`; core does not know that type."""
    secret: bool = False
    """Whether the shop itself speaks, so that it is believed who a customer is."""
    allowed: frozenset[str] | None = None
    """The actions that this caller may do; None for all of them."""
    user: Any = None
    """Who has signed in: `user_id`, `sign_in_id`, `email`; None for a key."""
    role: str | None = None
    """The signed-in user's role in the store."""
