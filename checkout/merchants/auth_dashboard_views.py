"""`/dashboard/sign-in` and its neighbours: come in, by password or by a mailed link, and go out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from checkout.core.config import config
from checkout.core.db import unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.access import cookie_name
from checkout.merchants.account_schemas import (
    ForgotPassword,
    PasswordStep,
    Register,
    ResetPassword,
    SecondStep,
)
from checkout.merchants.accounts import (
    ask_account,
    ask_reset,
    confirm_account,
    reset_password,
    sign_in_browser,
)
from checkout.merchants.log_in import begin_log_in, finish_log_in, refuse_changed_password
from checkout.merchants.screens import (
    HOME,
    SIGN_IN,
    Desk,
    drop_cookie,
    own_path,
    put_cookie,
    screen,
    sign_in_response,
)
from checkout.merchants.second_step import VALID_SECONDS, issue_ticket, read_ticket
from checkout.merchants.sign_ins import end_sign_in, request_facts

blueprint = Blueprint("auth_dashboard", __name__)

TICKET_COOKIE = "second_step"
NEXT_COOKIE = "next"
NEXT_SECONDS = 86_400
CODE = f"{SIGN_IN}/code"


@screen(blueprint, "GET", "/sign-in", who="anybody")
def show_sign_in(desk: Desk) -> Response:
    if desk.access is not None:
        return desk.go(_next(desk))
    return desk.render("auth/sign_in", next=_next(desk))


@screen(blueprint, "POST", "/sign-in", who="anybody", again=show_sign_in, outside=True)
def post_sign_in(desk: Desk) -> Response:
    """With two-factor on, the next page asks for the code alone: a ticket stands for the rest."""
    given = desk.read(PasswordStep)
    user = begin_log_in(given.email, given.password)
    if user.totp_confirmed_at is None:
        return _come_in(desk, user, _next(desk))
    response = desk.go(f"{CODE}?next={quote(_next(desk), safe='/')}")
    with unit_of_work():
        ticket = issue_ticket(user, desk.csrf())
    put_cookie(response, TICKET_COOKIE, ticket, seconds=VALID_SECONDS, path=SIGN_IN)
    return response


@screen(blueprint, "GET", "/sign-in/code", who="anybody")
def show_code(desk: Desk) -> Response:
    if desk.access is not None:
        return desk.go(_next(desk))
    if _ticket_user(desk) is None:
        return _begin_again(desk)
    return desk.render("auth/code", next=_next(desk))


@screen(blueprint, "POST", "/sign-in/code", who="anybody", again=show_code, outside=True)
def post_code(desk: Desk) -> Response:
    given = desk.read(SecondStep)
    with unit_of_work():
        user = _ticket_user(desk)
    if user is None:
        return _begin_again(desk)
    finish_log_in(user, totp=given.totp, recovery_code=given.recovery_code)
    response = _come_in(desk, user, _next(desk))
    drop_cookie(response, TICKET_COOKIE, path=SIGN_IN)
    return response


@screen(blueprint, "GET", "/sign-up", who="anybody")
def show_sign_up(desk: Desk) -> Response:
    return desk.render("auth/sign_up", next=_next(desk))


@screen(blueprint, "POST", "/sign-up", who="anybody", again=show_sign_up, outside=True)
def post_sign_up(desk: Desk) -> Response:
    """A mail goes out; where a developer has set up none, the account can be used at once."""
    desk.form = {**desk.form, "locale": [desk.t.locale]}
    given = desk.read(Register)
    ask_account(given.email, given.password, given.name, given.locale)
    if config().environment == "development" and not config().smtp_url:
        try:
            user = begin_log_in(given.email, given.password)
        except Problem:
            # Somebody else's address: nothing is told, as with a mail.
            return desk.render("auth/mailed", email=given.email)
        if user.totp_confirmed_at is None:
            return _come_in(desk, user, _next(desk))
    response = desk.render("auth/mailed", email=given.email)
    # The mailed link leads back here, and from here on to where the merchant wanted to go.
    put_cookie(response, NEXT_COOKIE, _next(desk), seconds=NEXT_SECONDS, path=HOME)
    return response


@screen(blueprint, "GET", "/confirm", who="anybody")
def show_confirm(desk: Desk) -> Response:
    return desk.render("auth/confirm", token=_token(desk))


@screen(blueprint, "POST", "/confirm", who="anybody", again=show_confirm, outside=True)
def post_confirm(desk: Desk) -> Response:
    user = confirm_account(desk.value("token"), desk.value("password"))
    response = _come_in(desk, user, own_path(request.cookies.get(NEXT_COOKIE, HOME)))
    drop_cookie(response, NEXT_COOKIE, path=HOME)
    return response


@screen(blueprint, "GET", "/forgot", who="anybody")
def show_forgot(desk: Desk) -> Response:
    return desk.render("auth/forgot")


@screen(blueprint, "POST", "/forgot", who="anybody", again=show_forgot)
def post_forgot(desk: Desk) -> Response:
    desk.form = {**desk.form, "locale": [desk.t.locale]}
    given = desk.read(ForgotPassword)
    ask_reset(given.email, given.locale)
    return desk.render("auth/mailed", email=given.email)


@screen(blueprint, "GET", "/reset", who="anybody")
def show_reset(desk: Desk) -> Response:
    return desk.render("auth/reset", token=_token(desk))


@screen(blueprint, "POST", "/reset", who="anybody", again=show_reset, outside=True)
def post_reset(desk: Desk) -> Response:
    given = desk.read(ResetPassword)
    reset_password(given.token, given.password)
    return desk.go(SIGN_IN, done="password_set")


@screen(blueprint, "POST", "/sign-out", who="user")
def post_sign_out(desk: Desk) -> Response:
    end_sign_in(desk.user.user_id, desk.user.sign_in_id)
    response = desk.go(SIGN_IN, done="signed_out")
    drop_cookie(response, cookie_name())
    return response


def _come_in(desk: Desk, user: Any, path: str) -> Response:
    with unit_of_work():
        refuse_changed_password(user)
        cookie = sign_in_browser(user.id, request_facts())
    return sign_in_response(desk.go(path), cookie)


def _ticket_user(desk: Desk) -> Any | None:
    """Whose password this browser has typed; the form's token tells one browser from another."""
    return read_ticket(request.cookies.get(TICKET_COOKIE, ""), desk.csrf())


def _begin_again(desk: Desk) -> Response:
    response = desk.go(f"{SIGN_IN}?next={quote(_next(desk), safe='/')}", done="sign_in_again")
    drop_cookie(response, TICKET_COOKIE, path=SIGN_IN)
    return response


def _next(desk: Desk) -> str:
    return own_path(desk.value("next") or request.args.get("next", HOME))


def _token(desk: Desk) -> str:
    return desk.value("token") or request.args.get("token", "")[:200]
