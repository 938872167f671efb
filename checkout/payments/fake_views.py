"""The pretend providers' own endpoints, where test mode's rails are pointed."""

from __future__ import annotations

from flask import Blueprint, Response, request

from checkout.core import clock, ids
from checkout.core.db import unit_of_work
from checkout.core.errors import missing
from checkout.merchants.rail_accounts import load_account
from checkout.payments.shelf import DatabaseShelf
from checkout.rails.base import FakeRequest
from checkout.rails.registry import get_fake, names

blueprint = Blueprint("pretend_providers", __name__)


@blueprint.route("/fake/<rail_name>/<rail_account>/<path:path>", methods=["GET", "POST"])
def serve_fake(rail_name: str, rail_account: str, path: str) -> Response:
    """Answer as the provider would; only for accounts in test mode."""
    if rail_name not in names() or not ids.is_id("ra", rail_account):
        raise missing(what="rail account")
    with unit_of_work():
        account_row, account = load_account(rail_account)
        if account_row.livemode or account_row.rail != rail_name:
            raise missing(what="rail account")
        answer = get_fake(rail_name).serve(
            FakeRequest(
                method=request.method,
                path=f"/{path}",
                query=request.args.to_dict(),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.get_data(cache=False),
            ),
            account,
            DatabaseShelf(account.id),
            clock.now(account_row.store_id, livemode=False),
        )
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers.update(answer.headers)
    return response
