"""The reminder: once, five minutes before the deadline, for sessions of ten minutes or more."""

from __future__ import annotations

import json
from typing import Any

from flask import render_template

from checkout.core.db import one, run, unit_of_work
from checkout.core.i18n import text
from checkout.core.mail import queue_mail
from checkout.core.money import format_money
from checkout.core.outbox import Event, record_events
from checkout.sessions.queries import STORE_NOW, expand

REMIND_SECONDS = 300
SHORTEST_SECONDS = 600
BATCH = 500

_DUE = f"""
SELECT session.*, {STORE_NOW} AS store_now
FROM checkout_session AS session JOIN store ON store.id = session.store_id
WHERE session.status IN ('open', 'processing', 'awaiting_action') AND session.reminds
    AND session.reminded_at IS NULL AND {{due}}
    AND session.expires_at <= {STORE_NOW} + make_interval(secs => %(lead)s)
    AND session.expires_at > {STORE_NOW}
ORDER BY session.expires_at LIMIT %(limit)s FOR UPDATE OF session SKIP LOCKED
"""  # noqa: S608
_DUE_NOW = _DUE.format(
    due="session.expires_at <= statement_timestamp() + make_interval(secs => %(lead)s)"
)
_DUE_IN_STORE = _DUE.format(
    due="session.store_id = %(store_id)s AND NOT session.livemode AND session.expires_at <="
    " statement_timestamp() + make_interval(secs => %(lead)s + %(offset)s)"
)


def remind_due() -> int:
    """Record `checkout.session.expiring_soon` for what is due; returns how many.

    Stores whose test clock is ahead are asked one by one: one clock that is a year ahead must
    not make everybody's open sessions be looked through.
    """
    reminded = _remind_some(_DUE_NOW)
    for store in run(
        "SELECT id, clock_offset_seconds AS seconds FROM store WHERE clock_offset_seconds > 0"
    ):
        reminded += _remind_some(_DUE_IN_STORE, store_id=store.id, offset=store.seconds)
    return reminded


def _remind_some(statement: str, **params: Any) -> int:
    with unit_of_work():
        due = run(statement, lead=REMIND_SECONDS, limit=BATCH, **params)
        if due:
            _remind(due)
    return len(due)


def _remind(due: list[Any]) -> None:
    run(
        "UPDATE checkout_session SET reminded_at = clock_timestamp() WHERE id = ANY(%(ids)s)",
        ids=[session.id for session in due],
    )
    record_events(
        Event(
            type="checkout.session.expiring_soon",
            store_id=session.store_id,
            livemode=session.livemode,
            subject=session.id,
            object=object_,
            at=session.store_now,
        )
        for session, object_ in zip(due, expand(due), strict=True)
    )


def mail_reminder(event: Any) -> None:
    """Write the reminder to the customer, where an address is known (reaction to the event).

    Who is being deleted gets none: the row is waited for, and then has no address any more.
    """
    session = json.loads(event.body)["data"]["object"]
    row = one(
        "SELECT customer.email, store.name, store.settings ->> 'locale' AS store_locale"
        " FROM checkout_session AS session JOIN store ON store.id = session.store_id"
        " JOIN customer ON customer.id = session.customer_id"
        " WHERE session.id = %(id)s AND customer.email IS NOT NULL FOR SHARE OF customer",
        id=session["id"],
    )
    if row is None:
        return
    locale = session["locale"] or row.store_locale or "vi"
    values = {
        "store": row.name,
        "amount": format_money(session["amount_due"], session["currency"], locale),
    }
    queue_mail(
        purpose="session_expiring_soon",
        subject_id=session["id"],
        store_id=event.store_id,
        livemode=event.livemode,
        recipient=row.email,
        subject=text("mail.expiring_soon.subject", locale, **values),
        text_body=text("mail.expiring_soon.text", locale, url=session["url"], **values),
        html_body=render_template(
            "mail/expiring_soon.html", locale=locale, url=session["url"], **values
        ),
        locale=locale,
    )
