"""Ask a provider about attempts, by each reference under which it may know them.

Answers become notices and take the same road as the hook's; a movement that came both ways is
recognised. What has been said for good is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checkout.core import clock
from checkout.core.db import execute, one, run, unit_of_work
from checkout.merchants.rail_accounts import load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.health import calling
from checkout.payments.judge import judge_now
from checkout.payments.lease import ASKED
from checkout.payments.notices import store_notices
from checkout.payments.tokens import find_today, renew_refused
from checkout.rails.base import Attempt, Notice, RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_rail

LIVE = ("pending", "requires_action")
SLOWER = 6
"""What has ended is asked about after a sixth of the time since: some thirty times in a day."""
RAREST_SECONDS = 21_600


@dataclass(frozen=True, slots=True)
class Answered:
    """What a provider told about some references."""

    found: int
    """How many movements were new."""
    told: dict[str, str]
    """Reference → outcome of the last notice of it; absent where nothing is known yet."""


def check_attempt(attempt: Any) -> int:
    """Ask the provider about one attempt now; returns how many new notices came of it.

    Every reference of it that is still open is asked about. Raises RailError when the provider
    cannot be asked or does not answer.
    """
    rows = run(
        f"SELECT {ASKED} FROM attempt_reference AS known"  # noqa: S608 - a constant
        " JOIN attempt ON attempt.id = known.attempt_id"
        " JOIN checkout_session AS session ON session.id = attempt.session_id"
        " WHERE known.attempt_id = %(id)s ORDER BY known.id DESC",
        id=attempt.id,
    )
    if rows:
        open_ = [row for row in rows if row.known_done_at is None]
        return sum(answered.found for answered in ask_in_turns(attempt.rail_account_id, open_))
    if not get_rail(attempt.rail).lists:
        # Its provider never heard of it: it is a wallet's, or the provider was not reached.
        return 0
    session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
    notices = _call(attempt.rail_account_id, [attempt_facts(attempt, session)])
    return take_notices(load_account(attempt.rail_account_id)[0], notices)


def ask_in_turns(rail_account_id: str, rows: Sequence[Any]) -> Iterator[Answered]:
    """Ask about references of one account, as many at once as its provider takes."""
    size = get_rail(load_account(rail_account_id)[0].rail).ask_at_once
    for start in range(0, len(rows), size):
        yield ask_about(rail_account_id, rows[start : start + size])


def ask_about(rail_account_id: str, rows: Sequence[Any]) -> Answered:
    """Ask one question about references of one account, and take in what it brings.

    The rows have what `ASKED` names. Raises RailError; nothing is noted then.
    """
    account_row, _ = load_account(rail_account_id)
    facts = [
        replace(attempt_facts(row, row), provider_reference=row.known_reference) for row in rows
    ]
    notices = _call(rail_account_id, facts)
    found = take_notices(account_row, notices)
    with unit_of_work():
        note_told(rows, notices)
        _note_asked(get_rail(account_row.rail).ask_seconds, rows)
    return Answered(found, _outcomes(notices))


def take_notices(account_row: Any, notices: Sequence[Notice]) -> int:
    """Store notices that were asked for and judge them; returns how many were new.

    What the hook had told of already, under another id, is not.
    """
    if not notices:
        return 0
    with unit_of_work():
        stored = store_notices(account_row, notices)
    fresh = [inbox_id for inbox_id, new in stored if new]
    judged = judge_now(fresh)
    return sum(judged.get(inbox_id) != "repeated" for inbox_id in fresh)


def _call(rail_account_id: str, facts: Sequence[Attempt]) -> Sequence[Notice]:
    try:
        return _call_once(rail_account_id, facts)
    except RailError as error:
        # Whoever took long once is not asked twice: somebody waits.
        today = None if error.code == "provider_timeout" else find_today(rail_account_id)
        if today is None:
            if error.code != "token_expired" or error.temporary:
                raise
            if not renew_refused(rail_account_id):
                raise
            today = rail_account_id
    return _call_once(today, facts)


def _call_once(rail_account_id: str, facts: Sequence[Attempt]) -> Sequence[Notice]:
    account_row, account = load_account(rail_account_id)
    rail = get_rail(account_row.rail)
    if not rail.can_ask(account):
        raise RailError(
            "provider_not_configured",
            "This account has no access to the provider's list.",
            temporary=False,
        )
    release()
    with calling(account.id):
        return rail.check(facts, account, bounded_client(), clock.utc_now())


def _outcomes(notices: Sequence[Notice]) -> dict[str, str]:
    return {
        match.value: notice.outcome
        for notice in notices
        for match in notice.matches
        if match.kind == "reference"
    }


def note_told(rows: Sequence[Any], notices: Sequence[Notice]) -> None:
    """What has been said for good is not asked again; in the current transaction."""
    told = _outcomes(notices)
    # In one order: who asks by hand may meet the monitor here.
    execute(
        "SELECT id FROM attempt_reference WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE",
        ids=[row.known_id for row in rows],
    )
    execute(
        "UPDATE attempt_reference SET done_at = clock_timestamp()"
        " WHERE id = ANY(%(done)s) AND done_at IS NULL",
        done=[row.known_id for row in rows if _is_final(row.rail, told.get(row.known_reference))],
    )


def _is_final(rail_name: str, outcome: str | None) -> bool:
    return outcome == "succeeded" or (outcome == "failed" and get_rail(rail_name).ends_on_failure)


def _note_asked(waits: Sequence[int], rows: Sequence[Any]) -> None:
    """When each reference is asked about next: ever later, and last after its time is over."""
    execute(
        "UPDATE attempt_reference SET asks = asks + 1, leased_until = NULL,"
        " next_ask_at = CASE WHEN id = ANY(%(last)s) THEN NULL ELSE clock_timestamp()"
        # A tenth more or less: what began together need not be asked together for ever.
        " + interval '1 second' * (0.9 + 0.2 * random()) * CASE WHEN id = ANY(%(ended)s)"
        # Late money is waited for up to weeks: what ended long ago must not crowd out the rest.
        " THEN greatest(%(slowest)s, least(%(rarest)s,"
        " extract(epoch FROM clock_timestamp() - expires_at) / %(slower)s))"
        " ELSE (%(waits)s::int[])[least(asks + 2, %(most)s)] END END"
        " WHERE id = ANY(%(ids)s)",
        ids=[row.known_id for row in rows],
        last=[row.known_id for row in rows if row.ask_until <= row.asked_at],
        ended=[row.known_id for row in rows if row.status not in LIVE],
        waits=list(waits),
        slowest=waits[-1],
        rarest=RAREST_SECONDS,
        slower=SLOWER,
        most=len(waits),
    )


def release() -> None:
    """End the reading transaction: nothing is held open while a provider is asked."""
    with unit_of_work():
        pass
