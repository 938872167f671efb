"""What the shopper's page can start: an attempt, and in test mode a payment."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from checkout.core import ids
from checkout.core.config import config
from checkout.core.db import one
from checkout.core.errors import Problem, invalid
from checkout.core.limits import limit_calls
from checkout.core.origin import refuse_foreign_form
from checkout.payments.play import play_bank
from checkout.payments.start import start_attempt
from checkout.rails.registry import names
from checkout.sessions.page import load_page
from checkout.sessions.panel import answer_form

blueprint = Blueprint("payments_pay", __name__)

FORMS_PER_MINUTE = 30


@blueprint.post("/pay/<session_id>/attempts")
def choose_rail(session_id: str) -> BaseResponse:
    """Choose a way to pay, switch to another, or try again; a live one is shown again."""
    try:
        _guard(session_id)
        start_attempt(
            session_id,
            request.form.get("rail") or None,
            actor="shopper",
            return_url=f"{config().public_url}/pay/{session_id}",
            reuse_live=True,
        )
    except Problem as problem:
        return _answer_problem(session_id, problem)
    return answer_form(session_id)


@blueprint.post("/pay/<session_id>/test-payments")
def play(session_id: str) -> BaseResponse:
    """Test mode: let the pretend bank pay what this page asks for, in one of many ways."""
    try:
        _guard(session_id)
        page = load_page(session_id)
        kind = request.form.get("kind", "")
        if page.livemode or kind in page.plays:
            play_bank(page, kind)
        else:
            raise invalid("invalid_value", "The pretend bank cannot do that now.", "kind")
    except Problem as problem:
        return _answer_problem(session_id, problem)
    return answer_form(session_id)


@blueprint.get("/return/<rail>/<attempt_id>")
def come_back(rail: str, attempt_id: str) -> BaseResponse:
    """The shopper comes back from a provider's page. That proves nothing; the page shows
    what is known.
    """
    row = None
    if rail in names() and ids.is_id("att", attempt_id):
        row = one(
            "SELECT session_id FROM attempt WHERE id = %(id)s AND rail = %(rail)s",
            id=attempt_id,
            rail=rail,
        )
    if row is None:
        abort(404)
    return redirect(f"/pay/{row.session_id}", 303)


def _guard(session_id: str) -> None:
    refuse_foreign_form()
    limit_calls(f"pay:{session_id[:60]}", FORMS_PER_MINUTE)


def _answer_problem(session_id: str, problem: Problem) -> BaseResponse:
    """A problem of this session stands in its page; others have a page of their own."""
    if problem.status in (403, 404):
        raise problem
    return answer_form(session_id, problem)
