"""Play the provider in test mode: money that is not real on the road that is.

The rail's fake makes the notice, signed as the provider signs; it is stored as a delivery and
sent over HTTP to the rail's own hook. A delay, and the provider's own retries after an answer
that it does not take, are rows too, sent by the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from checkout.core import clock
from checkout.core.config import config
from checkout.core.db import one, run, unit_of_work
from checkout.core.errors import forbidden, invalid, missing
from checkout.core.http import OutsideError, send
from checkout.merchants.rail_accounts import load_account
from checkout.payments.facts import attempt_facts
from checkout.payments.faults import take_lost_hook
from checkout.payments.shelf import DatabaseShelf
from checkout.payments.watch import ask_soon
from checkout.rails.base import FakeCall
from checkout.rails.registry import get_fake, get_rail

BATCH = 50
MOST_TIMES = 10
LEASE_SECONDS = 60


def simulate_payment(
    attempt_id: str,
    *,
    amount: int | None = None,
    memo: str | None = None,
    times: int = 1,
    delay_seconds: int = 0,
    outcome: Literal["success", "failure"] = "success",
    late_seconds: int = 0,
    store_id: str | None = None,
) -> int:
    """Let the pretend provider pay a test attempt; returns how many notices it sends.

    Amount in minor units, by default what the attempt asks for. `late_seconds` dates the
    money so long after the session's deadline. Without a delay the notices have been sent
    when this returns. Raises 404; 403 `test_mode_only` for a live attempt;
    422 `rail_not_available` for one that was paid from a wallet.
    """
    with unit_of_work():
        attempt, session = _load(attempt_id, store_id)
        if attempt.livemode:
            raise forbidden("test_mode_only", "Money can be simulated in test mode only.")
        if get_rail(attempt.rail).instant:
            raise invalid("rail_not_available", "No provider stands behind a wallet.")
        if not 1 <= times <= MOST_TIMES:
            raise invalid("invalid_value", f"From 1 to {MOST_TIMES} times.", "times")
        _, account = load_account(attempt.rail_account_id)
        bank_time = clock.now(attempt.store_id, livemode=False) + timedelta(seconds=delay_seconds)
        if late_seconds:
            bank_time = max(bank_time, session.expires_at + timedelta(seconds=late_seconds))
        fake = get_fake(attempt.rail)
        ids = []
        for _ in range(times):
            calls = fake.pay(
                attempt_facts(attempt, session),
                account,
                DatabaseShelf(account.id),
                amount=attempt.amount if amount is None else amount,
                memo=memo,
                outcome=outcome,
                now=bank_time,
                sent_at=clock.utc_now(),
            )
            ids += queue_calls(attempt, calls, delay_seconds)
        ask_soon(attempt.id)
    if delay_seconds == 0:
        for delivery_id in ids:
            deliver_now(delivery_id)
    return len(ids)


def deliver_pretended() -> int:
    """Send what is due; returns how many were tried."""
    rows = run(
        "SELECT id FROM fake_delivery WHERE done_at IS NULL AND due_at <= clock_timestamp()"
        " ORDER BY due_at LIMIT %(limit)s",
        limit=BATCH,
    )
    return sum(deliver_now(row.id) for row in rows)


def _load(attempt_id: str, store_id: str | None) -> tuple[Any, Any]:
    attempt = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt_id)
    if attempt is None or (store_id is not None and attempt.store_id != store_id):
        raise missing(what="payment attempt")
    session = one("SELECT * FROM checkout_session WHERE id = %(id)s", id=attempt.session_id)
    return attempt, session


def queue_calls(account: Any, calls: Sequence[FakeCall], delay_seconds: int = 0) -> list[int]:
    """Store a pretend provider's notices on their way to us; their numbers.

    `account` is a row with the rail and its account: an attempt's, or the account's own. A
    notice that is planned to be lost is never sent.
    """
    account_id = getattr(account, "rail_account_id", account.id)
    return [
        _queue_call(account, account_id, call, delay_seconds)
        for call in calls
        if not take_lost_hook(account_id)
    ]


def _queue_call(account: Any, account_id: str, call: FakeCall, delay_seconds: int) -> int:
    row = one(
        "INSERT INTO fake_delivery (store_id, livemode, rail, rail_account_id, call, body, due_at)"
        " VALUES (%(store_id)s, %(livemode)s, %(rail)s, %(account_id)s, %(call)s, %(body)s,"
        " clock_timestamp() + make_interval(secs => %(delay)s)) RETURNING id",
        store_id=account.store_id,
        livemode=account.livemode,
        rail=account.rail,
        account_id=account_id,
        call={
            "method": call.method,
            "path": call.path,
            "headers": dict(call.headers),
            "retry_key": call.retry_key,
        },
        body=call.body,
        delay=delay_seconds,
    )
    assert row is not None  # noqa: S101 - RETURNING always answers
    return int(row.id)


def deliver_now(delivery_id: int) -> bool:
    """Send one notice; whether it was ours to send. The lease outlives the call."""
    with unit_of_work():
        row = one(
            "UPDATE fake_delivery SET due_at = clock_timestamp() + make_interval(secs => %(lease)s)"
            " WHERE id = (SELECT id FROM fake_delivery WHERE id = %(id)s AND done_at IS NULL"
            " AND due_at <= clock_timestamp() FOR UPDATE SKIP LOCKED) RETURNING *",
            id=delivery_id,
            lease=LEASE_SECONDS,
        )
        if row is None:
            return False
        call = _call_of(row)
    status, body = _send(call)
    fake = get_fake(row.rail)
    retries = fake.retry_minutes
    finished = fake.accepted(status, body) or row.tries >= len(retries)
    with unit_of_work():
        run(
            "UPDATE fake_delivery SET tries = tries + 1, last_status = %(status)s,"
            " done_at = CASE WHEN %(finished)s THEN clock_timestamp() END,"
            " due_at = clock_timestamp() + make_interval(mins => %(minutes)s) WHERE id = %(id)s",
            id=delivery_id,
            status=status,
            finished=finished,
            minutes=0 if finished else retries[row.tries],
        )
    return True


def _call_of(row: Any) -> FakeCall:
    call = FakeCall(
        method=row.call["method"],
        path=row.call["path"],
        headers=row.call["headers"],
        body=bytes(row.body),
        retry_key=row.call["retry_key"],
    )
    if row.tries == 0:
        return call
    _, account = load_account(row.rail_account_id)
    return get_fake(row.rail).renew(call, account, DatabaseShelf(account.id), clock.utc_now())


def _send(call: FakeCall) -> tuple[int, bytes]:
    try:
        answer = send(
            call.method,
            config().self_url + call.path,
            headers=call.headers,
            body=call.body,
            timeout_seconds=10.0,
            vet=False,
        )
    except OutsideError:
        return 0, b""
    return answer.status, answer.body
