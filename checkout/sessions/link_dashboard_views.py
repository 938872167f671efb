"""`/dashboard/…/sessions/new`: a link to pay one sum, made by hand."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response
from pydantic import Field

from checkout.core.body import Body
from checkout.core.fields import Currency, Email
from checkout.customers.given import CustomerGiven
from checkout.merchants.screens import Desk, screen
from checkout.sessions.create_at_desk import create_at_desk
from checkout.sessions.schemas import CreateSession, Text200, Text500

blueprint = Blueprint("links_dashboard", __name__)

CURRENCIES = ("VND", "KHR", "USD")
"""To choose from where the store has not said what it takes."""
SPANS = (60, 1440, 4320, 10_080, 43_200)
"""Minutes that a link can be paid; whoever gets it by mail needs more than one at a counter."""
USUAL_SPAN = 1440


class NewLink(Body):
    """The form; its amount is typed in the currency's own unit."""

    currency: Currency
    reference: Text200 | None = None
    description: Text500 | None = None
    email: Email | None = None
    duration_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None


@screen(blueprint, "GET", "/sessions/new", action="sessions.write")
def show_new_session(desk: Desk) -> Response:
    settings = desk.scope.settings
    return desk.render(
        "sessions/new",
        currencies=settings.currencies or CURRENCIES,
        spans=SPANS,
        usual_span=USUAL_SPAN,
        store_minutes=settings.duration_minutes,
    )


@screen(blueprint, "POST", "/sessions", action="sessions.write", again=show_new_session)
def post_session(desk: Desk) -> Response:
    """The session's page comes back, with the link on it."""
    given = desk.read(NewLink)
    wanted = CreateSession(
        amount=desk.amount(given.currency),
        currency=given.currency,
        reference=given.reference,
        description=given.description,
        customer=CustomerGiven(email=given.email) if given.email else None,
        duration_minutes=given.duration_minutes,
    )
    session = create_at_desk(desk, wanted.model_dump())
    return desk.go(desk.path(f"/sessions/{session['id']}"), done="link_created")
