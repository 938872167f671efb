"""The merchant's pages of sessions, drawn for whichever form leads back to them."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request

from checkout.core import ids
from checkout.core.config import config
from checkout.core.db import one
from checkout.core.errors import missing
from checkout.merchants.screens import Desk
from checkout.sessions.left import tell_left
from checkout.sessions.objects import amount_due
from checkout.sessions.queries import STORE_NOW
from checkout.sessions.states import LIVE
from checkout.sessions.story import rail_label, tell_story
from checkout.sessions.story_rows import Records, read_records
from checkout.sessions.why import tell_failure


def draw_session(desk: Desk, session_id: str) -> Response:
    """A session's facts, what can be done with it, and its story. Raises 404."""
    session = load_session(desk, session_id)
    records = read_story(desk, session)
    return desk.render(
        "sessions/session",
        session=session,
        link=f"{config().public_url}/pay/{session.id}",
        live=session.status in LIVE and session.expires_at > session.store_now,
        left=tell_left(session, session.store_now, desk.t),
        due=amount_due(session),
        records=records,
        attempt=records.attempts[-1] if records.attempts else None,
        customer=load_customer_of(session),
        story=tell_story(records, desk.t),
        rail_label=lambda name: rail_label(name, desk.t),
        why=lambda failure: tell_failure(failure, desk.t),
    )


def load_session(desk: Desk, session_id: str) -> Any:
    """A session's row of this store and mode, with the store's time as `store_now`."""
    row = ids.is_id("cs", session_id) and one(
        f"SELECT session.*, {STORE_NOW} AS store_now FROM checkout_session AS session"  # noqa: S608
        " JOIN store ON store.id = session.store_id WHERE session.id = %(id)s"
        " AND session.store_id = %(store_id)s AND session.livemode = %(livemode)s",
        id=session_id,
        store_id=desk.scope.store_id,
        livemode=desk.scope.livemode,
    )
    if not row:
        raise missing(what="checkout session")
    return row


def read_story(desk: Desk, session: Any) -> Records:
    """All that is on record, as far as the member may look.

    Where a shopper was is for who deals with shoppers, and not for who only looks.
    """
    return read_records(
        desk.scope,
        session,
        with_audit=desk.may("audit.read"),
        with_shoppers=desk.may("sessions.write"),
    )


def leap(desk: Desk, path: str) -> Response:
    """Straight to what was looked for; a list that was asked for by script goes as a whole."""
    if request.headers.get("HX-Request"):
        response = make_response("", 200)
        response.headers["HX-Redirect"] = desk.path(path)
        return response
    return desk.go(desk.path(path))


def load_customer_of(row: Any) -> Any | None:
    """Who a session or a payment is of; None for nobody known."""
    return load_person(row.customer_id, row.store_id, row.livemode)


def load_person(customer_id: str | None, store_id: str, livemode: bool) -> Any | None:
    """What a page says of a customer of this store and mode; None for nobody known."""
    if customer_id is None:
        return None
    return one(
        "SELECT id, name, email, phone, reference FROM customer WHERE id = %(id)s"
        " AND store_id = %(store_id)s AND livemode = %(livemode)s",
        id=customer_id,
        store_id=store_id,
        livemode=livemode,
    )
