"""The shopper's page: its document, its panel, its socket, its QR images, its receipt."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
)
from simple_websocket import Server
from werkzeug.wrappers import Response as BaseResponse

from checkout.core import ids
from checkout.core.assets import compress_page
from checkout.core.db import db, one, unit_of_work
from checkout.core.errors import Problem
from checkout.core.hub import Hub, open_hub
from checkout.core.i18n import LOCAL_TIME, remember_choice, request_locale, text
from checkout.core.money import format_money
from checkout.core.origin import refuse_foreign_socket
from checkout.core.presence import saw
from checkout.core.qr import qr_png, qr_svg
from checkout.core.sockets import prepare_handshake, sock
from checkout.core.web import client_key
from checkout.sessions.end import abandon_session
from checkout.sessions.guard import guard_form, store_of_session
from checkout.sessions.page import load_page
from checkout.sessions.panel import (
    answer_away,
    answer_form,
    answer_page,
    answer_panel,
    draw_push,
    page_locale,
    page_url,
    template_values,
)
from checkout.sessions.viewer import read_viewer

blueprint = Blueprint("pay", __name__, url_prefix="/pay/<session_id>")

MAX_SEEN = 40


@blueprint.get("")
def show_page(session_id: str) -> Response:
    """The whole page; looking at it changes nothing, and is remembered for half a minute."""
    page = load_page(session_id, read_viewer())
    saw(session_id)
    return answer_page(page)


@blueprint.get("/panel")
def show_panel(session_id: str) -> Response:
    """The panel's present state, or 204 where the browser shows it already."""
    page = load_page(session_id, read_viewer())
    saw(session_id)
    if request.args.get("seen") == page.version:
        return Response(status=204)
    return answer_panel(page)


@blueprint.get("/qr.svg")
def show_qr_svg(session_id: str) -> Response:
    """The QR code of an attempt, by default the newest, as an image of its own."""
    row = _load_qr(session_id)
    return Response(qr_svg(row.payload, row.memo), mimetype="image/svg+xml")


@blueprint.get("/qr.png")
def show_qr_png(session_id: str) -> Response:
    """The QR code to keep on the phone and pick in a bank app, with what it is for."""
    row = _load_qr(session_id)
    locale = page_locale(load_page(session_id))
    expires = row.expires_at.astimezone(LOCAL_TIME).strftime("%H:%M %d/%m/%Y")
    # The image's own letters are plain ones: the currency's code stands for its sign.
    amount = re.sub(r"[^\d.,]", "", format_money(row.amount, row.currency, locale))
    caption = [
        f"{amount} {row.currency}",
        f"{row.memo}",
        text("qr.png_expires", locale, time=expires),
    ]
    response = Response(qr_png(row.payload, caption), mimetype="image/png")
    response.headers["Content-Disposition"] = f'inline; filename="{row.memo.replace(" ", "-")}.png"'
    return response


@blueprint.get("/receipt")
def show_receipt(session_id: str) -> BaseResponse:
    """The receipt of a paid session; before that, the page."""
    page = load_page(session_id)
    if page.payment is None:
        return redirect(page_url(page), 303)
    values = template_values(page, page_locale(page), None)
    response = Response(render_template("pay/receipt.html", home=page_url(page), **values))
    return compress_page(remember_choice(response))


@blueprint.post("/abandonment")
def leave(session_id: str) -> BaseResponse:
    """The shopper gives up by the page's own button, and goes back to the shop."""
    guard_form(session_id)
    try:
        with unit_of_work():
            abandon_session(session_id)
    except Problem as problem:
        if problem.status == 404:
            raise
        return answer_form(session_id, problem)
    url = load_page(session_id).cancel_url
    if url is None:
        return answer_form(session_id)
    return answer_away(url)


@blueprint.before_request
def guard_socket() -> None:
    """What must be refused while a refusal can still be said over HTTP."""
    if request.endpoint != "pay.follow":
        return
    session_id = (request.view_args or {}).get("session_id", "")
    refuse_foreign_socket(partial(store_of_session, session_id))
    locale = _socket_locale(session_id)
    g.page_variant = read_viewer().variant(locale)
    prepare_handshake()


@sock.route("/live", bp=blueprint, endpoint="follow")  # type: ignore[untyped-decorator]
def follow(socket: Server, session_id: str) -> None:
    """Push the panel now (unless the browser shows it already) and with every change."""
    _hub().serve(
        socket,
        topic=session_id,
        variant=g.page_variant,
        address=client_key(),
        seen=request.args.get("seen", "")[:MAX_SEEN],
    )


def _hub() -> Hub:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the application behind the proxy, to be kept
    return open_hub(app, draw_push)


def _socket_locale(session_id: str) -> str:
    """The language that a session's page speaks here; 404 for a session that is not there."""
    row = None
    if ids.is_id("cs", session_id):
        row = one(
            "SELECT session.locale, store.settings ->> 'locale' AS store_locale"
            " FROM checkout_session AS session JOIN store ON store.id = session.store_id"
            " WHERE session.id = %(id)s",
            id=session_id,
        )
        # The request lasts as long as the socket; its connection must not.
        db.session.remove()
    if row is None:
        abort(404)
    return request_locale(row.locale, row.store_locale)


def _load_qr(session_id: str) -> Any:
    row, attempt_id = None, request.args.get("attempt")
    if ids.is_id("cs", session_id) and (attempt_id is None or ids.is_id("att", attempt_id)):
        row = one(
            "SELECT attempt.prompt ->> 'qr_payload' AS payload,"
            " coalesce(attempt.prompt -> 'transfer_details' ->> 'memo',"
            " replace(attempt.code, '-', '')) AS memo, attempt.currency,"
            " least(attempt.expires_at, (attempt.prompt ->> 'expires_at')::timestamptz)"
            " AS expires_at,"
            " greatest(session.amount - session.amount_received, 0) AS amount"
            " FROM attempt JOIN checkout_session AS session ON session.id = attempt.session_id"
            " WHERE attempt.session_id = %(session_id)s"
            " AND attempt.prompt ->> 'qr_payload' IS NOT NULL"
            " AND (%(attempt_id)s::text IS NULL OR attempt.id = %(attempt_id)s)"
            " ORDER BY attempt.number DESC LIMIT 1",
            session_id=session_id,
            attempt_id=attempt_id,
        )
    if row is None:
        abort(404)
    return row
