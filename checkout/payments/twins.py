"""Money that a provider tells of more than once, under different ids or to different accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core.db import execute, later, pipeline
from checkout.payments.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Twin:
    """A notice whose money stands in a transfer already, or in one of the same batch."""

    inbox_id: str
    rail_account_id: str
    first_reference: str
    """Together with the rail account: the transfer."""
    reference: str


@dataclass(slots=True)
class _Told:
    """A transfer of this fingerprint, and by which other id it has been told of."""

    rail_account_id: str
    reference: str
    source: str
    twin_reference: str | None = None


def without_twins(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Twin]]:
    """Set aside money of one store and mode that has been told of before.

    Hook and list name one movement by different ids; its fingerprint is the same. Two equal
    fingerprints of one source are two movements, unless the id is the same too: then another
    account of the store, such as one with newer credentials, was told of the same movement. A
    lock per fingerprint makes two judges take turns.
    """
    marked = [arrival for arrival in arrivals if arrival.notice.fingerprint]
    if not marked:
        return list(arrivals), []
    known = _lock_and_read(marked)
    fresh, set_aside = [], []
    for arrival in arrivals:
        notice = arrival.notice
        told = known.setdefault((arrival.rail, notice.fingerprint or ""), [])
        twin = _find(told, arrival) if notice.fingerprint else None
        if twin is None:
            fresh.append(arrival)
            told.append(_Told(arrival.rail_account_id, notice.provider_reference, notice.source))
            continue
        if twin.reference != notice.provider_reference:
            twin.twin_reference = notice.provider_reference
        set_aside.append(
            Twin(
                arrival.inbox_id,
                twin.rail_account_id,
                twin.reference,
                twin.twin_reference or notice.provider_reference,
            )
        )
    return fresh, set_aside


def mark_twins(twins: Sequence[Twin]) -> None:
    """Note on each transfer by which other id it was told of."""
    for twin in twins:
        execute(
            "UPDATE transfer SET twin_reference = %(reference)s"
            " WHERE rail_account_id = %(account_id)s AND provider_reference = %(first)s"
            " AND provider_reference <> %(reference)s",
            account_id=twin.rail_account_id,
            first=twin.first_reference,
            reference=twin.reference,
        )


def _lock_and_read(marked: Sequence[Arrival]) -> dict[tuple[str, str], list[_Told]]:
    with pipeline():
        _lock_prints(marked)
        told = _read_told(marked)
    known: dict[tuple[str, str], list[_Told]] = {}
    for row in told():
        known.setdefault((row.rail, row.fingerprint), []).append(
            _Told(row.rail_account_id, row.provider_reference, row.source, row.twin_reference)
        )
    return known


def _lock_prints(marked: Sequence[Arrival]) -> None:
    execute(
        "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(name, 1) AS key"
        " FROM unnest(%(names)s::text[]) AS name ORDER BY 1) AS keys",
        names=[f"{a.store_id}:{a.livemode}:{a.rail}:{a.notice.fingerprint}" for a in marked],
    )


def _read_told(marked: Sequence[Arrival]) -> Callable[[], list[Any]]:
    first = marked[0]
    # Its snapshot is taken when the locks are ours, not before.
    return later(
        "SELECT rail, rail_account_id, provider_reference, source, twin_reference, fingerprint"
        " FROM transfer WHERE fingerprint = ANY(%(prints)s) AND rail_account_id IN (SELECT id"
        " FROM rail_account WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND rail = ANY(%(rails)s)) ORDER BY id",
        prints=[arrival.notice.fingerprint for arrival in marked],
        rails=list({arrival.rail for arrival in marked}),
        store_id=first.store_id,
        livemode=first.livemode,
    )


def _find(told: Sequence[_Told], arrival: Arrival) -> _Told | None:
    notice = arrival.notice
    for one in told:
        if notice.provider_reference in (one.reference, one.twin_reference):
            return one
    return next(
        (one for one in told if one.source != notice.source and one.twin_reference is None), None
    )
