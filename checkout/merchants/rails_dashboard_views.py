"""`/dashboard/…/rails`: the ways to pay, each with its form, its test and its last 24 hours."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from checkout.core.errors import missing
from checkout.core.ids import new_secret
from checkout.merchants.probe import Probe, try_rail
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.rail_form import rail_fields, rail_label, rail_steps, read_rail_form
from checkout.merchants.rail_objects import TIMES, show_rails
from checkout.merchants.screens import Desk, screen
from checkout.rails.base import Rail
from checkout.rails.registry import folders, get_fake, get_rail, names

blueprint = Blueprint("rails_dashboard", __name__)
SECRET_BYTES = 18
ASKED = ("password_needed", "invalid_credentials", "too_many_failures")
"""Refusals after which the same form is sent again, with the password."""


@screen(blueprint, "GET", "/rails", action="rails.read")
def list_rails(desk: Desk) -> Response:
    rails = [_with_moments(shown) for shown in show_rails(desk.scope, names())]
    return desk.render("rails/rails", rails=rails, label_of=partial(rail_label, t=desk.t))


@screen(blueprint, "GET", "/rails/<rail>", action="rails.read")
def show_rail(desk: Desk, rail: str) -> Response:
    return _page(desk, rail)


@screen(blueprint, "POST", "/rails/<rail>", action="rails.write", again=show_rail, recent=True)
def post_rail(desk: Desk, rail: str) -> Response:
    """Changed credentials have a hook address of their own; the one before goes on to work."""
    found = _find(rail)
    before = show_rails(desk.scope, [rail])[0]
    values = read_rail_form(found, desk.form, before["settings"])
    account_id = _configure(desk, rail, values, None)
    moved = before["hook_url"] is not None and account_id != before["id"]
    return desk.go(desk.path(f"/rails/{rail}"), done="rail_moved" if moved else "saved")


def ask_again(desk: Desk, rail: str) -> Response:
    """The page of a button that was refused; one that wants the password asks on its own page."""
    if desk.problem is None or desk.problem.code not in ASKED:
        return _page(desk, rail)
    _find(rail)
    label = rail_label(rail, t=desk.t)
    return desk.render("rails/confirm", path=request.path, rail=rail, label=label)


@screen(
    blueprint, "POST", "/rails/<rail>/switch", action="rails.write", again=ask_again, recent=True
)
def post_rail_switch(desk: Desk, rail: str) -> Response:
    _find(rail)
    on = desk.value("on") == "1"
    _configure(desk, rail, {}, on)
    page = "/rails" if desk.value("list") else f"/rails/{rail}"
    return desk.go(desk.path(page), done="rail_on" if on else "rail_off")


@screen(
    blueprint, "POST", "/rails/<rail>/pretend", action="rails.write", again=ask_again, recent=True
)
def post_rail_pretend(desk: Desk, rail: str) -> Response:
    """Made-up credentials, with which the pretend provider of the test mode is content."""
    _find(rail)
    if desk.scope.livemode or rail not in folders():
        raise missing(what="pretend provider")
    values = get_fake(rail).demo_settings(lambda: new_secret(SECRET_BYTES))
    _configure(desk, rail, values, True)
    return desk.go(desk.path(f"/rails/{rail}"), done="rail_pretends")


@screen(
    blueprint, "POST", "/rails/<rail>/test", action="rails.write", again=show_rail, outside=True
)
def post_rail_test(desk: Desk, rail: str) -> Response:
    """One harmless call; what came back is on the page that answers."""
    _find(rail)
    return _page(desk, rail, try_rail(desk.scope, rail))


def _page(desk: Desk, rail: str, probe: Probe | None = None) -> Response:
    found = _find(rail)
    shown = show_rails(desk.scope, [rail])[0]
    return desk.render(
        "rails/rail",
        rail=_with_moments(shown),
        label=rail_label(rail, t=desk.t),
        fields=rail_fields(found, shown, desk.t),
        steps=rail_steps(rail, desk.t, prefix=desk.store.settings.code_prefix),
        hooks=found.hooks and rail in folders(),
        outside=rail in folders(),
        probe=probe,
    )


def _configure(desk: Desk, rail: str, values: dict[str, Any], enabled: bool | None) -> str:
    scope = desk.scope
    return configure_rail(
        scope.store_id, scope.livemode, rail, values, enabled=enabled, actor=scope.actor
    )


def _with_moments(shown: dict[str, Any]) -> dict[str, Any]:
    """A rail as the API shows it, its times as such."""
    if shown["health"] is None:
        return shown
    times = {
        name: datetime.fromisoformat(shown["health"][name])
        for name in TIMES
        if shown["health"][name] is not None
    }
    return {**shown, "health": {**shown["health"], **times}}


def _find(rail: str) -> Rail:
    if rail not in names():
        raise missing(what="rail")
    return get_rail(rail)
