"""What is new among the things that need a person: noted in the transaction in which it comes.

The table `heartbeat` says of which store there is something to tell (kind `news`, due a few
minutes later, so that one mail tells of what comes together) and which was told when (kind
`told`). Tables of later areas are named in SQL, never imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from checkout.core.db import execute, one, run

GATHER_MINUTES = 5
QUIET_MINUTES = 60
"""A store is written to at most so often."""


def note_unmatched(rows: list[Any]) -> None:
    """Money waits for a person (reaction to `transfer.unmatched`). Test money wakes nobody."""
    note_news(row.store_id for row in rows if row.livemode)


def note_news(store_ids: Iterable[str]) -> None:
    """These stores have something to tell, with the current transaction."""
    wanted = sorted(set(store_ids))
    if not wanted:
        return
    # A repeat locks the row all the same: whoever is telling just now has read what was there
    # before this, so it has to wait and then be noted anew.
    execute(
        "INSERT INTO heartbeat AS news (kind, name, at)"
        " SELECT 'news', id, clock_timestamp() + make_interval(mins => %(minutes)s)"
        " FROM unnest(%(ids)s::text[]) AS id ORDER BY id"
        " ON CONFLICT (kind, name) DO UPDATE SET at = news.at",
        ids=wanted,
        minutes=GATHER_MINUTES,
    )


def note_rails() -> None:
    """Live accounts that began to rest, or whose provider would not renew a token, are news once.

    What was noted stands beside what is known of the provider's health; an answer ends it, so
    that the next rest is news again.
    """
    execute(
        "UPDATE rail_health SET notes = notes - 'rest_noted'"
        " WHERE resting_until IS NULL AND notes ? 'rest_noted'"
    )
    rows = run(
        "UPDATE rail_health AS health SET notes = health.notes"
        " || CASE WHEN health.resting_until IS NULL THEN '{}'"
        " ELSE jsonb_build_object('rest_noted', true) END"
        " || CASE WHEN health.notes ? 'renewal_failed_at' THEN"
        " jsonb_build_object('renewal_noted', health.notes -> 'renewal_failed_at') ELSE '{}' END"
        " FROM rail_account AS account WHERE account.id = health.rail_account_id"
        " AND account.livemode AND account.enabled AND account.superseded_at IS NULL"
        " AND (health.resting_until IS NOT NULL AND NOT health.notes ? 'rest_noted'"
        " OR health.notes -> 'renewal_failed_at' <> coalesce(health.notes -> 'renewal_noted', '0'))"
        " RETURNING account.store_id"
    )
    note_news(row.store_id for row in rows)


def take_due(most: int) -> Sequence[str]:
    """Stores to be told now: none twice, whoever else asks; for the end of this transaction."""
    rows = run(
        "DELETE FROM heartbeat WHERE kind = 'news' AND name IN ("
        "SELECT news.name FROM heartbeat AS news"
        " LEFT JOIN heartbeat AS told ON told.kind = 'told' AND told.name = news.name"
        " WHERE news.kind = 'news' AND news.at <= clock_timestamp()"
        " AND (told.at IS NULL OR told.at <= clock_timestamp() - make_interval(mins => %(quiet)s))"
        " ORDER BY news.at LIMIT %(most)s FOR UPDATE OF news SKIP LOCKED) RETURNING name",
        most=most,
        quiet=QUIET_MINUTES,
    )
    return sorted(row.name for row in rows)


def mark_told(store_id: str) -> None:
    """The store is being written to, with the current transaction."""
    execute(
        "INSERT INTO heartbeat (kind, name, at) VALUES ('told', %(id)s, clock_timestamp())"
        " ON CONFLICT (kind, name) DO UPDATE SET at = excluded.at",
        id=store_id,
    )


def forget_told() -> None:
    """Of who was told long ago nothing has to be known."""
    execute(
        "DELETE FROM heartbeat WHERE kind = 'told' AND at < clock_timestamp() - interval '1 day'"
    )


def count_unmatched(store_id: str) -> int:
    """Live transfers that need a person: not the parts whose payer may still send the rest."""
    row = one(
        "SELECT count(*) AS found FROM transfer WHERE store_id = %(store_id)s AND livemode"
        " AND resolved_at IS NULL AND (held > 0 OR amount IS NULL) AND NOT (part_of IS NOT NULL"
        " AND EXISTS (SELECT FROM checkout_session AS session WHERE session.id = transfer.part_of"
        " AND session.status IN ('open', 'processing', 'awaiting_action')))",
        store_id=store_id,
    )
    return 0 if row is None else int(row.found)


def count_unrenewed(store_id: str, livemode: bool) -> int:
    """Accounts whose provider would not renew a token within the last day."""
    row = one(
        "SELECT count(*) AS found FROM rail_account AS account"
        " JOIN rail_health AS health ON health.rail_account_id = account.id"
        " WHERE account.store_id = %(store_id)s AND account.livemode = %(livemode)s"
        " AND account.enabled AND account.superseded_at IS NULL"
        " AND (health.notes ->> 'renewal_failed_at')::float"
        " > extract(epoch FROM clock_timestamp()) - 86400",
        store_id=store_id,
        livemode=livemode,
    )
    return 0 if row is None else int(row.found)
