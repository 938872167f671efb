"""`/dashboard`: where a merchant comes in; and `/dashboard/stores`: which store, and a new one."""

from __future__ import annotations

from flask import Blueprint, Response

from checkout.core.i18n import LOCALES
from checkout.merchants.rail_accounts import enabled_rails
from checkout.merchants.screens import HOME, Desk, screen
from checkout.merchants.store_objects import CreateStore
from checkout.merchants.stores import create_store, stores_of, suggest_slug

blueprint = Blueprint("stores_dashboard", __name__)

CURRENCIES = ("VND", "KHR", "USD")
TIME_ZONES = (
    "Asia/Ho_Chi_Minh",
    "Asia/Phnom_Penh",
    "Asia/Vientiane",
    "Asia/Bangkok",
    "Asia/Singapore",
    "UTC",
)
ZONE_OF_LOCALE = {"km": "Asia/Phnom_Penh"}
"""What is offered first; elsewhere the setting's own default."""
DRAWN = {"name", "slug", "currencies", "time_zone", "locale"}
"""What the form asks; a switch that it has no box for is not off."""


@screen(blueprint, "GET", "", who="user")
def show_home(desk: Desk) -> Response:
    """Straight into the only store; else the choice, or the first store to make."""
    stores = stores_of(desk.user.user_id)
    if not stores:
        return desk.go(f"{HOME}/stores/new")
    if len(stores) > 1:
        return desk.go(f"{HOME}/stores")
    # Who takes real money comes back for that.
    mode = "live" if enabled_rails(stores[0].id, livemode=True) else "test"
    return desk.go(f"{HOME}/{stores[0].id}/{mode}")


@screen(blueprint, "GET", "/stores", who="user")
def show_stores(desk: Desk) -> Response:
    return desk.render("stores/stores", stores=stores_of(desk.user.user_id))


@screen(blueprint, "GET", "/stores/new", who="user")
def show_new_store(desk: Desk) -> Response:
    zone = ZONE_OF_LOCALE.get(desk.t.locale, TIME_ZONES[0])
    return desk.render(
        "stores/new", currencies=CURRENCIES, zones=TIME_ZONES, zone=zone, locales=LOCALES
    )


@screen(blueprint, "POST", "/stores", who="user", again=show_new_store)
def post_store(desk: Desk) -> Response:
    """The merchant becomes its owner."""
    if desk.value("name") and not desk.value("slug"):
        desk.form = {**desk.form, "slug": [suggest_slug(desk.value("name"))]}
    given = desk.read(CreateStore).model_dump(include=DRAWN, exclude_unset=True)
    user_id = desk.user.user_id
    store = create_store(
        given.pop("name"), given.pop("slug"), given, actor=f"user:{user_id}", owner_id=user_id
    )
    return desk.go(f"{HOME}/{store.id}/test", done="store_created")
