"""`/api/v1/users/me`: a merchant's own account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.db import unit_of_work
from checkout.merchants.access import require_recent_password
from checkout.merchants.account_objects import show_sign_in, show_user
from checkout.merchants.account_schemas import (
    ChangePassword,
    ChangeUser,
    ConfirmTwoFactor,
    RecoveryCodes,
    SignInAnswer,
    SignInList,
    TwoFactorSetup,
    UserAnswer,
    UserDeleted,
)
from checkout.merchants.accounts import change_password, turn_off_two_factor
from checkout.merchants.sign_ins import end_sign_in, list_sign_ins
from checkout.merchants.two_factor import (
    begin_two_factor,
    confirm_two_factor,
    renew_recovery_codes,
)
from checkout.merchants.users import change_user, delete_user, load_user

blueprint = Blueprint("users_api", __name__, url_prefix="/api/v1")

TAG = "Accounts"
FRESH = " Needs a password typed within the last ten minutes: log in again for it."


@operation(
    blueprint,
    "GET",
    "/users/me",
    summary="Read the account",
    answer=UserAnswer,
    surface="user",
    tag=TAG,
)
def read_user(call: Call) -> dict[str, Any]:
    return show_user(load_user(call.scope.user.user_id))


@operation(
    blueprint,
    "PATCH",
    "/users/me",
    summary="Change name and language",
    body=ChangeUser,
    answer=UserAnswer,
    errors=("value_too_short",),
    surface="user",
    tag=TAG,
)
def patch_user(call: Call) -> dict[str, Any]:
    row = change_user(call.scope.user.user_id, name=call.body.name, locale=call.body.locale)
    return show_user(row)


@operation(
    blueprint,
    "DELETE",
    "/users/me",
    summary="Delete the account",
    answer=UserDeleted,
    errors=("password_needed", "sole_owner"),
    surface="user",
    tag=TAG,
    description="Takes the person out of the records and ends every sign-in; what the stores"
    " earned stays. Refused to the only owner of a store." + FRESH,
)
def remove_user(call: Call) -> dict[str, Any]:
    require_recent_password(call.scope.user)
    delete_user(call.scope.user.user_id)
    return {"id": call.scope.user.user_id, "object": "user", "deleted": True}


@operation(
    blueprint,
    "PATCH",
    "/users/me/password",
    summary="Change the password",
    body=ChangePassword,
    answer=UserAnswer,
    errors=("invalid_credentials", "too_many_failures", "value_too_short", "weak_password"),
    surface="user",
    outside=True,
    tag=TAG,
    description="Ends every other sign-in.",
)
def patch_password(call: Call) -> dict[str, Any]:
    change_password(call.scope.user, call.body.current_password, call.body.new_password)
    with unit_of_work():
        return show_user(load_user(call.scope.user.user_id))


@operation(
    blueprint,
    "POST",
    "/users/me/two-factor",
    summary="Begin to turn two-factor on",
    answer=TwoFactorSetup,
    status=201,
    errors=("password_needed", "two_factor_enabled"),
    surface="user",
    hides=True,
    tag=TAG,
    description="Give the secret to an authenticator app, then confirm with a code of it." + FRESH,
)
def begin_setup(call: Call) -> dict[str, Any]:
    require_recent_password(call.scope.user)
    setup = begin_two_factor(call.scope.user.user_id)
    return {"object": "two_factor_setup", "secret": setup.secret, "otpauth_url": setup.url}


@operation(
    blueprint,
    "POST",
    "/users/me/two-factor/confirm",
    summary="Turn two-factor on",
    body=ConfirmTwoFactor,
    answer=RecoveryCodes,
    errors=("two_factor_enabled", "two_factor_not_started", "invalid_code", "value_too_short"),
    surface="user",
    hides=True,
    tag=TAG,
    description="From now on logging in needs a code. The recovery codes are shown this once.",
)
def confirm_setup(call: Call) -> dict[str, Any]:
    codes = confirm_two_factor(call.scope.user.user_id, call.body.code)
    return {"object": "recovery_codes", "recovery_codes": codes}


@operation(
    blueprint,
    "POST",
    "/users/me/two-factor/recovery-codes",
    summary="Get new recovery codes",
    answer=RecoveryCodes,
    errors=("password_needed", "two_factor_not_started"),
    surface="user",
    hides=True,
    tag=TAG,
    description="The old ones end." + FRESH,
)
def make_recovery_codes(call: Call) -> dict[str, Any]:
    require_recent_password(call.scope.user)
    codes = renew_recovery_codes(call.scope.user.user_id)
    return {"object": "recovery_codes", "recovery_codes": codes}


@operation(
    blueprint,
    "DELETE",
    "/users/me/two-factor",
    summary="Turn two-factor off",
    answer=UserAnswer,
    errors=("password_needed",),
    surface="user",
    tag=TAG,
    description="Its secret and the recovery codes are forgotten, and a mail says so." + FRESH,
)
def remove_two_factor(call: Call) -> dict[str, Any]:
    require_recent_password(call.scope.user)
    return show_user(turn_off_two_factor(call.scope.user.user_id))


@operation(
    blueprint,
    "GET",
    "/users/me/sign-ins",
    summary="List the sign-ins",
    answer=SignInList,
    surface="user",
    tag=TAG,
    description="Browsers and programs in which the account is open, the one used last first;"
    " never more than 50.",
)
def get_sign_ins(call: Call) -> dict[str, Any]:
    access = call.scope.user
    rows = list_sign_ins(access.user_id)
    shown = [show_sign_in(row, access) for row in rows]
    return {"object": "list", "data": shown, "has_more": False, "next_cursor": None}


@operation(
    blueprint,
    "DELETE",
    "/users/me/sign-ins/<sign_in_id>",
    summary="End a sign-in",
    answer=SignInAnswer,
    surface="user",
    tag=TAG,
    description="Dead in all processes within a second. Ending one that has ended is harmless.",
)
def remove_sign_in(call: Call, sign_in_id: str) -> dict[str, Any]:
    access = call.scope.user
    return show_sign_in(end_sign_in(access.user_id, sign_in_id), access)
