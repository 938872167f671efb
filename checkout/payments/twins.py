"""Money that a provider tells of twice, by hook and by list, under two different ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checkout.core.db import execute, run
from checkout.payments.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Twin:
    """A notice whose money stands in a transfer already."""

    inbox_id: str
    transfer_id: str
    reference: str


def without_twins(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Twin]]:
    """Set aside money that has come already by the provider's other way of telling.

    Hook and list name one movement by different ids; its fingerprint is the same. Only
    across sources does a fingerprint mean a repeat: two equal ones of one source are two
    movements. A lock per fingerprint makes two judges take turns.
    """
    marked = [arrival for arrival in arrivals if arrival.notice.fingerprint]
    if not marked:
        return list(arrivals), []
    run(
        "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(name, 1) AS key"
        " FROM unnest(%(names)s::text[]) AS name ORDER BY 1) AS keys",
        names=[f"{a.rail_account_id}:{a.notice.fingerprint}" for a in marked],
    )
    single: dict[tuple[str, str], list[str]] = {}
    for row in run(
        "SELECT id, fingerprint, source FROM transfer WHERE rail_account_id = ANY(%(accounts)s)"
        " AND fingerprint = ANY(%(prints)s) AND twin_reference IS NULL ORDER BY id",
        accounts=list({arrival.rail_account_id for arrival in marked}),
        prints=[arrival.notice.fingerprint for arrival in marked],
    ):
        single.setdefault((row.fingerprint, row.source), []).append(row.id)
    fresh, set_aside = [], []
    for arrival in arrivals:
        other = "list" if arrival.notice.source == "hook" else "hook"
        twins = single.get((arrival.notice.fingerprint or "", other))
        if not twins:
            fresh.append(arrival)
            continue
        set_aside.append(Twin(arrival.inbox_id, twins.pop(0), arrival.notice.provider_reference))
    return fresh, set_aside


def mark_twins(twins: Sequence[Twin]) -> dict[str, str]:
    """Note on each transfer by which other id it was told of; inbox id → 'repeated'."""
    for twin in twins:
        execute(
            "UPDATE transfer SET twin_reference = %(reference)s WHERE id = %(id)s",
            reference=twin.reference,
            id=twin.transfer_id,
        )
    return {twin.inbox_id: "repeated" for twin in twins}
