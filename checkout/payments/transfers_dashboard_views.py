"""`/dashboard/…/transfers`: money that needs a person, and how it finds its home."""

from __future__ import annotations

import re
from typing import get_args

from flask import Blueprint, Response, request

from checkout.core import clock
from checkout.core.body import Query
from checkout.core.errors import Problem, conflict, invalid
from checkout.core.forms import read_filters
from checkout.customers.queries import find_customer
from checkout.merchants.downloads import download
from checkout.merchants.screens import Desk, screen
from checkout.merchants.trail import name_people
from checkout.payments.decide import Disposition
from checkout.payments.export import TRANSFER_COLUMNS, transfer_rows
from checkout.payments.preview import Action, preview_resolution
from checkout.payments.queries import load_row
from checkout.payments.raw import read_raw
from checkout.payments.resolve import resolve_transfer
from checkout.payments.schemas import Resolve
from checkout.payments.situation import (
    find_session,
    is_open,
    list_choices,
    load_sessions,
    name_situation,
)
from checkout.payments.suggest import suggest_sessions
from checkout.payments.transfer_list import (
    COUNTED,
    STATES,
    TransferFilters,
    count_waiting,
    list_transfers,
    transfers_sql,
)
from checkout.rails.registry import names
from checkout.sessions.schemas import Text200
from checkout.sessions.ways import label_of

blueprint = Blueprint("transfers_dashboard", __name__)


class Asked(Query):
    """What the page that tells beforehand is asked about."""

    action: Action | None = None
    session: Text200 | None = None
    customer: Text200 | None = None


HELD = re.compile(r"[0-9]{1,15}")
TOLD_ON_ITS_PAGE = ("transfer_already_resolved", "transfer_changed")
"""Somebody was quicker: what became of the money stands on the transfer's own page."""


@screen(blueprint, "GET", "/transfers", action="transfers.read")
def show_transfers(desk: Desk) -> Response:
    """What needs a person comes first."""
    query = desk.filters(TransferFilters)
    page = list_transfers(desk.scope, query, desk.t.locale)
    sessions = load_sessions((row.session_id for row in page["data"]), desk.scope)
    counts = count_waiting(desk.scope)
    return desk.render(
        "transfers/transfers",
        query=query,
        asked=request.args.to_dict(),
        page=page,
        entries=[(row, name_situation(row, sessions.get(row.session_id))) for row in page["data"]],
        sessions=sessions,
        counts=counts,
        total=sum(counts.values()),
        counted=COUNTED,
        states=STATES,
        dispositions=get_args(Disposition),
        rails=names(),
        label_of=label_of,
    )


@screen(blueprint, "GET", "/transfers/export", action="transfers.read")
def export_transfers(desk: Desk) -> Response:
    """Exactly what the inbox shows with the same filters."""
    where, params = transfers_sql(desk.scope, desk.filters(TransferFilters), desk.t.locale)
    return download(desk, "transfers", TRANSFER_COLUMNS, transfer_rows(where, params))


@screen(blueprint, "GET", "/transfers/<transfer_id>", action="transfers.read")
def show_transfer(desk: Desk, transfer_id: str) -> Response:
    """What happened, what the next step is, and what it may belong to."""
    transfer = load_row("transfer", transfer_id, desk.scope)
    session = load_sessions([transfer.session_id], desk.scope).get(transfer.session_id)
    return desk.render(
        "transfers/transfer",
        transfer=transfer,
        session=session,
        situation=name_situation(transfer, session),
        choices=list_choices(transfer, session),
        suggestions=suggest_sessions(transfer, desk.scope) if is_open(transfer) else (),
        raw=read_raw(transfer.inbox_id, desk.scope),
        people=name_people([transfer.resolution["by"]] if transfer.resolution else []),
        label_of=label_of,
    )


@screen(blueprint, "GET", "/transfers/<transfer_id>/resolution", action="transfers.write")
def show_resolution(desk: Desk, transfer_id: str) -> Response:
    """What will happen, in amounts, before it does."""
    transfer = load_row("transfer", transfer_id, desk.scope)
    if desk.problem is not None and desk.problem.code in TOLD_ON_ITS_PAGE:
        return show_transfer(desk, transfer_id)  # type: ignore[no-any-return]  # the same function
    asked = _asked(desk)
    if asked.action is None or not is_open(transfer):
        return desk.go(desk.path(f"/transfers/{transfer_id}"))
    try:
        preview = preview_resolution(
            transfer,
            asked.action,
            desk.scope,
            session_id=_session_id(desk, asked.action, asked.session),
            customer_id=_customer_id(desk, asked.action, asked.customer),
        )
    except Problem as problem:
        desk.problem = desk.problem or _at_field(problem)
        return show_transfer(desk, transfer_id)  # type: ignore[no-any-return]  # the same function
    return desk.render("transfers/resolution", transfer=transfer, preview=preview)


@screen(
    blueprint,
    "POST",
    "/transfers/<transfer_id>/resolution",
    action="transfers.write",
    again=show_resolution,
)
def post_resolution(desk: Desk, transfer_id: str) -> Response:
    """Done once, however often it is sent; who comes second is told what has been done."""
    load_row("transfer", transfer_id, desk.scope)
    given = desk.read(Resolve)
    try:
        resolve_transfer(
            transfer_id,
            action=given.action,
            note=given.note,
            session_id=_session_id(desk, given.action, given.session),
            customer_id=_customer_id(desk, given.action, given.customer),
            seen_held=_read_held(desk.value("held")),
            store_id=desk.scope.store_id,
            livemode=desk.scope.livemode,
            actor=desk.scope.actor,
            now=clock.now(desk.scope.store_id, desk.scope.livemode),
        )
    except Problem as problem:
        raise _at_field(problem) from None
    return desk.go(desk.path(f"/transfers/{transfer_id}"), done="transfer_resolved")


def _asked(desk: Desk) -> Asked:
    """What is to be done, from the form that was refused or from the address."""
    sent = {name: desk.value(name) for name in desk.form}
    found, problem = read_filters(Asked, sent or request.args.to_dict())
    desk.problem = desk.problem or problem
    return found


def _read_held(text: str) -> int | None:
    """What the page has shown as held; None where it said nothing of it.

    Raises 409 `transfer_changed` for what cannot have been shown.
    """
    if not text:
        return None
    if not HELD.fullmatch(text):
        raise conflict("transfer_changed", "Another amount is held by now.")
    return int(text)


def _session_id(desk: Desk, action: str, word: str | None) -> str | None:
    """The session that a person has named; raises 422 where there is none."""
    if action != "assign":
        return None
    found = find_session(word, desk.scope) if word else None
    if found is None:
        raise invalid("session_not_found", "There is no such session.", "session")
    return found


def _customer_id(desk: Desk, action: str, word: str | None) -> str | None:
    if action != "credit_wallet":
        return None
    found = find_customer(desk.scope.store_id, desk.scope.livemode, word) if word else None
    if found is None:
        raise invalid("customer_not_found", "There is no such customer.", "customer")
    return str(found.id)


def _at_field(problem: Problem) -> Problem:
    """What is not there is told at its field, as other mistakes are."""
    if problem.status == 404 and problem.param in ("session", "customer"):
        return invalid(f"{problem.param}_not_found", problem.message, problem.param)
    return problem
