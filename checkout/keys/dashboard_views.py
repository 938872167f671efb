"""`/dashboard/<store>/<mode>/keys`: make keys, look at them, end them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from checkout.core.errors import invalid
from checkout.core.forms import read_form
from checkout.keys.create import create_key
from checkout.keys.queries import list_keys, load_key
from checkout.keys.revoke import revoke_key
from checkout.keys.schemas import CreateKey, KeyList
from checkout.merchants.roles import KEY_ACTIONS
from checkout.merchants.screens import Desk, screen

blueprint = Blueprint("keys_dashboard", __name__)

RESTRICTED = "restricted"
KINDS = ("secret", RESTRICTED, "publishable")


@screen(blueprint, "GET", "/keys", action="keys.read")
def show_keys(desk: Desk) -> Response:
    page = list_keys(desk.scope, desk.filters(KeyList), render=_shown)
    return desk.render(
        "keys/keys", keys=page["data"], cursor=page["next_cursor"], query=request.args
    )


@screen(blueprint, "GET", "/keys/new", action="keys.write")
def show_new_key(desk: Desk) -> Response:
    return desk.render("keys/new", kinds=KINDS, actions=KEY_ACTIONS)


@screen(blueprint, "POST", "/keys", action="keys.write", again=show_new_key, recent=True)
def post_key(desk: Desk) -> Response:
    """The key is in this answer alone."""
    given = _read_new(desk)
    row, plain = create_key(
        desk.scope.store_id,
        desk.scope.livemode,
        given.kind,
        given.name,
        scopes=given.scopes,
        actor=desk.scope.actor,
    )
    return desk.render("keys/made", key=row, plain=plain)


@screen(blueprint, "GET", "/keys/<key_id>", action="keys.read")
def show_key(desk: Desk, key_id: str) -> Response:
    return desk.render("keys/key", key=load_key(desk.scope, key_id))


@screen(
    blueprint,
    "POST",
    "/keys/<key_id>/revocation",
    action="keys.write",
    again=show_key,
    recent=True,
)
def post_revocation(desk: Desk, key_id: str) -> Response:
    scope = desk.scope
    revoke_key(scope.store_id, key_id, livemode=scope.livemode, actor=scope.actor)
    return desk.go(desk.path("/keys"), done="key_revoked")


def _read_new(desk: Desk) -> CreateKey:
    """A restricted key is a secret key with scopes; the boxes of another kind say nothing."""
    form = {**desk.form, "scopes": []}
    if desk.value("kind") != RESTRICTED:
        return read_form(CreateKey, {name: form[name] for name in form if name != "scopes"})
    scopes = desk.values("scopes")
    if not scopes:
        raise invalid("scopes_needed", "A restricted key can do at least one thing.", "scopes")
    return read_form(CreateKey, {**form, "kind": ["secret"], "scopes": scopes})


def _shown(row: Any) -> dict[str, Any]:
    """What a line of the list needs; the hash stays where it is."""
    names = ("id", "kind", "name", "last4", "scopes", "last_used_at", "revoked_at")
    return {name: getattr(row, name) for name in names}
