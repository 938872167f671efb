"""How a rail account's provider answers: after five failures in a row it is left alone a while.

The counter is a row, so that all processes agree. While the account rests nobody calls; after
the rest one call at a time may try, and the first answer ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from checkout.core.db import one, run, unit_of_work
from checkout.rails.base import RailError

MOST_FAILURES = 5
REST_SECONDS = 30
MOST_REST_SECONDS = 300
"""However long a provider asks us to wait: its day off would be a shopper's, too."""


@contextmanager
def calling(rail_account_id: str) -> Iterator[None]:
    """Around one verb that talks to the provider: take the turn, note how it went.

    Raises what check_rest raises, and passes on what the verb raises.
    """
    check_rest(rail_account_id)
    try:
        yield
    except RailError as error:
        if error.temporary:
            note_failure(rail_account_id, error)
        else:
            # Who says no is there again.
            note_answer(rail_account_id)
        raise
    note_answer(rail_account_id)


def check_rest(rail_account_id: str) -> None:
    """Take the turn to call this account's provider, in a unit of work of its own.

    Raises RailError `provider_unavailable` while the account rests, or while somebody else
    tries whether the rest is over.
    """
    with unit_of_work():
        row = one(
            "SELECT failures, resting_until > clock_timestamp() AS rests FROM rail_health"
            " WHERE rail_account_id = %(id)s",
            id=rail_account_id,
        )
        if row is None or row.failures < MOST_FAILURES:
            return
        turn = not row.rests and one(
            "UPDATE rail_health SET resting_until = clock_timestamp()"
            " + make_interval(secs => %(rest)s) WHERE rail_account_id = %(id)s"
            " AND resting_until <= clock_timestamp() RETURNING rail_account_id",
            id=rail_account_id,
            rest=REST_SECONDS,
        )
    if not turn:
        raise RailError(
            "provider_unavailable",
            "The provider has not answered lately and is left alone for a moment",
            temporary=True,
            retry_after_seconds=REST_SECONDS,
        )


def note_failure(rail_account_id: str, error: RailError) -> None:
    """Count a call that brought no answer; the fifth in a row begins a rest."""
    if not error.temporary:
        return
    with unit_of_work():
        run(
            "INSERT INTO rail_health (rail_account_id, failures) VALUES (%(id)s, 1)"
            " ON CONFLICT (rail_account_id) DO UPDATE SET failures = rail_health.failures + 1,"
            " resting_until = CASE WHEN rail_health.failures + 1 >= %(most)s THEN"
            " clock_timestamp() + make_interval(secs => greatest(%(rest)s, %(wanted)s)) END",
            id=rail_account_id,
            most=MOST_FAILURES,
            rest=REST_SECONDS,
            wanted=min(error.retry_after_seconds or 0, MOST_REST_SECONDS),
        )


def note_answer(rail_account_id: str) -> None:
    """The provider has answered: what was counted is forgotten."""
    with unit_of_work():
        run(
            "UPDATE rail_health SET failures = 0, resting_until = NULL"
            " WHERE rail_account_id = %(id)s AND failures > 0",
            id=rail_account_id,
        )


def slow_accounts(store_id: str, livemode: bool) -> set[str]:
    """The rails of a store whose provider has not answered lately."""
    rows = run(
        "SELECT account.rail FROM rail_account AS account"
        " JOIN rail_health AS health ON health.rail_account_id = account.id"
        " WHERE account.store_id = %(store_id)s AND account.livemode = %(livemode)s"
        " AND account.superseded_at IS NULL AND health.failures >= %(most)s",
        store_id=store_id,
        livemode=livemode,
        most=MOST_FAILURES,
    )
    return {row.rail for row in rows}
