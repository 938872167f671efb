"""Raw notices are sealed, and not kept for ever: docs/decisions/privacy.md.

The inbox's row stays, with what was read in the notice: the same money told of again, years
later, is still a repeat. Nobody judges by the raw bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from checkout.core.config import config
from checkout.core.db import execute, run, unit_of_work
from checkout.core.ids import first_id_at
from checkout.core.retention import BATCH, TimedIds, cut_off, empty_old

PRETENDED_DAYS = 30

_EMPTY = """
UPDATE inbox SET raw = '' WHERE id = ANY(%(ids)s) AND raw <> '' AND judged_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM transfer WHERE transfer.inbox_id = inbox.id
        AND transfer.rail_account_id = inbox.rail_account_id
        AND transfer.provider_reference = inbox.provider_reference
        AND transfer.amount IS NULL AND transfer.resolved_at IS NULL)
"""
# What could not be read is kept as long as it waits for a person, who has nothing else.
_RESOLVED = """
UPDATE inbox SET raw = '' WHERE raw <> '' AND id IN (SELECT inbox_id FROM transfer
    WHERE disposition = 'unreadable' AND resolved_at IS NOT NULL AND id < %(end)s)
"""
_PRETENDED = """
DELETE FROM fake_delivery WHERE id IN (SELECT id FROM (SELECT id, done_at FROM fake_delivery
    ORDER BY id LIMIT %(limit)s) AS oldest
    WHERE done_at < clock_timestamp() - make_interval(days => %(days)s)) RETURNING id
"""


def forget_raw() -> int:
    """Empty the raw bytes of old notices; returns how many notices were looked at."""
    days = config().raw_retention_days
    looked = empty_old(TimedIds("inbox", "inb"), kept_days=days, empty=_empty)
    with unit_of_work():
        execute(_RESOLVED, end=first_id_at("trf", cut_off(days)))
    return looked


def forget_pretended() -> int:
    """Delete what pretend providers have sent a month ago; returns how many notices."""
    deleted = 0
    while True:
        with unit_of_work():
            rows = run(_PRETENDED, limit=BATCH, days=PRETENDED_DAYS)
        deleted += len(rows)
        if len(rows) < BATCH:
            return deleted


def _empty(ids: Sequence[str]) -> None:
    execute(_EMPTY, ids=list(ids))
