"""Money that a provider tells of twice, by hook and by list, under two different ids."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.core.db import run
from checkout.payments.arrival import Arrival


def without_twins(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], dict[str, str]]:
    """Set aside money that has come already by the provider's other way of telling.

    Hook and list name one movement by different ids; its fingerprint is the same. Only
    across sources does a fingerprint mean a repeat: two equal ones of one source are two
    movements. A lock per fingerprint makes two judges take turns.
    """
    marked = [arrival for arrival in arrivals if arrival.notice.fingerprint]
    if not marked:
        return list(arrivals), {}
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
    fresh, results = [], {}
    for arrival in arrivals:
        other = "list" if arrival.notice.source == "hook" else "hook"
        twins = single.get((arrival.notice.fingerprint or "", other))
        if not twins:
            fresh.append(arrival)
            continue
        run(
            "UPDATE transfer SET twin_reference = %(reference)s WHERE id = %(id)s",
            reference=arrival.notice.provider_reference,
            id=twins.pop(0),
        )
        results[arrival.inbox_id] = "repeated"
    return fresh, results
