"""`/dashboard/…/settings`: what a store sells in, for how long, its look, where its pages are."""

from __future__ import annotations

from flask import Blueprint, Response, request

from checkout.core.brand import brand_shades
from checkout.core.errors import invalid
from checkout.core.i18n import LOCALES
from checkout.core.typed import show_percent
from checkout.merchants.delete_store import delete_store
from checkout.merchants.logos import MAX_BYTES, logo_of, remove_logo, set_logo
from checkout.merchants.screens import HOME, Desk, screen
from checkout.merchants.settings import known_zones
from checkout.merchants.settings_form import (
    read_changes,
    read_hosts,
    shown_bounds,
    shown_currencies,
)
from checkout.merchants.stores import change_store, find_store

blueprint = Blueprint("settings_dashboard", __name__)
USUAL_COLOR = "#0f6b5c"
"""What stores without a colour of their own have."""


@screen(blueprint, "GET", "/settings", action="stores.read")
def show_settings(desk: Desk) -> Response:
    store = find_store(desk.scope.store_id)
    return desk.render(
        "settings/settings",
        store=store,
        settings=store.settings,
        locales=LOCALES,
        zones=sorted(known_zones()),
        currencies=shown_currencies(store.settings),
        bounds=shown_bounds(store.settings, desk.t.locale),
        fee=show_percent(store.settings.fee_bps, desk.t.locale),
    )


@screen(blueprint, "POST", "/settings", action="stores.write", again=show_settings)
def post_settings(desk: Desk) -> Response:
    current = find_store(desk.scope.store_id).settings
    changes = read_changes(desk.form, current, desk.t.locale)
    change_store(desk.scope.store_id, changes, actor=desk.scope.actor)
    return desk.go(desk.path("/settings"), done="saved")


@screen(blueprint, "GET", "/settings/hosts", action="stores.read")
def show_hosts(desk: Desk) -> Response:
    return desk.render("settings/hosts", settings=find_store(desk.scope.store_id).settings)


@screen(blueprint, "POST", "/settings/hosts", action="stores.write", again=show_hosts, recent=True)
def post_hosts(desk: Desk) -> Response:
    """A host that is let in may show the checkout in its pages and be returned to."""
    change_store(desk.scope.store_id, read_hosts(desk.form), actor=desk.scope.actor)
    return desk.go(desk.path("/settings/hosts"), done="saved")


@screen(blueprint, "GET", "/settings/look", action="stores.read")
def show_look(desk: Desk) -> Response:
    """With `?color=` another colour is tried on without being kept."""
    store = find_store(desk.scope.store_id)
    kept = store.settings.brand_color
    tried = (desk.value("brand_color") or request.args.get("color", "")).strip().lower()
    color = tried if brand_shades(tried) else kept or USUAL_COLOR
    return desk.render(
        "settings/look",
        store=store,
        logo=logo_of(store.id),
        kept=kept,
        color=color,
        shades=brand_shades(color),
    )


@screen(blueprint, "POST", "/settings/look", action="stores.write", again=show_look)
def post_look(desk: Desk) -> Response:
    """A colour; an empty one goes back to the usual."""
    changes = {"brand_color": desk.value("brand_color").lower() or None}
    change_store(desk.scope.store_id, changes, actor=desk.scope.actor)
    return desk.go(desk.path("/settings/look"), done="saved")


@screen(blueprint, "POST", "/settings/logo", action="stores.write", again=show_look)
def post_logo(desk: Desk) -> Response:
    file = request.files.get("image")
    picture = file.read(MAX_BYTES + 1) if file is not None else b""
    set_logo(desk.scope.store_id, picture, actor=desk.scope.actor)
    return desk.go(desk.path("/settings/look"), done="logo_set")


@screen(blueprint, "POST", "/settings/logo/removal", action="stores.write", again=show_look)
def post_logo_removal(desk: Desk) -> Response:
    remove_logo(desk.scope.store_id, actor=desk.scope.actor)
    return desk.go(desk.path("/settings/look"), done="logo_dropped")


@screen(blueprint, "GET", "/settings/deletion", action="stores.delete")
def show_deletion(desk: Desk) -> Response:
    """What ends with the store; its short name is to be typed."""
    return desk.render("settings/deletion", store=find_store(desk.scope.store_id))


@screen(
    blueprint,
    "POST",
    "/settings/deletion",
    action="stores.delete",
    again=show_deletion,
    recent=True,
)
def post_deletion(desk: Desk) -> Response:
    if desk.value("slug") != find_store(desk.scope.store_id).slug:
        raise invalid("wrong_slug", "This is not the store's slug.", "slug")
    delete_store(desk.scope.store_id, actor=desk.scope.actor)
    return desk.go(f"{HOME}/stores", done="store_deleted")
