"""Forgetting a person: out of every record that keeps more than that somebody paid.

What is erased, what stays and why: docs/decisions/privacy.md. Tables of later areas are named
in SQL, never imported.
"""

from __future__ import annotations

import json
from typing import Any

from checkout.core.db import execute, run
from checkout.core.scope import Scope

NOBODY: dict[str, Any] = {
    "email": None,
    "name": None,
    "phone": None,
    "reference": None,
    "metadata": {},
}
"""What an event or an answer says of a customer who has been deleted."""
MAILED = ("session_expiring_soon",)
"""The purposes of mails to shoppers; each is about a session."""


def forget_person(scope: Scope, customer: Any) -> None:
    """Take a customer, whose row is locked, out of all but the money's own records."""
    execute(
        "UPDATE customer SET email = NULL, name = NULL, phone = NULL, reference = NULL,"
        " metadata = '{}', deleted_at = clock_timestamp() WHERE id = %(id)s",
        id=customer.id,
    )
    _empty_events(scope, customer.id)
    _empty_answers(scope, customer.id)
    _empty_mails(scope, customer.id)
    _forget_devices(scope, customer.id)
    if customer.email is not None and not scope.livemode:
        _empty_pretended(scope, customer.email)


def _empty_events(scope: Scope, customer_id: str) -> None:
    """The events about the customer, and what receivers answered to them, who may repeat it.

    Whoever is sent such an event from now on gets it without the person.
    """
    events = run(
        "SELECT id, body FROM outbox WHERE subject = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s FOR UPDATE",
        id=customer_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    for event in events:
        execute(
            "UPDATE outbox SET body = %(body)s WHERE id = %(id)s",
            id=event.id,
            body=_without_person(event.body, customer_id),
        )
    execute(
        "UPDATE delivery_attempt SET response_headers = NULL, response_body = NULL"
        " WHERE delivery_id IN (SELECT id FROM delivery WHERE event_id = ANY(%(ids)s))",
        ids=[event.id for event in events],
    )


def _empty_answers(scope: Scope, customer_id: str) -> None:
    """What was answered to idempotency keys within the last day."""
    answers = run(
        "SELECT key, body FROM idempotency_key WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND strpos(body, %(id)s) > 0"
        ' AND strpos(body, \'"object":"customer"\') > 0 FOR UPDATE',
        id=customer_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    for answer in answers:
        execute(
            "UPDATE idempotency_key SET body = %(body)s WHERE store_id = %(store_id)s"
            " AND livemode = %(livemode)s AND key = %(key)s",
            body=_without_person(answer.body, customer_id),
            store_id=scope.store_id,
            livemode=scope.livemode,
            key=answer.key,
        )


def _empty_mails(scope: Scope, customer_id: str) -> None:
    """Mails about the customer's sessions; one that still waits is not sent any more."""
    execute(
        "UPDATE mail SET recipient = '', subject = '', text_body = '', html_body = '',"
        " last_error = CASE WHEN status = 'waiting' THEN 'the customer was deleted' END,"
        " status = CASE WHEN status = 'waiting' THEN 'skipped' ELSE status END"
        " WHERE purpose = ANY(%(mailed)s) AND subject_id IN (SELECT id FROM checkout_session"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND customer_id = %(id)s)",
        mailed=list(MAILED),
        store_id=scope.store_id,
        livemode=scope.livemode,
        id=customer_id,
    )


def _forget_devices(scope: Scope, customer_id: str) -> None:
    """Where the customer was when paying, and with which browser."""
    execute(
        "DELETE FROM attempt_shopper WHERE attempt_id IN (SELECT attempt.id FROM attempt"
        " JOIN checkout_session AS session ON session.id = attempt.session_id"
        " WHERE session.store_id = %(store_id)s AND session.livemode = %(livemode)s"
        " AND session.customer_id = %(id)s)",
        store_id=scope.store_id,
        livemode=scope.livemode,
        id=customer_id,
    )


def _empty_pretended(scope: Scope, email: str) -> None:
    """What the pretend providers of test mode remember: they were told the address, too."""
    rows = run(
        "SELECT id, data FROM fake_record WHERE rail_account_id IN (SELECT id FROM rail_account"
        " WHERE store_id = %(store_id)s AND NOT livemode) AND strpos(data::text, %(email)s) > 0",
        store_id=scope.store_id,
        email=email,
    )
    for row in rows:
        execute(
            "UPDATE fake_record SET data = %(data)s WHERE id = %(id)s",
            id=row.id,
            data=_without_text(row.data, email),
        )


def _without_person(body: str, customer_id: str) -> str:
    """A JSON text in which the customer is there, and says nothing of anybody."""

    def empty(made: dict[str, Any]) -> dict[str, Any]:
        of_them = made.get("object") == "customer" and made.get("id") == customer_id
        return made | NOBODY if of_them else made

    told = json.loads(body, object_hook=empty)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _without_text(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: _without_text(item, text) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_text(item, text) for item in value]
    return None if value == text else value
