"""What the shopper's page can start: an attempt, a question to its provider, a pretended payment;
and where providers' pages send the shopper back to.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from checkout.core import ids
from checkout.core.db import one, unit_of_work
from checkout.core.errors import Problem, invalid
from checkout.core.limits import limit_calls
from checkout.core.origin import origin_of
from checkout.merchants.rail_accounts import load_account
from checkout.payments.play import play_bank
from checkout.payments.shoppers import read_shopper
from checkout.payments.start import LIVE, start_attempt
from checkout.payments.watch import ask_soon
from checkout.rails.registry import get_rail, names
from checkout.sessions.guard import guard_form
from checkout.sessions.page import load_page
from checkout.sessions.panel import answer_away, answer_form
from checkout.sessions.prompt_view import web_url
from checkout.sessions.viewer import Viewer, page_address, read_viewer, remember_way

blueprint = Blueprint("payments_pay", __name__)

QUESTIONS_PER_MINUTE = 10
"""How often one attempt's provider is asked because somebody came back or wants to know."""


@blueprint.post("/pay/<session_id>/attempts")
def choose_rail(session_id: str) -> BaseResponse:
    """Choose a way to pay, switch to another, or try again; leads to a provider's page.

    A live attempt of the same rail is shown again, unless the form asks for a `fresh` one.
    """
    try:
        guard_form(session_id)
        attempt = start_attempt(
            session_id,
            request.form.get("rail") or None,
            actor="shopper",
            reuse_live="fresh" not in request.form,
            shopper=read_shopper(),
        )
    except Problem as problem:
        return _answer_problem(session_id, problem)
    url = provider_page(attempt)
    response = answer_form(session_id) if url is None else answer_away(url)
    remember_way(response, attempt.rail)
    return response


@blueprint.post("/pay/<session_id>/checks")
def check_again(session_id: str) -> BaseResponse:
    """The shopper says that they have paid: the provider is asked soon, the page says so."""
    try:
        guard_form(session_id)
        page = load_page(session_id)
        if page.attempt_id is None:
            return answer_form(session_id)
        ask_within_limit(page.attempt_id)
    except Problem as problem:
        return _answer_problem(session_id, problem)
    seen = read_viewer()
    viewer = Viewer(seen.phone, seen.way, "unknown", page.attempt_id)
    return answer_form(session_id, viewer=viewer)


@blueprint.post("/pay/<session_id>/test-payments")
def play(session_id: str) -> BaseResponse:
    """Test mode: let the pretend bank pay what this page asks for, in one of many ways."""
    try:
        guard_form(session_id)
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
    """The shopper comes back from a provider's page, which proves nothing.

    What the address says is only shown. Nothing is judged and nothing moves: the provider's
    turn to be asked comes earlier, that is all.
    """
    attempt = _find_attempt(rail, attempt_id)
    if attempt is None:
        abort(404)
    ask_within_limit(attempt.id)
    own_url = web_url(attempt.return_url)
    if own_url is not None:
        return redirect(iri_to_uri(own_url), 303)
    _, account = load_account(attempt.rail_account_id)
    back = get_rail(rail).read_return(request.args.to_dict(), account)
    return redirect(page_address(attempt.session_id, back=back, attempt=attempt.id), 303)


def provider_page(attempt: Any) -> str | None:
    """Where a live attempt's shopper is led at once; None where its prompt is on our own page.

    Only to origins that the page's policy lets forms lead to: it was sent before the provider
    gave its address. To any other the page shows a link.
    """
    url = web_url((attempt.prompt or {}).get("redirect_url"))
    if url is None or attempt.status not in LIVE:
        return None
    _, account = load_account(attempt.rail_account_id)
    return url if origin_of(url) in get_rail(attempt.rail).page_origins(account) else None


def ask_within_limit(attempt_id: str) -> None:
    """Let the provider be asked about an attempt soon, unless that was wished too often."""
    try:
        limit_calls(f"ask:{attempt_id}", QUESTIONS_PER_MINUTE)
    except Problem:
        # It is asked in its turn all the same; the shopper's way goes on.
        return
    with unit_of_work():
        ask_soon(attempt_id)


def _find_attempt(rail: str, attempt_id: str) -> Any | None:
    if rail not in names() or not ids.is_id("att", attempt_id):
        return None
    return one(
        "SELECT id, session_id, rail_account_id, return_url FROM attempt"
        " WHERE id = %(id)s AND rail = %(rail)s",
        id=attempt_id,
        rail=rail,
    )


def _answer_problem(session_id: str, problem: Problem) -> BaseResponse:
    """A problem of this session stands in its page; others have a page of their own."""
    if problem.status in (403, 404):
        raise problem
    return answer_form(session_id, problem)
