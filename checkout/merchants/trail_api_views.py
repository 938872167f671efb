"""`/api/v1/stores/{id}/audit`: who did what, and what was refused."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.lists import ListOf
from checkout.merchants.trail import AuditAnswer, AuditList, list_trail

blueprint = Blueprint("trail_api", __name__, url_prefix="/api/v1")


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>/audit",
    summary="List a store's audit trail",
    query=AuditList,
    answer=ListOf[AuditAnswer],
    tag="Audit",
    surface="member",
    description="Of both modes. Each entry's hash covers it and the hash before it. With"
    " `kind=security` what was refused: forged notices, actions beyond a role, sign-ins of the"
    " team that failed.",
)
def get_audit(call: Call) -> dict[str, Any]:
    """Newest first."""
    return list_trail(call.scope.store_id, call.query)
