"""The dashboard's pages: one decorator turns a function into a screen.

It finds out who asks, from the cookie; which store and mode, from the address; whether the role
allows it; refuses foreign forms; opens the unit of work; and shows a refused form again with
what was typed in it. It remembers every screen, so that tests can knock at each.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request
from pydantic import BaseModel

from checkout.core.api import path_pattern
from checkout.core.audit import record_security
from checkout.core.config import config
from checkout.core.crypto import same, tag
from checkout.core.db import unit_of_work
from checkout.core.errors import Problem, forbidden, invalid, missing
from checkout.core.forms import read_filters, read_form, trim
from checkout.core.i18n import LOCALES, Translator, remember_choice, request_locale, translator
from checkout.core.limits import limit_calls
from checkout.core.origin import refuse_foreign_form
from checkout.core.refusals import note_refusal
from checkout.core.scope import Scope
from checkout.core.typed import read_amount
from checkout.core.web import client_key, note_caller
from checkout.merchants.access import (
    PasswordNeeded,
    UserAccess,
    cookie_name,
    load_browser_user,
    require_recent_password,
)
from checkout.merchants.devices import tell_device
from checkout.merchants.log_in import prove_again
from checkout.merchants.members import enter_store
from checkout.merchants.roles import may
from checkout.merchants.sign_ins import note_password
from checkout.merchants.stores import Store, load_store

HOME = "/dashboard"
SIGN_IN = f"{HOME}/sign-in"
MODES = ("test", "live")
GUEST_COOKIE = "guest"
DONE_COOKIE = "done"
SIGNED_IN_SECONDS = 30 * 86_400
CALLS_PER_MINUTE = 300
GUEST_CALLS_PER_MINUTE = 60
SHOWN_AGAIN = (400, 401, 403, 409, 413, 422, 429, 502, 504)
"""Refusals that belong on the form; anything else is a page of its own."""

Method = Literal["GET", "POST"]
Who = Literal["anybody", "user", "member"]
Model = TypeVar("Model", bound=BaseModel)
Answer = Response | str
Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Screen:
    """What the decorator was told."""

    method: Method
    rule: str
    """The whole address, with arguments as `<name>`."""
    who: Who
    action: str
    """What a role must allow; empty where it is no store's."""
    recent: bool


SCREENS: list[Screen] = []


@dataclass(slots=True)
class Desk:
    """One request of a merchant's browser: whose, about which store, with what."""

    t: Translator
    access: UserAccess | None = None
    entered: Scope | None = None
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What was posted: name → values."""
    problem: Problem | None = None
    """Why the form, or a filter in the address, was refused."""
    proven: bool = False
    """Whether a password that came with the form was right."""

    @property
    def user(self) -> UserAccess:
        """Who is signed in; on screens for users and members."""
        assert self.access is not None  # noqa: S101 - the decorator let nobody else in
        return self.access

    @property
    def scope(self) -> Scope:
        """The store and mode, with the member's role; on screens for members."""
        assert self.entered is not None  # noqa: S101 - the decorator let nobody else in
        return self.entered

    @property
    def store(self) -> Store:
        return load_store(self.scope.store_id)

    @property
    def mode(self) -> str:
        return "live" if self.scope.livemode else "test"

    def may(self, action: str) -> bool:
        """Whether the member's role allows an action; templates ask before they draw a button."""
        return self.entered is not None and may(str(self.scope.role), action)

    def path(self, rest: str = "", mode: str | None = None) -> str:
        """An address in this store and mode: `desk.path("/payments")`."""
        return f"{HOME}/{self.scope.store_id}/{mode or self.mode}{rest}"

    def value(self, name: str) -> str:
        """One posted text, trimmed unless it is a password; empty where there is none."""
        values = self.form.get(name, ())
        return trim(name, values[-1]) if values else ""

    def values(self, name: str) -> list[str]:
        """All that was posted under a name, as several boxes do."""
        return [value.strip() for value in self.form.get(name, ())]

    def amount(self, currency: str, name: str = "amount") -> int:
        """An amount of at least one minor unit, typed in the currency's own; `invalid_amount`."""
        try:
            amount = read_amount(self.value(name), currency, self.t.locale)
        except ValueError:
            amount = 0
        if amount < 1:
            raise invalid("invalid_amount", "This is not an amount above zero.", name)
        return amount

    def read(self, model: type[Model]) -> Model:
        """The form as a model of the API's; raises a Problem that names the field."""
        return read_form(model, self.form)

    def filters(self, model: type[Model]) -> Model:
        """The filters in the address; one that makes no sense becomes the desk's problem."""
        found, problem = read_filters(model, request.args.to_dict())
        self.problem = self.problem or problem
        return found

    def error(self, name: str) -> str:
        """What is wrong with a field, in the merchant's language; empty where nothing is."""
        if self.problem is None or (self.problem.param or "").partition(".")[0] != name:
            return ""
        return self.sentence()

    def refused(self, action: str) -> bool:
        """Whether it is the form sent to this address that was refused."""
        sent = urlsplit(action).path in ("", request.path)
        return self.problem is not None and (sent or request.method == "GET")

    def asks_password(self) -> bool:
        """Whether the refused form needs the password; also once a wrong one was typed."""
        wrong = bool(self.value("password_again")) and not self.proven
        return self.problem is not None and (wrong or isinstance(self.problem, PasswordNeeded))

    def sentence(self) -> str:
        """The problem in a sentence: the language's own where there is one."""
        if self.problem is None:
            return ""
        code, otherwise = self.problem.code, self.problem.message
        if code == "invalid_credentials" and self.access is not None:
            # Who is signed in has typed a password alone.
            code = "wrong_password"
        return self.t.or_same(f"form.error.{code}", self.t.or_same(f"error.{code}", otherwise))

    def csrf(self) -> str:
        """What every form carries as `csrf`: bound to the sign-in, or to a guest's cookie."""
        # A guest chooses the cookie: it must never stand for somebody's sign-in.
        return tag("csrf_guest" if self.access is None else "csrf", _seed(self.access))

    def render(self, template: str, **context: Any) -> Response:
        """A page of `templates/dashboard/`, with the desk and the texts in it."""
        page = render_template(f"dashboard/{template}.html", desk=self, t=self.t, **context)
        response = make_response(page, self.problem.status if self.problem else 200)
        if request.method == "GET" and DONE_COOKIE in request.cookies:
            drop_cookie(response, DONE_COOKIE, path=HOME)
        return response

    def done(self) -> str:
        """What the page before has done, said once; empty where nothing was."""
        key = request.cookies.get(DONE_COOKIE, "") if request.method == "GET" else ""
        return self.t.or_same(f"done.{key}", "") if key else ""

    def go(self, path: str, done: str = "") -> Response:
        """Answer a form: look at another page, which says `done.<done>` once."""
        response = _see(path)
        if done:
            put_cookie(response, DONE_COOKIE, done, seconds=60, path=HOME)
        return response


def init_screens(app: Flask) -> None:
    """What the dashboard's templates may use."""
    app.jinja_env.filters["device"] = tell_device
    app.jinja_env.filters["without"] = without


def without(query: Mapping[str, str], *names: str, **others: str) -> str:
    """A query string of the same filters without some, and with others."""
    kept = {name: value for name, value in query.items() if value and name not in names}
    return urlencode(kept | others)


def screen(
    blueprint: Blueprint,
    method: Method,
    path: str,
    *,
    who: Who = "member",
    action: str = "",
    again: Handler | None = None,
    recent: bool = False,
    outside: bool = False,
) -> Callable[[Handler], Handler]:
    """Make `def handler(desk: Desk, **path_arguments)` a page, or what a form is sent to.

    For members `path` is below `/dashboard/<store>/<mode>` and `action` is one of
    merchants/roles.py; else it is below `/dashboard`. A GET gives `desk.render(...)`, a POST
    `desk.go(...)`, and runs in one unit of work unless `outside`. A Problem in a POST undoes it
    and shows `again`, the GET's handler, with `desk.problem` and `desk.form` set. With `recent`
    a POST needs a password typed within ten minutes, which the form then asks for.
    """
    rule = HOME + (f"/<store_id>/<any(test, live):mode>{path}" if who == "member" else path)
    SCREENS.append(Screen(method, rule, who, action, recent))

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def view(**arguments: str) -> Response:
            return _serve(method, who, action, handler, again, recent, outside, arguments)

        blueprint.add_url_rule(
            rule, endpoint=f"{method.lower()}_{handler.__name__}", view_func=view, methods=[method]
        )
        return handler

    return decorate


def sign_in_response(response: Response, cookie: str) -> Response:
    """Give the browser its sign-in."""
    put_cookie(response, cookie_name(), cookie, seconds=SIGNED_IN_SECONDS)
    drop_cookie(response, GUEST_COOKIE)
    return response


def put_cookie(response: Response, name: str, value: str, *, seconds: int, path: str = "/") -> None:
    """Give the browser something to keep that no script can read."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=config().is_https,
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(response: Response, name: str, *, path: str = "/") -> None:
    """Take it away; of a name that begins with __Host- browsers believe that over https alone."""
    response.delete_cookie(name, path=path, secure=config().is_https, httponly=True, samesite="Lax")


def own_path(path: str) -> str:
    """Where to go on after signing in: a page of the dashboard, never another site."""
    # Nothing that begins so names another site; whatever else is never parsed, however odd.
    own = path == HOME or path.startswith(f"{HOME}/")
    return path if own and "\\" not in path and path.isprintable() else HOME


# One request


def _serve(
    method: Method,
    who: Who,
    action: str,
    handler: Handler,
    again: Handler | None,
    recent: bool,
    outside: bool,
    arguments: dict[str, str],
) -> Response:
    desk = Desk(translator(request_locale()), load_browser_user())
    if desk.access is not None:
        note_caller(f"user:{desk.access.user_id}")
        asked = request.args.get("lang")
        desk.t = translator(asked if asked in LOCALES else desk.access.locale)
    elif who != "anybody":
        return _to_sign_in(method)
    try:
        if method == "POST":
            # The model of MultiDict is read once: a body that is too large is refused there.
            desk.form = dict(request.form.lists())
            _refuse_forged(desk)
        _limit(desk)
        own = _enter(desk, who, action, arguments)
    except Problem as problem:
        return _show_problem(desk, problem)
    try:
        answer = _run(method, desk, handler, recent, outside, own)
    except Problem as problem:
        if again is None or problem.status not in SHOWN_AGAIN:
            return _show_problem(desk, problem)
        desk.problem = problem
        answer = again(desk, **own)
    response = make_response(answer)
    if desk.access is None and not request.cookies.get(GUEST_COOKIE):
        put_cookie(response, GUEST_COOKIE, _seed(None), seconds=86_400)
    return remember_choice(response)


def _run(
    method: Method, desk: Desk, handler: Handler, recent: bool, outside: bool, own: dict[str, str]
) -> Any:
    if method == "GET":
        return handler(desk, **own)
    if recent:
        _prove_recent(desk)
    if outside:
        return handler(desk, **own)
    with unit_of_work():
        return handler(desk, **own)


def _prove_recent(desk: Desk) -> None:
    """Take the password that the form has asked for, or ask for it."""
    password = desk.value("password_again")
    if not password:
        require_recent_password(desk.user)
        return
    prove_again(desk.user, password)
    with unit_of_work():
        note_password(desk.user.sign_in_id)
    desk.proven = True


def _enter(desk: Desk, who: Who, action: str, arguments: dict[str, str]) -> dict[str, str]:
    """The path's own arguments, once the store and the role have let the merchant in."""
    own = {name: value for name, value in arguments.items() if name not in ("store_id", "mode")}
    for name, value in own.items():
        if name.endswith("_id") and not path_pattern(name).fullmatch(value):
            raise missing()
    if who != "member":
        return own
    to_change = request.method == "POST"
    scope = enter_store(
        desk.user, arguments["store_id"], arguments["mode"] == "live", to_change=to_change
    )
    if scope is None:
        raise missing(what="store")
    desk.entered = scope
    note_caller(scope.actor, scope.store_id, scope.livemode)
    if action and not may(str(scope.role), action):
        record_security(
            "action_refused",
            store_id=scope.store_id,
            livemode=scope.livemode,
            actor=scope.actor,
            action=action,
        )
        raise forbidden("role_not_allowed", f"The role {scope.role} may not do {action}.")
    return own


def _refuse_forged(desk: Desk) -> None:
    refuse_foreign_form()
    if not same(desk.value("csrf"), desk.csrf()):
        note_refusal("form_refused", f"{client_key()}:{request.path[:200]}")
        raise forbidden("form_expired", "This form is too old. Open the page again and repeat.")


def _limit(desk: Desk) -> None:
    if desk.access is not None:
        limit_calls(f"desk:{desk.access.user_id}", CALLS_PER_MINUTE)
    else:
        limit_calls(f"desk:{client_key()}", GUEST_CALLS_PER_MINUTE)


def _show_problem(desk: Desk, problem: Problem) -> Response:
    desk.problem = problem
    response = desk.render("problem", request_id=g.request_id)
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def _to_sign_in(method: Method) -> Response:
    here = request.full_path.rstrip("?") if method == "GET" else HOME
    response = _see(f"{SIGN_IN}?next={quote(here, safe='/')}")
    if request.headers.get("HX-Request"):
        # A part of a page cannot show the sign-in: the whole page goes there.
        response = make_response("", 200)
        response.headers["HX-Redirect"] = SIGN_IN
    return response


def _see(path: str) -> Response:
    return make_response(redirect(path, 303))


def _seed(access: UserAccess | None) -> str:
    """What a form's token is bound to."""
    if access is not None:
        return access.sign_in_id
    kept = request.cookies.get(GUEST_COOKIE)
    if kept:
        return kept
    if "guest_seed" not in g:
        g.guest_seed = secrets.token_urlsafe(24)
    seed: str = g.guest_seed
    return seed
