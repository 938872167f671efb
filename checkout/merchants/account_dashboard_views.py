"""`/dashboard/account`: a merchant's own name, language, password, second factor and sign-ins."""

from __future__ import annotations

from flask import Blueprint, Response

from checkout.core.i18n import LOCALES
from checkout.core.qr import qr_svg
from checkout.merchants.access import cookie_name
from checkout.merchants.account_schemas import ChangePassword, ChangeUser, ConfirmTwoFactor
from checkout.merchants.accounts import change_password, turn_off_two_factor
from checkout.merchants.members import stores_owned_alone
from checkout.merchants.screens import SIGN_IN, Desk, drop_cookie, screen
from checkout.merchants.sign_ins import end_sign_in, end_sign_ins, list_sign_ins
from checkout.merchants.trail import list_account_events
from checkout.merchants.two_factor import (
    Setup,
    begin_two_factor,
    confirm_two_factor,
    count_recovery_codes,
    read_setup,
    renew_recovery_codes,
)
from checkout.merchants.users import change_user, delete_user, load_user

blueprint = Blueprint("account_dashboard", __name__)

ACCOUNT = "/dashboard/account"


@screen(blueprint, "GET", "/account", who="user")
def show_account(desk: Desk) -> Response:
    return desk.render("account/account", user=load_user(desk.user.user_id), locales=LOCALES)


@screen(blueprint, "POST", "/account", who="user", again=show_account)
def post_account(desk: Desk) -> Response:
    given = desk.read(ChangeUser)
    change_user(desk.user.user_id, name=given.name, locale=given.locale)
    return desk.go(ACCOUNT, done="saved")


@screen(blueprint, "GET", "/account/password", who="user")
def show_password(desk: Desk) -> Response:
    return desk.render("account/password")


@screen(blueprint, "POST", "/account/password", who="user", again=show_password, outside=True)
def post_password(desk: Desk) -> Response:
    given = desk.read(ChangePassword)
    change_password(desk.user, given.current_password, given.new_password)
    return desk.go(ACCOUNT, done="password_changed")


@screen(blueprint, "GET", "/account/two-factor", who="user")
def show_two_factor(desk: Desk) -> Response:
    user = load_user(desk.user.user_id)
    on = user.totp_confirmed_at is not None
    return desk.render("account/two_factor", on=on, left=count_recovery_codes(user.id))


@screen(blueprint, "POST", "/account/two-factor", who="user", again=show_two_factor, recent=True)
def post_two_factor(desk: Desk) -> Response:
    """The secret is in this answer alone; who loses it begins again."""
    return _show_setup(desk, begin_two_factor(desk.user.user_id))


def show_confirmation(desk: Desk) -> Response:
    """The secret once more, to who has just proven to be the one; others type the password."""
    return _show_setup(desk, None if desk.asks_password() else read_setup(desk.user.user_id))


@screen(
    blueprint,
    "POST",
    "/account/two-factor/confirmation",
    who="user",
    again=show_confirmation,
    recent=True,
)
def post_confirmation(desk: Desk) -> Response:
    codes = confirm_two_factor(desk.user.user_id, desk.read(ConfirmTwoFactor).code)
    return desk.render("account/recovery_codes", codes=codes)


@screen(
    blueprint,
    "POST",
    "/account/two-factor/recovery-codes",
    who="user",
    again=show_two_factor,
    recent=True,
)
def post_recovery_codes(desk: Desk) -> Response:
    codes = renew_recovery_codes(desk.user.user_id)
    return desk.render("account/recovery_codes", codes=codes)


@screen(
    blueprint, "POST", "/account/two-factor/end", who="user", again=show_two_factor, recent=True
)
def post_two_factor_end(desk: Desk) -> Response:
    turn_off_two_factor(desk.user.user_id)
    return desk.go(f"{ACCOUNT}/two-factor", done="two_factor_off")


@screen(blueprint, "GET", "/account/sign-ins", who="user")
def show_sign_ins(desk: Desk) -> Response:
    user_id = desk.user.user_id
    return desk.render(
        "account/sign_ins",
        sign_ins=list_sign_ins(user_id),
        events=list_account_events(user_id),
    )


@screen(blueprint, "POST", "/account/sign-ins/<sign_in_id>/end", who="user")
def post_sign_in_end(desk: Desk, sign_in_id: str) -> Response:
    end_sign_in(desk.user.user_id, sign_in_id)
    return desk.go(f"{ACCOUNT}/sign-ins", done="sign_in_ended")


@screen(blueprint, "POST", "/account/sign-ins/end", who="user")
def post_sign_ins_end(desk: Desk) -> Response:
    """All but the one that asks."""
    end_sign_ins(desk.user.user_id, but=desk.user.sign_in_id)
    return desk.go(f"{ACCOUNT}/sign-ins", done="others_ended")


@screen(blueprint, "GET", "/account/deletion", who="user")
def show_deletion(desk: Desk) -> Response:
    return desk.render("account/deletion", alone=stores_owned_alone(desk.user.user_id))


@screen(blueprint, "POST", "/account/deletion", who="user", again=show_deletion, recent=True)
def post_deletion(desk: Desk) -> Response:
    delete_user(desk.user.user_id)
    response = desk.go(SIGN_IN, done="account_deleted")
    drop_cookie(response, cookie_name())
    return response


def _show_setup(desk: Desk, setup: Setup | None) -> Response:
    label = desk.t("account.two_factor.qr")
    return desk.render(
        "account/two_factor_setup", setup=setup, qr=qr_svg(setup.url, label) if setup else ""
    )
