"""The pretend Stripe's hosted page: pay, an extra step at the bank, a declined card, leave."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from checkout.rails.base import (
    Account,
    Answer,
    FakeChoice,
    FakePage,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.stripe.amounts import from_stripe
from checkout.rails.stripe.fake_events import make_call
from checkout.rails.stripe.fake_sessions import complete_session, hold_intent, load_session
from checkout.rails.stripe.notices import COMPLETED

PAGES = "/pay/"
_PAY, _STEP, _DECLINE, _CANCEL = (
    FakeChoice("pay", primary=True),
    FakeChoice("pay_action"),
    FakeChoice("decline"),
    FakeChoice("cancel"),
)


def serve_page(
    request: FakeRequest, account: Account, shelf: Shelf, *, now: datetime, sent_at: datetime
) -> FakeReply:
    """Show the page or take its choice. Raises ApiError for a session that never was."""
    session = load_session(request.path.removeprefix(PAGES), shelf, now)
    if session["status"] == "complete":
        # A second press of the button finds the work done.
        return FakeReply(_go(_success_url(session)))
    posted = parse_qs(request.body.decode("ascii", "replace")) if request.method == "POST" else {}
    choice = posted.get("choice", [""])[0]
    if choice == "cancel":
        return FakeReply(_go(session["cancel_url"]))
    if session["status"] != "open" or choice not in ("pay", "pay_action", "decline"):
        return FakeReply(_draw(session, in_step=request.query.get("step") == "bank"))
    kind, about = _carry_out(choice, session, shelf, now)
    call = make_call(kind, about, account, shelf, now=now, sent_at=sent_at)
    if choice == "pay":
        return FakeReply(_go(_success_url(session)), (call,))
    return FakeReply(_draw(session, in_step=choice == "pay_action"), (call,))


def _carry_out(
    choice: str, session: dict[str, Any], shelf: Shelf, now: datetime
) -> tuple[str, dict[str, Any]]:
    """The event that tells of the choice, and what it is about."""
    if choice == "pay":
        return COMPLETED, complete_session(session, shelf, now)
    declined = choice == "decline"
    kind = "payment_intent.payment_failed" if declined else "payment_intent.requires_action"
    return kind, hold_intent(session, shelf, now, declined=declined)


def _draw(session: dict[str, Any], *, in_step: bool) -> FakePage:
    choices = (_PAY, _DECLINE, _CANCEL) if in_step else (_PAY, _STEP, _DECLINE, _CANCEL)
    return FakePage(
        brand="Stripe · 3-D Secure" if in_step else "Stripe",
        amount=from_stripe(session["amount_total"], session["currency"].upper()),
        currency=session["currency"].upper(),
        reference=session["client_reference_id"] or session["id"],
        action=f"{PAGES}{session['id']}{'?step=bank' if in_step else ''}",
        choices=choices if session["status"] == "open" else (_CANCEL,),
    )


def _success_url(session: dict[str, Any]) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _go(url: str) -> Answer:
    return Answer(status=303, body=b"", headers={"Location": url})
