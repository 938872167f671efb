"""The JSON API: one decorator turns a function into an operation of it.

It authenticates, limits, reads, checks, makes POSTs idempotent, opens the unit of work and
writes the answer; and it remembers what the OpenAPI document has to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal

from flask import Blueprint, Flask, Response, current_app, request
from pydantic import BaseModel

from checkout.core import idempotency
from checkout.core.body import Body, read_body, read_query
from checkout.core.db import unit_of_work
from checkout.core.errors import Problem, missing, unauthorized
from checkout.core.limits import (
    init_limits,
    limit_calls,
    limit_public_call,
    note_failed_authentication,
    refuse_blocked,
)
from checkout.core.scope import KeyKind, Scope
from checkout.core.web import problem_body

BASE_PATH = "/api/v1"
PATH_ID = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{28}")
PATH_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_CREDENTIAL = 256

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Surface = Literal["secret", "publishable", "public"]
"""Who may call: the shop's server, any page with its publishable key, or anybody."""
Authenticate = Callable[[str, KeyKind], Scope | None]
JsonObject = dict[str, Any]
Answer = JsonObject | tuple[JsonObject, int]

PUBLIC = Scope(store_id="", livemode=False, key_id="", actor="public", settings=None)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(slots=True)
class Call:
    """One call of an operation: whose, with what."""

    scope: Scope
    body: Any
    """The operation's body model, or None."""
    query: Any
    """The operation's query model, or None."""
    key: idempotency.Key | None = None
    kept: bool = False

    def keep(self, answer: JsonObject, status: int = 200) -> None:
        """Store the answer with the call's idempotency key in the current transaction.

        For operations that open their own units of work: called in the last of them, the
        answer commits together with the effect.
        """
        if self.key is not None:
            idempotency.keep(self.key, status, _encode(answer))
            self.kept = True


Handler = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the decorator was told; the OpenAPI document is made from these."""

    method: Method
    path: str
    """Below /api/v1, arguments in braces."""
    name: str
    summary: str
    description: str
    tag: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: Any
    """A pydantic model, or a JSON schema as a dict."""
    status: int
    also: tuple[int, ...]
    """Further statuses of success."""
    errors: tuple[str, ...]
    surface: Surface
    outside: bool
    arguments: tuple[str, ...] = field(default=())


OPERATIONS: list[Operation] = []


def init_api(app: Flask, authenticate: Authenticate) -> None:
    """Say how a key becomes a scope; core itself knows no keys."""
    app.extensions["checkout_authenticate"] = authenticate
    init_limits(app)


def operation(
    blueprint: Blueprint,
    method: Method,
    path: str,
    *,
    summary: str,
    answer: Any,
    tag: str,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    status: int = 200,
    also: Sequence[int] = (),
    errors: Sequence[str] = (),
    surface: Surface = "secret",
    outside: bool = False,
    description: str = "",
) -> Callable[[Handler], Handler]:
    """Make `def handler(call: Call, **path_arguments) -> dict | (dict, status)` an operation.

    `path` is below /api/v1 and may name arguments as `<session_id>`, which must have the shape
    of an id where they end in `_id`, and else of a short name. `status` is the usual success,
    `also` names others that the handler may return; `errors` are codes of core/codes.py beyond
    those of every call. A write runs in one unit of work; `outside=True` leaves the units to
    the handler, which then may call the outside between them and should `call.keep` its
    answer in the last.
    """
    arguments = tuple(re.findall(r"<(\w+)>", path))

    def decorate(handler: Handler) -> Handler:
        made = Operation(
            method=method,
            path=re.sub(r"<(\w+)>", r"{\1}", path),
            name=handler.__name__,
            summary=summary,
            description=description,
            tag=tag,
            body=body,
            query=query,
            answer=answer,
            status=status,
            also=tuple(also),
            errors=tuple(errors),
            surface=surface,
            outside=outside,
            arguments=arguments,
        )
        OPERATIONS.append(made)

        @wraps(handler)
        def view(**path_arguments: str) -> Response:
            return _serve(made, handler, path_arguments)

        prefix = blueprint.url_prefix or ""
        rule = path if prefix.startswith(BASE_PATH) else BASE_PATH + path
        blueprint.add_url_rule(
            rule, endpoint=f"{method.lower()}_{handler.__name__}", view_func=view, methods=[method]
        )
        return handler

    return decorate


def path_pattern(argument: str) -> re.Pattern[str]:
    """What a path's argument must look like as a whole."""
    return PATH_ID if argument.endswith("_id") else PATH_NAME


def _serve(made: Operation, handler: Handler, arguments: Mapping[str, str]) -> Response:
    scope = _admit(made)
    raw = request.get_data(cache=False) if made.method != "GET" else b""
    if made.method == "GET":
        return _respond(*_run(made, handler, Call(scope, None, None), arguments, raw))
    key = idempotency.read_key(scope, raw) if made.method == "POST" and scope.store_id else None
    call = Call(scope, None, None, key)
    try:
        if made.outside:
            return _serve_outside(made, handler, call, arguments, raw)
        return _serve_inside(made, handler, call, arguments, raw)
    except Problem as problem:
        if key is not None:
            idempotency.keep_refusal(key, problem, _encode(problem_body(problem)))
        raise


def _serve_inside(
    made: Operation, handler: Handler, call: Call, arguments: Mapping[str, str], raw: bytes
) -> Response:
    """One transaction for the key, the effect and the answer."""
    with unit_of_work():
        if call.key is not None:
            kept = idempotency.claim(call.key)
            if kept is not None:
                return _replay(kept)
        text, status = _run(made, handler, call, arguments, raw)
        if call.key is not None:
            idempotency.keep(call.key, status, text)
    return _respond(text, status)


def _serve_outside(
    made: Operation, handler: Handler, call: Call, arguments: Mapping[str, str], raw: bytes
) -> Response:
    """The handler commits several times; the key is held on another connection meanwhile."""
    with idempotency.held(call.key) if call.key is not None else nullcontext() as kept:
        if kept is not None:
            return _replay(kept)
        text, status = _run(made, handler, call, arguments, raw)
        if call.key is not None and not call.kept and status < 500:
            with unit_of_work():
                idempotency.keep(call.key, status, text)
    return _respond(text, status)


def _run(
    made: Operation, handler: Handler, call: Call, arguments: Mapping[str, str], raw: bytes
) -> tuple[str, int]:
    for name, value in arguments.items():
        if not path_pattern(name).fullmatch(value):
            raise missing()
    call.query = read_query(made.query)
    if made.body is not None:
        call.body = read_body(made.body, raw)
    elif raw:
        read_body(Body, raw)
    answer = handler(call, **arguments)
    if isinstance(answer, tuple):
        return _encode(answer[0]), answer[1]
    return _encode(answer), made.status


def _respond(text: str, status: int) -> Response:
    return Response(text, status=status, mimetype="application/json")


def _replay(kept: idempotency.Kept) -> Response:
    response = _respond(kept.body, kept.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


# Who calls


def _admit(made: Operation) -> Scope:
    """Authenticate and limit the caller."""
    if made.surface == "public":
        limit_public_call()
        return PUBLIC
    if made.surface == "publishable":
        return _admit_page(made)
    refuse_blocked()
    scope = _authenticate()
    limit_calls(f"key:{scope.key_id}", scope.settings.rate_limit_per_minute)
    return scope


def _admit_page(made: Operation) -> Scope:
    """Everybody can read a page's key: limits are the caller's own, wrong keys no attack."""
    limit_public_call(made.name)
    credential = _credential()
    if credential is None:
        raise unauthorized("missing_api_key", "Send the shop's publishable key (pk_…).")
    authenticate: Authenticate = current_app.extensions["checkout_authenticate"]
    known = len(credential) <= MAX_CREDENTIAL
    scope = authenticate(credential, "publishable") if known else None
    if scope is None:
        raise unauthorized("invalid_api_key", "This API key is not valid.")
    return scope


def _authenticate() -> Scope:
    credential = _credential()
    if credential is None:
        raise unauthorized(
            "missing_api_key", "Send your secret key as Authorization: Bearer sk_test_…"
        )
    authenticate: Authenticate = current_app.extensions["checkout_authenticate"]
    scope = authenticate(credential, "secret") if len(credential) <= MAX_CREDENTIAL else None
    if scope is None:
        note_failed_authentication()
        raise unauthorized("invalid_api_key", "This API key is not valid.")
    return scope


def _credential() -> str | None:
    """The key from a Bearer header, or the user name of a Basic one."""
    authorization = request.authorization
    if authorization is None:
        # A header of another or a damaged shape is a wrong credential, not an absent one.
        return request.headers.get("Authorization") or None
    if authorization.type == "bearer":
        return authorization.token or ""
    if authorization.type == "basic":
        return authorization.username or ""
    return ""
