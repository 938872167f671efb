"""Parts that are left over when their session ends: from then on a person has to decide."""

from __future__ import annotations

from typing import Any

from checkout.core.db import run
from checkout.core.outbox import Event, record_events
from checkout.payments.records import transfer_object


def tell_leftover_parts(rows: list[Any]) -> None:
    """Record `transfer.unmatched` for the parts of sessions that ended (reaction to their events).

    While its session could be paid a part was on its way; now it waits in the transfers inbox.
    """
    ended_at = {row.subject: row.created_at for row in rows}
    parts = run(
        "SELECT * FROM transfer WHERE part_of = ANY(%(ids)s) AND held > 0 ORDER BY id",
        ids=list(ended_at),
    )
    record_events(
        Event(
            type="transfer.unmatched",
            store_id=part.store_id,
            livemode=part.livemode,
            subject=part.id,
            object=transfer_object(part),
            at=ended_at[part.part_of],
        )
        for part in parts
    )
