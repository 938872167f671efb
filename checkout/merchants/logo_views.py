"""`/logos/<store>/<hash>.webp`: a store's logo, for everybody who sees its payment pages."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from checkout.core.assets import FOR_EVER
from checkout.core.ids import is_id
from checkout.merchants.logos import load_logo

blueprint = Blueprint("logos", __name__)


@blueprint.get("/logos/<store_id>/<name>.webp")
def get_logo(store_id: str, name: str) -> Response:
    row = load_logo(store_id, name) if is_id("sto", store_id) and name.isalnum() else None
    if row is None:
        abort(404)
    response = Response(bytes(row.body), content_type="image/webp")
    response.headers["Cache-Control"] = FOR_EVER
    response.set_etag(row.hash)
    return response
