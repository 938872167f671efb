"""`/api/v1/stores/{id}/keys`: make, look at and end keys."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.lists import ListOf
from checkout.keys.create import create_key
from checkout.keys.queries import key_object, list_keys
from checkout.keys.revoke import revoke_key
from checkout.keys.schemas import CreateKey, KeyAnswer, KeyList, NewKeyAnswer

blueprint = Blueprint("keys_api", __name__, url_prefix="/api/v1")
TAG = "API keys"


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>/keys",
    summary="List API keys",
    query=KeyList,
    answer=ListOf[KeyAnswer],
    tag=TAG,
    surface="member",
)
def get_keys(call: Call) -> dict[str, Any]:
    """Of one mode, newest first; `revoked=false` leaves out those that have ended."""
    return list_keys(call.scope, call.query)


@operation(
    blueprint,
    "POST",
    "/stores/<store_id>/keys",
    summary="Create an API key",
    body=CreateKey,
    answer=NewKeyAnswer,
    status=201,
    errors=("too_many_keys",),
    tag=TAG,
    surface="member",
    hides=True,
    description="The answer's `key` is not shown again. With `scopes` a secret key can do these"
    " actions alone; each operation says its own as `x-action`.",
)
def post_key(call: Call) -> dict[str, Any]:
    """In the mode of the call."""
    scope, body = call.scope, call.body
    row, plain = create_key(
        scope.store_id,
        scope.livemode,
        body.kind,
        body.name,
        scopes=body.scopes,
        actor=scope.actor,
    )
    return key_object(row, plain)


@operation(
    blueprint,
    "DELETE",
    "/stores/<store_id>/keys/<key_id>",
    summary="Revoke an API key",
    answer=KeyAnswer,
    tag=TAG,
    surface="member",
    description="Within a second nobody can use it any more. Revoking it again is harmless.",
)
def revoke_one_key(call: Call, key_id: str) -> dict[str, Any]:
    """The key as it ended."""
    scope = call.scope
    return key_object(
        revoke_key(scope.store_id, key_id, livemode=scope.livemode, actor=scope.actor)
    )
