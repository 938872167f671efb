"""The JSON API: one decorator turns a function into an operation of it.

It authenticates, limits, reads, checks, makes POSTs idempotent, opens the unit of work and
writes the answer; and it remembers what the OpenAPI document has to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Literal

from flask import Blueprint, Flask, Response, current_app, request
from pydantic import BaseModel

from checkout.core import idempotency
from checkout.core.audit import record_security
from checkout.core.body import Body, read_body, read_query
from checkout.core.db import unit_of_work
from checkout.core.errors import Problem, forbidden, invalid, missing, unauthorized
from checkout.core.limits import (
    init_limits,
    limit_calls,
    limit_public_call,
    note_failed_authentication,
    refuse_blocked,
)
from checkout.core.refusals import init_refusals
from checkout.core.scope import KeyKind, Scope
from checkout.core.web import note_caller, problem_body

BASE_PATH = "/api/v1"
PATH_ID = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{28}")
PATH_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_CREDENTIAL = 256
TOKEN_PREFIX = "at_"  # noqa: S105 - how an access token begins
STORE_HEADER, MODE_HEADER = "X-Store", "X-Mode"
USER_CALLS_PER_MINUTE = 100

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Surface = Literal["secret", "publishable", "public", "user", "member"]
"""Who may call: the shop (its server with the secret key, or a member who names it), any page
with its publishable key, anybody, a signed-in user, or a member of the store in the path."""
Authenticate = Callable[[str, KeyKind], Scope | None]
JsonObject = dict[str, Any]
Answer = JsonObject | tuple[JsonObject, int] | Response

HOW_TO_SEND: dict[KeyKind, str] = {
    "secret": "your secret key as Authorization: Bearer sk_test_…",
    "publishable": "the shop's publishable key as Authorization: Bearer pk_test_…",
}
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


@dataclass(frozen=True, slots=True)
class Users:
    """How a signed-in user becomes a scope; core itself knows no users."""

    read_token: Callable[[str], Any | None]
    """Access token → who it is (`user_id`, `sign_in_id`, `email`), or None."""
    enter_store: Callable[..., Scope | None]
    """User, store and live mode → their scope there, or None for a stranger. With `to_change`
    as it is at this moment."""
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Action → the roles that may do it, the mightiest first; for the document."""


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
    action: str
    """What a role or a restricted key must allow; empty where nothing of a store is touched."""
    hides: bool
    media: str
    arguments: tuple[str, ...] = field(default=())

    @property
    def store_argument(self) -> str | None:
        """The path's argument that the scope has taken in, so that no handler reads it."""
        return "store_id" if self.surface == "member" else None


OPERATIONS: list[Operation] = []


def init_api(app: Flask, authenticate: Authenticate, users: Users | None = None) -> None:
    """Say how a key and an access token become a scope; core itself knows neither."""
    app.extensions["checkout_authenticate"] = authenticate
    app.extensions["checkout_users"] = users
    init_limits(app)
    init_refusals(app)


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
    action: str | None = None,
    hides: bool = False,
    media: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Make `def handler(call: Call, **path_arguments) -> dict | (dict, status)` an operation.

    `path` is below /api/v1 and may name arguments as `<session_id>`, which must have the shape
    of an id where they end in `_id`, and else of a short name. `status` is the usual success,
    `also` names others that the handler may return; `errors` are codes of core/codes.py beyond
    those of every call. A write runs in one unit of work; `outside=True` leaves the units to
    the handler, which then may call the outside between them and should `call.keep` its
    answer in the last. `action` is what roles and restricted keys are asked for, by default
    made of the path and the method. With `hides` the answer holds a secret: what is kept of it
    for a repeat is sealed. A handler of another `media` type, or of several with commas between
    them, gives a Response of its own.
    """
    arguments = tuple(re.findall(r"<(\w+)>", path))
    if surface in ("public", "publishable", "user"):
        action = ""

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
            action=default_action(method, path) if action is None else action,
            hides=hides,
            media=media,
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


def default_action(method: Method, path: str) -> str:
    """`/checkout/sessions/…` → `sessions.read` or `sessions.write`; a store's part is the area."""
    parts = [part for part in path.split("/") if part and not part.startswith("<")]
    area = parts[1] if parts[0] in ("checkout", "stores") and len(parts) > 1 else parts[0]
    return f"{area.replace('-', '_')}.{'read' if method == 'GET' else 'write'}"


def path_pattern(argument: str) -> re.Pattern[str]:
    """What a path's argument must look like as a whole."""
    return PATH_ID if argument.endswith("_id") else PATH_NAME


def _serve(made: Operation, handler: Handler, arguments: Mapping[str, str]) -> Response:
    scope = _admit(made, arguments)
    raw = request.get_data(cache=False) if made.method != "GET" else b""
    if made.method == "GET":
        return _respond(*_run(made, handler, Call(scope, None, None), arguments, raw))
    key = None
    if made.method == "POST" and scope is not PUBLIC:
        key = idempotency.read_key(scope, raw, hides=made.hides)
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
        if call.key is not None and isinstance(text, str):
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
        if call.key is not None and isinstance(text, str) and not call.kept and status < 500:
            with unit_of_work():
                idempotency.keep(call.key, status, text)
    return _respond(text, status)


def _run(
    made: Operation, handler: Handler, call: Call, arguments: Mapping[str, str], raw: bytes
) -> tuple[str | Response, int]:
    for name, value in arguments.items():
        if not path_pattern(name).fullmatch(value):
            raise missing()
    call.query = read_query(made.query)
    if made.body is not None:
        call.body = read_body(made.body, raw)
    elif raw:
        read_body(Body, raw)
    own = {name: value for name, value in arguments.items() if name != made.store_argument}
    answer = handler(call, **own)
    if isinstance(answer, Response):
        return answer, made.status
    if isinstance(answer, tuple):
        return _encode(answer[0]), answer[1]
    return _encode(answer), made.status


def _respond(answer: str | Response, status: int) -> Response:
    if isinstance(answer, Response):
        return answer
    return Response(answer, status=status, mimetype="application/json")


def _replay(kept: idempotency.Kept) -> Response:
    response = _respond(kept.body, kept.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


# Who calls


def _admit(made: Operation, arguments: Mapping[str, str]) -> Scope:
    """Authenticate and limit the caller, who must be allowed to do this."""
    if made.surface == "public":
        limit_public_call()
        return PUBLIC
    if made.surface == "publishable":
        return _admit_page(made)
    refuse_blocked()
    credential = _credential("secret")
    if credential.startswith(TOKEN_PREFIX):
        scope = _admit_user(made, arguments, credential)
    else:
        scope = _admit_key(made, credential)
    if made.action and scope.allowed is not None and made.action not in scope.allowed:
        record_security(
            "action_refused",
            store_id=scope.store_id,
            livemode=scope.livemode,
            actor=scope.actor,
            action=made.action,
        )
        raise _not_allowed(scope, made.action)
    return scope


def _admit_page(made: Operation) -> Scope:
    """Everybody can read a publishable key off a page: a wrong one is no attack to count."""
    limit_public_call(made.name)
    return _find_key(_credential("publishable"), "publishable")


def _admit_key(made: Operation, credential: str) -> Scope:
    scope = _find_key(credential, "secret")
    limit_calls(f"key:{scope.key_id}", scope.settings.rate_limit_per_minute)
    if made.surface != "secret":
        raise forbidden("user_token_required", "This call is for people: send an access token.")
    return scope


def _find_key(credential: str, kind: KeyKind) -> Scope:
    authenticate: Authenticate = current_app.extensions["checkout_authenticate"]
    scope = authenticate(credential, kind) if len(credential) <= MAX_CREDENTIAL else None
    if scope is None:
        if kind == "secret":
            record_security("key_refused")
            note_failed_authentication()
        raise unauthorized("invalid_api_key", "This API key is not valid.")
    note_caller(scope.actor, scope.store_id, scope.livemode)
    return scope


def _admit_user(made: Operation, arguments: Mapping[str, str], token: str) -> Scope:
    users: Users | None = current_app.extensions["checkout_users"]
    user = users.read_token(token) if users and len(token) <= MAX_CREDENTIAL else None
    if users is None or user is None:
        record_security("token_refused")
        note_failed_authentication()
        raise unauthorized("invalid_token", "This access token is not valid.")
    note_caller(f"user:{user.user_id}")
    if made.surface == "user":
        limit_calls(f"user:{user.user_id}", USER_CALLS_PER_MINUTE)
        return replace(PUBLIC, key_id=user.user_id, actor=f"user:{user.user_id}", user=user)
    store_id = arguments["store_id"] if made.surface == "member" else _read_store()
    scope = users.enter_store(user, store_id, _read_mode(), to_change=made.method != "GET")
    if scope is None:
        limit_calls(f"user:{user.user_id}", USER_CALLS_PER_MINUTE)
        raise missing(STORE_HEADER if made.surface == "secret" else None, "store")
    note_caller(scope.actor, scope.store_id, scope.livemode)
    limit_calls(f"user:{user.user_id}:{store_id}", scope.settings.rate_limit_per_minute)
    return scope


def _read_store() -> str:
    store_id = request.headers.get(STORE_HEADER)
    if not store_id:
        raise invalid("missing_required_field", "Name the store.", STORE_HEADER)
    return store_id


def _read_mode() -> bool:
    """Test mode unless live is asked for."""
    mode = request.headers.get(MODE_HEADER, "test")
    if mode not in ("test", "live"):
        raise invalid("invalid_value", "The mode is test or live.", MODE_HEADER)
    return mode == "live"


def _not_allowed(scope: Scope, action: str) -> Problem:
    if scope.role is not None:
        return forbidden("role_not_allowed", f"The role {scope.role} may not do {action}.")
    return forbidden("key_not_allowed", f"This key is restricted and may not do {action}.")


def _credential(kind: KeyKind) -> str:
    """The key from a Bearer header, or the user name of a Basic one."""
    authorization = request.authorization
    if authorization is None:
        # A header of another or a damaged shape is a wrong credential, not an absent one.
        damaged = request.headers.get("Authorization")
        if not damaged:
            raise unauthorized("missing_api_key", f"Send {HOW_TO_SEND[kind]}.")
        return damaged
    if authorization.type == "bearer":
        return authorization.token or ""
    if authorization.type == "basic":
        return authorization.username or ""
    return ""
