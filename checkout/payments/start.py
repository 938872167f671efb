"""Start an attempt: choose a rail, draw a code, open the rail's prompt.

The session's row is locked first and everything hangs on that lock. A rail that calls its
provider does so between two transactions: the intent is recorded, then the provider asked,
then the outcome recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from checkout.core import ids
from checkout.core.db import one, run, unit_of_work
from checkout.core.errors import Problem, conflict, invalid, provider_problem
from checkout.core.jobs import ring
from checkout.core.logs import log
from checkout.merchants.rail_accounts import enabled_rails, load_account, rail_fits
from checkout.payments.codes import new_code
from checkout.payments.facts import attempt_facts
from checkout.payments.fail import fail_attempt
from checkout.payments.health import calling
from checkout.payments.instant import pay_from_wallet, refuse_wallet
from checkout.payments.lapse import lapse_attempts
from checkout.payments.links import SWEEPER as LINKS
from checkout.payments.prompts import put_prompt
from checkout.payments.references import Reference, write_reference
from checkout.payments.renew import needs_renewal, renew_prompt
from checkout.payments.shoppers import Shopper
from checkout.rails.base import Account, Attempt, Prompt, RailError
from checkout.rails.client import bounded_client
from checkout.rails.registry import get_rail
from checkout.sessions.end import refuse_ended
from checkout.sessions.move import move_sessions, plan_move
from checkout.sessions.queries import Locked, lock_session
from checkout.sessions.states import LIVE as SESSION_LIVE
from checkout.sessions.states import Event
from checkout.sessions.tell import tell_moves

CODE_TRIES = 10
LIVE = ("pending", "requires_action")

INSERT = (
    "INSERT INTO attempt (id, store_id, livemode, session_id, number, rail,"
    " rail_account_id, status, amount, currency, code, return_url, created_at, expires_at)"
    " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(session_id)s, %(number)s, %(rail)s,"
    " %(account_id)s, 'pending', %(amount)s, %(currency)s, %(code)s, %(return_url)s,"
    " %(now)s, %(expires_at)s) ON CONFLICT (code) DO NOTHING RETURNING *"
)
# With where its shopper is, in the same round trip.
INSERT_BOTH = (
    f"WITH made AS ({INSERT}), seen AS (INSERT INTO attempt_shopper"  # noqa: S608 - a constant
    " (attempt_id, store_id, livemode, address, user_agent)"
    " SELECT id, store_id, livemode, %(address)s, %(user_agent)s FROM made)"
    " SELECT * FROM made"
)


def start_attempt(
    session_id: str,
    rail_name: str | None,
    *,
    actor: str,
    return_url: str | None = None,
    retry: bool = False,
    reuse_live: bool = False,
    store_id: str | None = None,
    livemode: bool | None = None,
    shopper: Shopper | None = None,
    keep: Callable[[Any], None] | None = None,
) -> Any:
    """Start an attempt and return its row; opens and commits its own units of work.

    A live attempt is superseded; with `reuse_live` one on the same rail is returned instead,
    with `retry` it is refused. `return_url` is where the shopper goes after a provider's page
    (the checkout page without it), `shopper` where they are if they started it themselves: kept
    for a while, and providers are told the address. `keep` is called with the row in the last
    transaction.

    Raises 404; 409 `session_expired`, `session_not_active`, `max_attempts_reached`,
    `attempt_in_progress`; 422 `rail_not_available`, `customer_required`,
    `insufficient_wallet_balance`; 502 `provider_unavailable`, 504 `provider_timeout` (the
    attempt is then failed and not counted).
    """
    with unit_of_work():
        locked = lock_session(session_id, store_id=store_id, livemode=livemode)
        locked, newest = _lapse_if_due(locked, _newest_attempt(session_id))
        _refuse_start(locked, newest, retry=retry)
        rail_name = _choose_rail(locked.session, rail_name, newest)
        shown = newest if reuse_live and _shows(newest, rail_name, locked.session) else None
        if shown is None:
            begun = _begin(locked, newest, rail_name, return_url, shopper)
            row = _open_inside(begun, actor)
            if row is not None:
                if keep is not None:
                    keep(row)
                return row
        elif not needs_renewal(shown, locked):
            return shown
    if shown is not None:
        renew_prompt(shown.id)
        return one("SELECT * FROM attempt WHERE id = %(id)s", id=shown.id)
    return _open_outside(begun, actor, keep)


def _shows(attempt: Any | None, rail_name: str, session: Any) -> bool:
    """Whether a live attempt on this rail still asks for what is due.

    It does not where a part came another way meanwhile: its provider would take too much.
    """
    return (
        attempt is not None
        and attempt.status in LIVE
        and attempt.rail == rail_name
        and attempt.amount == session.amount - session.amount_received
    )


@dataclass(frozen=True, slots=True)
class _Begun:
    """An attempt that has its row and no prompt yet."""

    locked: Locked
    attempt: Any
    account: Account
    facts: Attempt


def _begin(
    locked: Locked,
    newest: Any | None,
    rail_name: str,
    return_url: str | None,
    shopper: Shopper | None,
) -> _Begun:
    if get_rail(rail_name).instant:
        refuse_wallet(locked)
    attempt, account = _insert_attempt(locked, newest, rail_name, return_url, shopper)
    facts = attempt_facts(
        attempt,
        locked.session,
        payer_address=shopper.address if shopper is not None else None,
        customer_email=_email_of(locked.session.customer_id),
    )
    reference = get_rail(rail_name).reference_of(facts, account)
    if reference is not None:
        # Before anybody is called: a notice that overtakes the answer finds its attempt.
        write_reference(Reference(attempt, reference, locked.now, attempt.expires_at))
        attempt = one(
            "UPDATE attempt SET provider_reference = %(reference)s WHERE id = %(id)s RETURNING *",
            id=attempt.id,
            reference=reference,
        )
        facts = replace(facts, provider_reference=reference)
    return _Begun(locked, attempt, account, facts)


def _open_inside(begun: _Begun, actor: str) -> Any | None:
    """The attempt's row with its prompt, where nobody outside has to be asked for it."""
    rail = get_rail(begun.attempt.rail)
    if rail.instant:
        return pay_from_wallet(begun.locked, begun.attempt, actor=actor)
    if rail.calls_out:
        # The session waits for money from here on, whatever becomes of the call.
        _announce(begun.locked, "attempt_started", actor)
        return None
    try:
        prompt = rail.open(begun.facts, begun.account, bounded_client(), begun.locked.now)
    except RailError as error:
        # Nobody was asked: the account's own settings do not fit this payment.
        log("rail_cannot_open", logging.ERROR, rail_account=begun.account.id, code=error.code)
        raise invalid("rail_not_available", error.message, "rail") from error
    return _record_prompt(begun.locked, begun.attempt, prompt, actor)


def _open_outside(begun: _Begun, actor: str, keep: Callable[[Any], None] | None) -> Any:
    attempt, account_id = begun.attempt, begun.account.id
    try:
        with calling(account_id):
            prompt = get_rail(attempt.rail).open(
                begun.facts, begun.account, bounded_client(), begun.locked.now
            )
    except RailError as error:
        log("rail_open_failed", logging.WARNING, rail_account=account_id, code=error.code)
        with unit_of_work():
            fail_attempt(
                attempt.id,
                code=error.code,
                message=error.message,
                actor=f"rail:{attempt.rail}",
                counts=False,
            )
        timed_out = error.code == "provider_timeout"
        raise provider_problem(
            "provider_timeout" if timed_out else "provider_unavailable",
            "The payment provider could not be reached. Please try again or choose another way.",
            504 if timed_out else 502,
        ) from error
    with unit_of_work():
        again = lock_session(attempt.session_id)
        current = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt.id)
        row = _record_prompt(again, current, prompt, actor)
        if keep is not None:
            keep(row)
        return row


def _email_of(customer_id: str | None) -> str | None:
    if customer_id is None:
        return None
    row = one("SELECT email FROM customer WHERE id = %(id)s", id=customer_id)
    return row.email if row is not None else None


def _newest_attempt(session_id: str) -> Any | None:
    return one(
        "SELECT * FROM attempt WHERE session_id = %(id)s ORDER BY number DESC LIMIT 1",
        id=session_id,
    )


def _lapse_if_due(locked: Locked, newest: Any | None) -> tuple[Locked, Any | None]:
    """An attempt past its own deadline is over now, whether or not the sweep has been here."""
    if newest is None or newest.status not in LIVE or locked.now < newest.expires_at:
        return locked, newest
    if locked.now >= locked.session.expires_at:
        return locked, newest
    lapse_attempts([(locked, newest)])
    return lock_session(locked.session.id), _newest_attempt(locked.session.id)


def _refuse_start(locked: Locked, newest: Any | None, *, retry: bool) -> None:
    refuse_ended(locked.session, locked.now)
    if locked.session.attempts >= locked.session.max_attempts:
        raise conflict(
            "max_attempts_reached",
            f"All {locked.session.max_attempts} attempts of this session have been used.",
        )
    if retry and newest is not None and newest.status in LIVE:
        raise conflict("attempt_in_progress", "An attempt is still waiting for its money.")


def _choose_rail(session: Any, wanted: str | None, newest: Any | None) -> str:
    """The wanted rail, else that of the attempt before, else the only one there is.

    A wallet is paid from the moment it is chosen, so it has to be named.
    """
    name = wanted or (newest.rail if newest is not None else None)
    if name is None and len(session.rails) == 1 and not get_rail(session.rails[0]).instant:
        name = session.rails[0]
    if name is None:
        raise invalid("missing_required_field", "Say which rail to pay on.", "rail")
    enabled = {offer.rail for offer in enabled_rails(session.store_id, session.livemode)}
    due = session.amount - session.amount_received
    if (
        name not in session.rails
        or name not in enabled
        or not rail_fits(name, session.currency, due)
    ):
        raise invalid("rail_not_available", f"{name!r} is not offered here.", "rail")
    return name


def _insert_attempt(
    locked: Locked,
    newest: Any | None,
    rail_name: str,
    return_url: str | None,
    shopper: Shopper | None,
) -> tuple[Any, Any]:
    session = locked.session
    account_id = next(
        offer.rail_account_id
        for offer in enabled_rails(session.store_id, session.livemode)
        if offer.rail == rail_name
    )
    _, account = load_account(account_id)
    if newest is not None and newest.status in LIVE:
        run(
            "UPDATE attempt SET status = 'superseded', ended_at = %(now)s WHERE id = %(id)s",
            id=newest.id,
            now=locked.now,
        )
    minutes = account.settings.get("attempt_minutes") or get_rail(rail_name).default_minutes
    insert, known = (INSERT, {}) if shopper is None else (INSERT_BOTH, asdict(shopper))
    for _ in range(CODE_TRIES):
        attempt = one(
            insert,
            id=ids.new_id("att"),
            store_id=session.store_id,
            livemode=session.livemode,
            session_id=session.id,
            number=(newest.number if newest is not None else 0) + 1,
            rail=rail_name,
            account_id=account_id,
            amount=session.amount - session.amount_received,
            currency=session.currency,
            code=new_code(account.code_prefixes[0]),
            return_url=return_url,
            now=locked.now,
            expires_at=_attempt_deadline(session, locked.now, minutes),
            **known,
        )
        if attempt is not None:
            return attempt, account
    raise Problem("api_error", 503, "service_unavailable", "No free payment code was found.")


def _attempt_deadline(session: Any, now: datetime, minutes: int) -> datetime:
    deadline: datetime = min(session.expires_at, now + timedelta(minutes=minutes))
    return deadline


def _record_prompt(locked: Locked, attempt: Any, prompt: Prompt, actor: str) -> Any:
    row = put_prompt(locked, attempt, prompt)
    if attempt.status not in LIVE:
        # Paid, superseded or over while the provider was asked; what it was told stays known.
        return row
    if prompt.kind == "redirect":
        row = one(
            "UPDATE attempt SET status = 'requires_action' WHERE id = %(id)s RETURNING *",
            id=attempt.id,
        )
    event: Event = "action_required" if prompt.kind == "redirect" else "attempt_started"
    if locked.session.status in SESSION_LIVE:
        _announce(locked, event, actor)
    if get_rail(attempt.rail).finds_links and prompt.qr_payload:
        ring(LINKS)
    return row


def _announce(locked: Locked, event: Event, actor: str) -> None:
    move = plan_move(locked.session, event, actor=actor, at=locked.now)
    move_sessions([move])
    if move.before.status == "open":
        tell_moves("checkout.session.processing", [move])
