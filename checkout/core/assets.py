"""Static files: read once, compressed once, kept by browsers for ever.

`static_url` puts a hash of the content into the address, so a changed file is another address
and no browser has to ask whether its copy is fresh. Vendored files carry their version in
their names and need none.

What a page needs of small files is joined into one answer, unchanged and in the order of
`static/bundles.json`: nineteen requests made a cold browser wait twice as long as six.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from flask import Flask, Response, abort, current_app, request
from werkzeug.wrappers import Response as BaseResponse

FOLDER = Path(__file__).parent.parent.parent / "static"
PREFIX = "/static/"
VENDOR = "vendor/"
HASH_LENGTH = 12
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
HTML_GZIP_LEVEL = 3
LEAST_HTML_BYTES = 1024

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
COMPRESSIBLE = frozenset((".css", ".js", ".svg", ".txt", ".md"))


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    zipped: bytes | None
    """The gzipped body where that is smaller."""
    content_type: str
    hash: str


def init_assets(app: Flask) -> None:
    """Serve `static/` and let templates name what is in it."""
    app.jinja_env.globals["static_url"] = static_url
    app.add_url_rule(f"{PREFIX}<path:name>", "static", serve_asset)


@cache
def all_assets() -> dict[str, Asset]:
    """Every servable file below static/ by its relative name."""
    files = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix in TYPES
    }
    joined = {name: b"\n".join(files[part] for part in parts) for name, parts in bundles().items()}
    return {name: _make_asset(name, body) for name, body in (files | joined).items()}


@cache
def bundles() -> dict[str, list[str]]:
    """The names of joined files, and of which they consist."""
    found: dict[str, list[str]] = json.loads((FOLDER / "bundles.json").read_text(encoding="utf-8"))
    return found


@cache
def static_url(name: str) -> str:
    """The address of a static file. Raises KeyError for a file that is not there."""
    asset = all_assets()[name]
    return f"{PREFIX}{name}" if name.startswith(VENDOR) else f"{PREFIX}{name}?v={asset.hash}"


def serve_asset(name: str) -> BaseResponse:
    """GET /static/<name>."""
    asset = all_assets().get(name)
    if asset is None:
        abort(404)
    known = name.startswith(VENDOR) or request.args.get("v") == asset.hash
    zipped = asset.zipped if accepts_gzip() else None
    response = current_app.response_class(
        asset.body if zipped is None else zipped, content_type=asset.content_type
    )
    if zipped is not None:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = FOR_EVER if known else ASK_AGAIN
    response.set_etag(asset.hash + ("-gz" if zipped is not None else ""))
    return response.make_conditional(request)


def compress_page(response: Response) -> Response:
    """Gzip a page for browsers that take it.

    Only for pages that hold no secret beside text of an attacker's choosing, whose length
    would otherwise tell the secret: the shopper's pages have no token in them.
    """
    response.headers.add("Vary", "Accept-Encoding")
    body = response.get_data()
    if len(body) >= LEAST_HTML_BYTES and accepts_gzip():
        response.set_data(gzip.compress(body, HTML_GZIP_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def accepts_gzip() -> bool:
    """Whether the browser says so; a quality of zero is a no."""
    return request.accept_encodings["gzip"] > 0


def _make_asset(name: str, body: bytes) -> Asset:
    suffix = PurePosixPath(name).suffix
    zipped = gzip.compress(body, 9, mtime=0) if suffix in COMPRESSIBLE else None
    return Asset(
        body=body,
        zipped=zipped if zipped is not None and len(zipped) < len(body) else None,
        content_type=TYPES[suffix],
        hash=hashlib.sha256(body).hexdigest()[:HASH_LENGTH],
    )
