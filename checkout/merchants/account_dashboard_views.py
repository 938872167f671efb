"""`/dashboard/account`: a merchant's own name, language, password, second factor and sign-ins."""

from __future__ import annotations

from flask import Blueprint, Response

from checkout.core.i18n import LOCALES
from checkout.merchants.account_schemas import ChangeUser
from checkout.merchants.screens import Desk, screen
from checkout.merchants.users import change_user, load_user

blueprint = Blueprint("account_dashboard", __name__)


@screen(blueprint, "GET", "/account", who="user")
def show_account(desk: Desk) -> Response:
    return desk.render("account/account", user=load_user(desk.user.user_id), locales=LOCALES)


@screen(blueprint, "POST", "/account", who="user", again=show_account)
def post_account(desk: Desk) -> Response:
    given = desk.read(ChangeUser)
    change_user(desk.user.user_id, name=given.name, locale=given.locale)
    return desk.go("/dashboard/account", done="saved")
