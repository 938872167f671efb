"""The types of events that merchants can hear of, and how endpoints choose among them."""

from __future__ import annotations

from collections.abc import Sequence

TEST_EVENT = "webhook_endpoint.test"
"""Sent only by `POST …/test`, to the one endpoint that is tested."""

EVENT_TYPES = (
    "checkout.session.created",
    "checkout.session.processing",
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.abandoned",
    "checkout.session.cancelled",
    "checkout.session.expiring_soon",
    "payment.completed",
    "payment.failed",
    "payment.refunded",
    "refund.succeeded",
    "refund.failed",
    "transfer.unmatched",
    "transfer.resolved",
    "payout.requested",
    "payout.completed",
    "payout.failed",
    "customer.created",
    "wallet.credited",
    "wallet.debited",
    "subscription.created",
    "subscription.activated",
    "subscription.renewed",
    "subscription.past_due",
    "subscription.upgraded",
    "subscription.downgraded",
    "subscription.paused",
    "subscription.resumed",
    "subscription.cancelled",
    "subscription.expired",
    "booking.confirmed",
)


def list_patterns() -> list[str]:
    """Everything that an endpoint may ask for: `*`, each group, each type."""
    parts = [name.split(".") for name in EVENT_TYPES]
    groups = {".".join([*part[:end], "*"]) for part in parts for end in range(1, len(part))}
    return ["*", *sorted(groups), *EVENT_TYPES]


def group_types() -> dict[str, list[str]]:
    """What endpoints may ask for, as people choose: group (`payment.*`) → its types.

    A group that a wider one holds, such as `checkout.*`, is left out.
    """
    groups: dict[str, list[str]] = {}
    for name in EVENT_TYPES:
        groups.setdefault(name.rpartition(".")[0] + ".*", []).append(name)
    return groups


def is_pattern(text: str) -> bool:
    """Whether a text is `*`, a known type, or a known group such as `payment.*`."""
    if text == "*" or text in EVENT_TYPES:
        return True
    return text.endswith(".*") and any(name.startswith(text[:-1]) for name in EVENT_TYPES)


def matches(patterns: Sequence[str], event_type: str) -> bool:
    """Whether an endpoint with these patterns wants this event."""
    return any(
        pattern in ("*", event_type)
        or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )
