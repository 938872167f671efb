"""The OpenAPI document and its readable page."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from checkout.core.assets import accepts_gzip
from checkout.core.config import config
from checkout.core.docs import show_codes, show_meanings, show_objects, show_operations
from checkout.core.openapi import build_document

blueprint = Blueprint("docs", __name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Both forms of the document, each as it is and zipped, made once a process."""

    document: tuple[bytes, bytes]
    page: tuple[bytes, bytes]


@blueprint.get("/api/v1/openapi.json")
def openapi_document() -> Response:
    response = _send(_prepared().document, "application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/docs")
def docs_page() -> Response:
    return _send(_prepared().page, "text/html")


def _send(body: tuple[bytes, bytes], mimetype: str) -> Response:
    zipped = accepts_gzip()
    response = Response(body[zipped], mimetype=mimetype)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _prepared() -> Prepared:
    """Made when first asked for; neither depends on who asks."""
    prepared: Prepared | None = current_app.extensions.get("checkout_docs")
    if prepared is None:
        document = build_document()
        whole = json.dumps(document, ensure_ascii=False)
        prepared = Prepared(_zip(whole), _zip(_page(document)))
        current_app.extensions["checkout_docs"] = prepared
    return prepared


def _zip(text: str) -> tuple[bytes, bytes]:
    body = text.encode()
    return body, gzip.compress(body, 6, mtime=0)


def _page(document: dict[str, Any]) -> str:
    return render_template(
        "docs/index.html",
        base_url=config().public_url,
        operations=show_operations(document),
        objects=show_objects(document),
        codes=show_codes(),
        meanings=show_meanings(),
    )
