"""The OpenAPI document and its readable page."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from checkout.core.openapi import build_document

blueprint = Blueprint("docs", __name__)


@blueprint.get("/api/v1/openapi.json")
def openapi_document() -> Response:
    response = Response(_prepared()[1], mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/docs")
def docs_page() -> str:
    return render_template("docs/index.html", document=_prepared()[0])


def _prepared() -> tuple[dict[str, Any], str]:
    """The document and its text, built when first asked for."""
    prepared: tuple[dict[str, Any], str] | None = current_app.extensions.get("checkout_openapi")
    if prepared is None:
        document = build_document()
        prepared = document, json.dumps(document, ensure_ascii=False)
        current_app.extensions["checkout_openapi"] = prepared
    return prepared
