"""Who may do what in a store: one table for the API, restricted keys and every screen."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["owner", "admin", "support", "viewer"]
ROLE_NAMES: tuple[Role, ...] = get_args(Role)

EVERYBODY: frozenset[Role] = frozenset(ROLE_NAMES)
STAFF: frozenset[Role] = frozenset({"owner", "admin", "support"})
MANAGERS: frozenset[Role] = frozenset({"owner", "admin"})
OWNERS: frozenset[Role] = frozenset({"owner"})

# `<area>.<verb>`; viewers look, support helps shoppers and finds money its home, managers hold
# what opens doors: keys, rails, webhooks, the team. Only owners make and unmake owners, which
# merchants/members.py sees to.
ROLES: dict[str, frozenset[Role]] = {
    "sessions.read": EVERYBODY,
    "sessions.write": STAFF,
    "attempts.read": EVERYBODY,
    "attempts.write": STAFF,
    "transfers.read": EVERYBODY,
    "transfers.write": STAFF,
    "payments.read": EVERYBODY,
    "customers.read": EVERYBODY,
    "customers.write": STAFF,
    "customers.delete": MANAGERS,
    "events.read": EVERYBODY,
    "webhook_endpoints.read": EVERYBODY,
    "webhook_endpoints.write": MANAGERS,
    "webhook_deliveries.write": STAFF,
    "realtime_tokens.write": MANAGERS,
    "test.write": STAFF,
    "stores.read": EVERYBODY,
    "stores.write": MANAGERS,
    "stores.delete": OWNERS,
    "members.read": EVERYBODY,
    "members.write": MANAGERS,
    "members.leave": EVERYBODY,
    "keys.read": MANAGERS,
    "keys.write": MANAGERS,
    "rails.read": EVERYBODY,
    "rails.write": MANAGERS,
    "audit.read": MANAGERS,
}

FOR_PEOPLE = ("stores", "members", "keys", "rails", "audit")
"""Areas that no key opens: who holds a key shall not make another, or let somebody in."""

KEY_ACTIONS = tuple(action for action in ROLES if action.partition(".")[0] not in FOR_PEOPLE)
"""What a restricted key can be given."""

_ALLOWED: dict[str, frozenset[str]] = {
    role: frozenset(action for action, roles in ROLES.items() if role in roles)
    for role in ROLE_NAMES
}


def may(role: str, action: str) -> bool:
    """Whether a role may do an action. Raises KeyError for an action that is not in the table."""
    return role in ROLES[action]


def roles_of_actions() -> dict[str, list[str]]:
    """Action → who may do it, the mightiest first."""
    return {
        action: [role for role in ROLE_NAMES if role in roles] for action, roles in ROLES.items()
    }


def actions_of(role: str) -> frozenset[str]:
    """Everything that a role may do."""
    return _ALLOWED[role]


def added_actions(role: Role) -> tuple[Role | None, list[str]]:
    """The role below, which may do nothing that this one may not, and what this one adds to it.

    In the order of the table; the lowest role has none below it.
    """
    lower = ROLE_NAMES[ROLE_NAMES.index(role) + 1 :]
    below = lower[0] if lower else None
    known = _ALLOWED[below] if below else frozenset()
    return below, [action for action in ROLES if role in ROLES[action] and action not in known]
