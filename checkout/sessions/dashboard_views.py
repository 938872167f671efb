"""`/dashboard/…/sessions`: what was asked for, found again, and the story of each."""

from __future__ import annotations

from flask import Blueprint, Response, request

from checkout.core.clock import now
from checkout.merchants.downloads import download
from checkout.merchants.screens import Desk, screen
from checkout.sessions.desk_page import draw_session, leap, load_person
from checkout.sessions.end import cancel_session
from checkout.sessions.export import COLUMNS, session_rows
from checkout.sessions.find import (
    PAYMENT_STATUSES,
    SessionFilters,
    find_record,
    find_sessions,
    sessions_sql,
)
from checkout.sessions.left import tell_left
from checkout.sessions.states import STATUSES

blueprint = Blueprint("sessions_dashboard", __name__)


@screen(blueprint, "GET", "/sessions", action="sessions.read")
def show_sessions(desk: Desk) -> Response:
    """The list; a full id or a payment code leads straight to its record."""
    filters = desk.filters(SessionFilters)
    path = find_record(desk.scope, filters.q) if filters.q else None
    if path is not None:
        return leap(desk, path)
    scope = desk.scope
    store_now = now(scope.store_id, scope.livemode)
    return desk.render(
        "sessions/sessions",
        found=find_sessions(scope, filters),
        customer=load_person(filters.customer, scope.store_id, scope.livemode),
        left_of=lambda session: tell_left(session, store_now, desk.t),
        filters=filters,
        asked=request.args.to_dict(),
        statuses=STATUSES,
        payment_statuses=PAYMENT_STATUSES,
    )


@screen(blueprint, "GET", "/sessions/export", action="sessions.read")
def export_sessions(desk: Desk) -> Response:
    """Exactly what the list shows with the same filters."""
    where, params = sessions_sql(desk.scope, desk.filters(SessionFilters))
    return download(desk, "sessions", COLUMNS, session_rows(where, params))


@screen(blueprint, "GET", "/sessions/<session_id>", action="sessions.read")
def show_session(desk: Desk, session_id: str) -> Response:
    return draw_session(desk, session_id)


@screen(
    blueprint,
    "POST",
    "/sessions/<session_id>/cancellation",
    action="sessions.write",
    again=show_session,
)
def post_cancellation(desk: Desk, session_id: str) -> Response:
    scope = desk.scope
    cancel_session(session_id, store_id=scope.store_id, livemode=scope.livemode, actor=scope.actor)
    return desk.go(desk.path(f"/sessions/{session_id}"), done="session_cancelled")
