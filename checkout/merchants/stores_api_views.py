"""`/api/v1/stores`: a user's stores, their settings and figures."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.errors import missing
from checkout.merchants.access import require_recent_password
from checkout.merchants.delete_store import delete_store
from checkout.merchants.logos import read_base64, remove_logo, set_logo
from checkout.merchants.stats import StatsAnswer, read_stats
from checkout.merchants.store_objects import (
    CreateStore,
    SetLogo,
    StoreAnswer,
    StoreDeleted,
    StoresAnswer,
    UpdateStore,
    store_object,
    whole_list,
)
from checkout.merchants.stores import change_store, create_store, stores_of

blueprint = Blueprint("stores_api", __name__, url_prefix="/api/v1")
TAG = "Stores"


@operation(
    blueprint,
    "GET",
    "/stores",
    summary="List your stores",
    answer=StoresAnswer,
    tag=TAG,
    surface="user",
)
def list_stores(call: Call) -> dict[str, Any]:
    """Oldest first, each with the caller's role."""
    return whole_list([store_object(row) for row in stores_of(call.scope.user.user_id)])


@operation(
    blueprint,
    "POST",
    "/stores",
    summary="Create a store",
    body=CreateStore,
    answer=StoreAnswer,
    status=201,
    errors=("slug_taken", "too_many_stores", "invalid_currency", "invalid_email"),
    tag=TAG,
    surface="user",
    description="You become its owner.",
)
def post_store(call: Call) -> dict[str, Any]:
    """The new store."""
    user_id = call.scope.user.user_id
    given = call.body.model_dump(exclude_unset=True)
    store = create_store(
        given.pop("name"), given.pop("slug"), given, actor=call.scope.actor, owner_id=user_id
    )
    return _read(user_id, store.id)


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>",
    summary="Read a store",
    answer=StoreAnswer,
    tag=TAG,
    surface="member",
)
def get_store(call: Call) -> dict[str, Any]:
    """With every setting."""
    return _read(call.scope.user.user_id, call.scope.store_id)


@operation(
    blueprint,
    "PATCH",
    "/stores/<store_id>",
    summary="Change a store",
    body=UpdateStore,
    answer=StoreAnswer,
    errors=("slug_taken", "invalid_currency", "invalid_email"),
    tag=TAG,
    surface="member",
    description="Only the fields that are given change.",
)
def patch_store(call: Call) -> dict[str, Any]:
    """The store as it is now."""
    scope = call.scope
    change_store(scope.store_id, call.body.model_dump(exclude_unset=True), actor=scope.actor)
    return _read(scope.user.user_id, scope.store_id)


@operation(
    blueprint,
    "DELETE",
    "/stores/<store_id>",
    summary="Delete a store",
    answer=StoreDeleted,
    errors=("password_needed", "store_in_use"),
    tag=TAG,
    surface="member",
    action="stores.delete",
    description="Ends its keys, ways to pay, webhooks and team, in both modes; what it earned stays"
    " on record. Needs a password typed within the last ten minutes: log in again for it.",
)
def remove_store(call: Call) -> dict[str, Any]:
    """From then on nobody finds a store under the id."""
    scope = call.scope
    require_recent_password(scope.user)
    delete_store(scope.store_id, actor=scope.actor)
    return {"id": scope.store_id, "object": "store", "deleted": True}


@operation(
    blueprint,
    "PUT",
    "/stores/<store_id>/logo",
    summary="Set a store's logo",
    body=SetLogo,
    answer=StoreAnswer,
    errors=("invalid_image",),
    tag=TAG,
    surface="member",
    action="stores.write",
    description="Shown on payment pages beside the name, drawn anew at 96 pixels at most.",
)
def put_logo(call: Call) -> dict[str, Any]:
    """The store with its new logo."""
    scope = call.scope
    set_logo(scope.store_id, read_base64(call.body.image), actor=scope.actor)
    return _read(scope.user.user_id, scope.store_id)


@operation(
    blueprint,
    "DELETE",
    "/stores/<store_id>/logo",
    summary="Remove a store's logo",
    answer=StoreAnswer,
    errors=("resource_missing",),
    tag=TAG,
    surface="member",
    action="stores.write",
)
def delete_logo(call: Call) -> dict[str, Any]:
    """The store, which shows the first letter of its name again."""
    scope = call.scope
    remove_logo(scope.store_id, actor=scope.actor)
    return _read(scope.user.user_id, scope.store_id)


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>/stats",
    summary="Read a store's figures",
    answer=StatsAnswer,
    tag=TAG,
    surface="member",
    action="stores.read",
    description="Payments of today and of the last 7 and 30 days in the store's own time zone,"
    " how many of the sessions begun were paid, and what waits for a person.",
)
def get_stats(call: Call) -> dict[str, Any]:
    """Of one mode; amounts in minor units per currency."""
    return read_stats(call.scope)


def _read(user_id: str, store_id: str) -> dict[str, Any]:
    for row in stores_of(user_id):
        if row.id == store_id:
            return store_object(row)
    raise missing(what="store")
