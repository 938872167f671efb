"""`/api/v1/auth`: come in, stay in, go out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.clock import rfc3339
from checkout.core.db import unit_of_work
from checkout.merchants.account_objects import show_sign_in, show_user
from checkout.merchants.account_schemas import (
    AcceptedAnswer,
    ConfirmEmail,
    ForgotPassword,
    LogIn,
    MeAnswer,
    Refresh,
    Register,
    ResetPassword,
    SignInAnswer,
    TokensAnswer,
    UserAnswer,
)
from checkout.merchants.accounts import ask_account, ask_reset, confirm_account, reset_password
from checkout.merchants.log_in import log_in, refuse_changed_password
from checkout.merchants.sign_ins import end_sign_in, load_sign_in, request_facts
from checkout.merchants.tokens import Tokens, refresh_tokens, sign_in_program
from checkout.merchants.users import load_user

blueprint = Blueprint("auth_api", __name__, url_prefix="/api/v1")

TAG = "Accounts"
GUESSING = ("invalid_credentials", "ip_blocked", "too_many_failures")


@operation(
    blueprint,
    "POST",
    "/auth/register",
    summary="Sign up",
    body=Register,
    answer=AcceptedAnswer,
    status=202,
    errors=("value_too_short", "weak_password", "invalid_email"),
    surface="public",
    outside=True,
    tag=TAG,
    description="The answer is the same whether the address is known or not. A mail tells its"
    " owner: to confirm a new account, or that there is one already.",
)
def sign_up(call: Call) -> dict[str, Any]:
    body = call.body
    ask_account(body.email, body.password, body.name, body.locale)
    return _accepted()


@operation(
    blueprint,
    "POST",
    "/auth/confirm-email",
    summary="Make the account that a mailed link is for",
    body=ConfirmEmail,
    answer=UserAnswer,
    status=201,
    errors=("invalid_token", *GUESSING),
    surface="public",
    outside=True,
    tag=TAG,
    description="With the password chosen at sign-up, so that the link alone opens nothing.",
)
def confirm_email(call: Call) -> dict[str, Any]:
    user = confirm_account(call.body.token, call.body.password)
    with unit_of_work():
        return show_user(user)


@operation(
    blueprint,
    "POST",
    "/auth/login",
    summary="Log in",
    body=LogIn,
    answer=TokensAnswer,
    errors=("totp_required", "invalid_totp", "invalid_email", "value_too_short", *GUESSING),
    surface="public",
    outside=True,
    tag=TAG,
    description="Where two-factor is on, 401 `totp_required` asks for `totp` or"
    " `recovery_code` beside the password.",
)
def log_in_program(call: Call) -> dict[str, Any]:
    body = call.body
    user = log_in(body.email, body.password, totp=body.totp, recovery_code=body.recovery_code)
    with unit_of_work():
        refuse_changed_password(user)
        return _show_tokens(sign_in_program(user.id, request_facts()))


@operation(
    blueprint,
    "POST",
    "/auth/refresh",
    summary="Get new tokens",
    body=Refresh,
    answer=TokensAnswer,
    errors=("invalid_refresh_token", "value_too_short"),
    surface="public",
    outside=True,
    tag=TAG,
    description="A refresh token is good for 7 days and for one time. One that comes a second"
    " time ends the whole sign-in, with every token of it.",
)
def refresh(call: Call) -> dict[str, Any]:
    return _show_tokens(refresh_tokens(call.body.refresh_token))


@operation(
    blueprint,
    "POST",
    "/auth/logout",
    summary="Log out",
    answer=SignInAnswer,
    surface="user",
    tag=TAG,
    description="Ends the sign-in: its tokens are dead in all processes within a second.",
)
def log_out(call: Call) -> dict[str, Any]:
    access = call.scope.user
    return show_sign_in(end_sign_in(access.user_id, access.sign_in_id), access)


@operation(
    blueprint,
    "POST",
    "/auth/forgot-password",
    summary="Ask for a link to set a new password",
    body=ForgotPassword,
    answer=AcceptedAnswer,
    status=202,
    errors=("invalid_email",),
    surface="public",
    tag=TAG,
    description="The answer is the same whether the address is known or not. The link is good"
    " for 30 minutes and for one time.",
)
def forgot_password(call: Call) -> dict[str, Any]:
    ask_reset(call.body.email, call.body.locale)
    return _accepted()


@operation(
    blueprint,
    "POST",
    "/auth/reset-password",
    summary="Set a new password by a mailed link",
    body=ResetPassword,
    answer=UserAnswer,
    errors=("invalid_token", "ip_blocked", "value_too_short", "weak_password"),
    surface="public",
    outside=True,
    tag=TAG,
    description="Ends every sign-in. Two-factor stays on.",
)
def set_new_password(call: Call) -> dict[str, Any]:
    user = reset_password(call.body.token, call.body.password)
    with unit_of_work():
        return show_user(user)


@operation(
    blueprint,
    "GET",
    "/auth/me",
    summary="Who is logged in",
    answer=MeAnswer,
    surface="user",
    tag=TAG,
)
def read_me(call: Call) -> dict[str, Any]:
    access = call.scope.user
    return {
        "object": "me",
        "user": show_user(load_user(access.user_id)),
        "sign_in": show_sign_in(load_sign_in(access.sign_in_id), access),
    }


def _accepted() -> dict[str, Any]:
    return {"object": "accepted", "message": "If this can be done, a mail is on its way."}


def _show_tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "object": "tokens",
        "token_type": "Bearer",
        "access_token": tokens.access_token,
        "access_token_expires_at": rfc3339(tokens.access_token_expires_at),
        "refresh_token": tokens.refresh_token,
        "refresh_token_expires_at": rfc3339(tokens.refresh_token_expires_at),
    }
