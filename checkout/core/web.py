"""What every request has in common: its id, its headers, its log line, its errors.

Problems and exceptions become answers here and nowhere else: JSON for programs, a small page
for people.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
import sqlalchemy.exc
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from checkout.core.config import config
from checkout.core.errors import Problem, ProblemType, unavailable
from checkout.core.ids import is_id, new_id
from checkout.core.logs import log, logger, mask_path
from checkout.core.request import Request

MAX_BODY_BYTES = 256 * 1024
JSON_PATHS = ("/api/", "/hooks/", "/health", "/metrics", "/fake/")
NO_STORE_PATHS = ("/api/", "/hooks/", "/pay/", "/return/", "/portal/", "/dashboard", "/fake/")

JSON_POLICY = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

DATABASE_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)

HTTP_CODES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read."),
    401: ("unauthorized", "Authentication is needed."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("request_timeout", "The request did not arrive in time."),
    411: ("length_required", "The request must say its length."),
    413: ("body_too_large", "The request body is larger than 256 KiB."),
    414: ("uri_too_long", "The address is too long."),
    415: ("unsupported_media_type", "The body must be sent as application/json."),
    429: ("too_many_requests", "Too many requests."),
    431: ("headers_too_large", "The request headers are too large."),
    503: ("service_unavailable", "The service is briefly unavailable. Please try again."),
}
TYPES: dict[int, ProblemType] = {
    401: "authentication_error",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
    502: "provider_error",
    504: "provider_error",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request turned out to come from, as far as anybody knows."""

    actor: str = ""
    """As in histories and audits: `key:key_…`, `user:usr_…`."""
    store_id: str | None = None
    livemode: bool | None = None


NOBODY = Caller()


def init_web(app: Flask) -> None:
    """Attach the hooks and error handlers to the application."""
    # Werkzeug cuts a body of unknown length here; one byte more shows that it was longer.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY_BYTES + 1
    app.request_class = Request
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(HTTPException, _answer_http_exception)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _answer_database_error)
    app.register_error_handler(Exception, _answer_crash)


# The request and its caller


def _begin() -> None:
    g.request_id = new_id("req")
    g.began_at = time.perf_counter()
    g.nonce = None
    g.frame_ancestors = "'none'"
    g.form_actions = ()
    g.rate_limit = None
    g.caller = NOBODY
    _refuse_large_body()


def _refuse_large_body() -> None:
    """Also without a length in front: then the body is read, up to one byte too many."""
    length = request.content_length
    if length is None and "Transfer-Encoding" in request.headers:
        length = len(request.get_data())
    if (length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge


def note_caller(actor: str, store_id: str | None = None, livemode: bool | None = None) -> None:
    """Remember whose request it is, for its log line and for what is refused of it."""
    g.caller = Caller(actor, store_id, livemode)


def noted_caller() -> Caller:
    """Whose request it is, as far as it has come out yet."""
    found: Caller = g.get("caller", NOBODY)
    return found


def client_address() -> str:
    """The caller's address; forwarded ones count only as far as proxies of ours wrote them."""
    hops = config().trusted_proxies
    direct = request.remote_addr or "local"
    if not hops:
        return direct
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    chain = [part for part in forwarded if part]
    return chain[-min(hops, len(chain))] if chain else direct


def client_key() -> str:
    """What limits count by: an IPv4 address, or the /64 network of an IPv6 one."""
    return network_of(client_address())


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The address itself, an IPv6 one as its /64; `local` for what is not an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "local"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


# What a page may do


def csp_nonce() -> str:
    """This answer's nonce, for `<script nonce>` and `<style nonce>`."""
    if g.nonce is None:
        g.nonce = secrets.token_urlsafe(16)
    nonce: str = g.nonce
    return nonce


def allow_framing(origins: tuple[str, ...]) -> None:
    """Let these origins (`https://shop.example`) show this answer in a frame."""
    if origins:
        g.frame_ancestors = " ".join(origins)


def allow_form_action(origins: tuple[str, ...]) -> None:
    """Let this page's forms lead to these origins, such as a provider's payment page."""
    g.form_actions = (*g.form_actions, *origins)


def _page_policy() -> str:
    nonce = csp_nonce()
    forms = " ".join(("'self'", *g.form_actions))
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}';"
        " img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self';"
        f" form-action {forms}; base-uri 'none'; frame-ancestors {g.frame_ancestors}"
    )


def _finish(response: Response) -> Response:
    headers = response.headers
    if "request_id" not in g:
        _begin_late()
    headers["X-Request-Id"] = g.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint != "static":
        # A style sheet or script does nothing by itself, and a page loads twenty of them.
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        headers["Permissions-Policy"] = PERMISSIONS
    page = response.mimetype == "text/html"
    headers.setdefault("Content-Security-Policy", _page_policy() if page else JSON_POLICY)
    if config().is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in headers and request.path.startswith(NO_STORE_PATHS):
        headers["Cache-Control"] = "no-store"
    if g.rate_limit is not None:
        limit, remaining, reset_seconds = g.rate_limit
        headers["RateLimit-Limit"] = str(limit)
        headers["RateLimit-Remaining"] = str(remaining)
        headers["RateLimit-Reset"] = str(reset_seconds)
    _log_access(response.status_code)
    return response


def _begin_late() -> None:
    """For an answer that was made before any hook ran, such as a refused Host."""
    g.request_id = new_id("req")
    g.began_at = time.perf_counter()
    g.nonce = g.rate_limit = None
    g.frame_ancestors, g.form_actions = "'none'", ()
    g.caller = NOBODY


def _log_access(status: int) -> None:
    if not logger.isEnabledFor(logging.INFO):
        return
    rule = request.url_rule
    arguments = request.view_args or {}
    ids = {name: value for name, value in arguments.items() if _loggable(value)}
    log(
        "request",
        method=request.method,
        route=rule.rule if rule is not None else mask_path(request.path),
        status=status,
        duration_ms=round((time.perf_counter() - g.began_at) * 1000, 2),
        client=client_key(),
        **(ids | _caller_fields()),
    )


def _caller_fields() -> dict[str, str]:
    """Whose request it was: of a store that the path names and a stranger asks for, the path's."""
    who = noted_caller()
    fields = {"actor": who.actor, "store_id": who.store_id}
    return {name: value for name, value in fields.items() if value}


def _loggable(value: object) -> bool:
    """Only ids are written to the log: other parts of a path may be tokens."""
    return isinstance(value, str) and is_id(value.partition("_")[0], value)


# Errors


def wants_json() -> bool:
    """Whether programs, not people, are served at the request's path."""
    return request.path.startswith(JSON_PATHS)


def problem_body(problem: Problem) -> dict[str, Any]:
    """The error envelope of the API."""
    return {
        "error": {
            "type": problem.type,
            "code": problem.code,
            "message": problem.message,
            "param": problem.param,
            "request_id": g.request_id,
            "doc_url": f"{config().public_url}/docs#error-{problem.code}",
        }
    }


def _answer_problem(problem: Problem) -> BaseResponse:
    if "request_id" not in g:
        _begin_late()
    if wants_json():
        response = Response(
            # As compact as it is kept for a repeat with the same Idempotency-Key.
            json.dumps(problem_body(problem), ensure_ascii=False, separators=(",", ":")),
            status=problem.status,
            mimetype="application/json",
        )
    else:
        page = render_template("errors/error.html", problem=problem, request_id=g.request_id)
        response = Response(page, status=problem.status, mimetype="text/html")
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="checkout"'
    return response


def _answer_http_exception(error: HTTPException) -> BaseResponse:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # A redirect, not an error.
    if status >= 500 and status not in HTTP_CODES:
        return _answer_crash(error)
    code, message = HTTP_CODES.get(status, ("bad_request", "The request cannot be served."))
    if status == 503:
        return _answer_problem(unavailable())
    response = _answer_problem(
        Problem(TYPES.get(status, "invalid_request_error"), status, code, message)
    )
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _answer_database_error(error: Exception) -> BaseResponse:
    # The name and SQLSTATE say enough; the message may quote a customer's data.
    original = getattr(error, "orig", error)
    log(
        "database_unavailable",
        logging.ERROR,
        error=type(original).__name__,
        sqlstate=getattr(original, "sqlstate", None),
    )
    return _answer_problem(unavailable())


def _answer_crash(error: Exception) -> BaseResponse:
    if "request_id" not in g:
        _begin_late()
    log("request_crashed", logging.ERROR, exc_info=error)
    return _answer_problem(
        Problem("api_error", 500, "internal_error", "Something went wrong on our side.")
    )
