"""Notices between their rail and their judge: as JSON in the inbox, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from checkout.core.inbox import Incoming, store_incoming
from checkout.rails.base import Match, Notice

OUTDATED_PROOF = "outdated_proof"
"""A notice's detail: proven by a superseded account's secret, which is not today's any more."""


def store_notices(account_row: Any, notices: Sequence[Notice]) -> list[tuple[str, bool]]:
    """Store verified notices of one rail account; (inbox id, whether new) for each."""
    return store_incoming([incoming_of(account_row, notice) for notice in notices])


def incoming_of(account_row: Any, notice: Notice) -> Incoming:
    """A verified notice as the inbox takes it."""
    return Incoming(
        store_id=account_row.store_id,
        livemode=account_row.livemode,
        rail=account_row.rail,
        rail_account_id=account_row.id,
        provider_reference=notice.provider_reference,
        notice=notice_record(notice),
        raw=notice.raw,
    )


def notice_record(notice: Notice) -> dict[str, Any]:
    """A notice as JSON, without its raw bytes."""
    record = asdict(notice)
    del record["raw"]
    record["occurred_at"] = notice.occurred_at.isoformat() if notice.occurred_at else None
    return record


def read_notice(row: Any) -> Notice:
    """The notice of an inbox row; its raw bytes stay where they are sealed."""
    record = dict(row.notice)
    record["matches"] = tuple(Match(**match) for match in record["matches"])
    if record["occurred_at"]:
        record["occurred_at"] = datetime.fromisoformat(record["occurred_at"])
    return Notice(raw=b"", **record)
