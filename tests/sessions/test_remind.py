"""The reminder: once, five minutes before the end, never for short sessions."""

from __future__ import annotations

import json

import pytest

from checkout.core.db import unit_of_work
from checkout.core.dispatch import dispatch_events
from checkout.sessions.expire import expire_in_store
from checkout.sessions.remind import remind_due
from tests.factories.books import read
from tests.factories.till import make_till, memo_of

SOON = "checkout.session.expiring_soon"


def reminders(session_id):
    rows = read(
        "SELECT body FROM outbox WHERE type = %(type)s AND subject = %(id)s",
        type=SOON,
        id=session_id,
    )
    return [json.loads(row.body)["data"]["object"] for row in rows]


def test_once_five_minutes_before_the_end(till):
    session = till.make_session(duration_minutes=15)
    till.advance(590)
    assert remind_due() == 0

    till.advance(15)
    assert remind_due() == 1
    assert remind_due() == 0
    (told,) = reminders(session["id"])
    assert (told["status"], told["seq"]) == ("open", 1)
    assert 285 <= told["remaining_seconds"] <= 300


@pytest.mark.parametrize(("minutes", "expected"), [(9, 0), (10, 1), (5, 0), (1, 0)])
def test_short_sessions_are_never_reminded(till, minutes, expected):
    session = till.make_session(duration_minutes=minutes)
    till.advance(minutes * 60 - 30)

    assert remind_due() == expected
    assert len(reminders(session["id"])) == expected


def test_each_store_is_reminded_by_its_own_clock(till, client):
    other = make_till(client)
    session, theirs = till.make_session(), other.make_session()
    other.advance(86_400 * 365)
    ahead = other.make_session()
    assert remind_due() == 0

    other.advance(605)
    assert remind_due() == 1
    assert len(reminders(ahead["id"])) == 1
    assert reminders(session["id"]) == reminders(theirs["id"]) == []


def test_ended_and_overdue_sessions_are_not_reminded(till):
    paid = till.make_attempt()
    till.pay(memo_of(paid), 500_000)
    cancelled = till.make_session()
    till.call("POST", f"/checkout/sessions/{cancelled['id']}/cancel")
    overdue = till.make_session()
    till.advance(901)

    assert remind_due() == 0
    expire_in_store(till.shop.store.id)
    assert remind_due() == 0
    assert reminders(overdue["id"]) == []


def test_a_customer_with_an_address_gets_a_mail_once(till):
    till.make_session(customer={"email": "an@shop.example"}, locale="vi")
    till.make_session(customer={"name": "Nobody"})
    till.advance(605)
    assert remind_due() == 2
    while dispatch_events():
        pass
    with unit_of_work():
        pass

    mails = read("SELECT recipient, locale, purpose FROM mail")
    assert [(mail.recipient, mail.locale) for mail in mails] == [("an@shop.example", "vi")]
