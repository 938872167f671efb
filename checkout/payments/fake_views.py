"""The pretend providers' own endpoints and pages, where test mode's rails are pointed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request

from checkout.core import clock, ids
from checkout.core.db import unit_of_work
from checkout.core.errors import missing
from checkout.core.i18n import Translator, request_locale
from checkout.merchants.rail_accounts import load_account
from checkout.payments.broken import answer_badly
from checkout.payments.faults import EXECUTED, take_fault
from checkout.payments.shelf import DatabaseShelf
from checkout.payments.simulate import deliver_now, queue_calls
from checkout.rails.base import Account, Answer, FakePage, FakeReply, FakeRequest
from checkout.rails.registry import folders, get_fake

blueprint = Blueprint("pretend_providers", __name__)
NOT_DONE = FakeReply(Answer(status=502, body=b""))
"""Where the fake is not even asked."""


@blueprint.route("/fake/<rail_name>/<rail_account>/<path:path>", methods=["GET", "POST", "DELETE"])
def serve_fake(rail_name: str, rail_account: str, path: str) -> Response:
    """Answer as the provider would, or as badly as was planned; only for test accounts.

    The notices that it then sends have been sent when this returns: a provider tells us
    before it lets the shopper's browser go.
    """
    if rail_name not in folders() or not ids.is_id("ra", rail_account):
        raise missing(what="rail account")
    called = _read_request(path)
    with unit_of_work():
        account_row, account = load_account(rail_account)
        if account_row.livemode or account_row.rail != rail_name:
            raise missing(what="rail account")
        fault = take_fault(rail_account)
        done = fault is None or fault in EXECUTED
        reply = _ask_fake(called, account_row, account) if done else NOT_DONE
        queued = queue_calls(account_row, reply.calls)
    for delivery_id in queued:
        deliver_now(delivery_id)
    response = _respond(reply.answer, f"/fake/{rail_name}/{rail_account}")
    return answer_badly(fault, response) if fault is not None else response


def _read_request(path: str) -> FakeRequest:
    return FakeRequest(
        method=request.method,
        path=f"/{path}",
        query=request.args.to_dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(cache=False),
    )


def _ask_fake(called: FakeRequest, account_row: Any, account: Account) -> FakeReply:
    return get_fake(account_row.rail).serve(
        called,
        account,
        DatabaseShelf(account.id),
        now=clock.now(account_row.store_id, livemode=False),
        sent_at=clock.utc_now(),
    )


def _respond(answer: Answer | FakePage, root: str) -> Response:
    if isinstance(answer, FakePage):
        return _draw_page(answer, root)
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers.update(answer.headers)
    return response


def _draw_page(page: FakePage, root: str) -> Response:
    locale = request_locale(None, None)
    t = Translator(locale)
    html = render_template("fake/page.html", page=page, action=root + page.action, t=t)
    return Response(html)
