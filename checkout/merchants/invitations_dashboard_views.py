"""`/dashboard/invitations/<token>`: where the link in an invitation's mail leads."""

from __future__ import annotations

from flask import Blueprint, Response

from checkout.core.errors import Problem
from checkout.merchants.invitations import accept_invitation, read_invitation
from checkout.merchants.screens import HOME, Desk, screen

blueprint = Blueprint("invitations_dashboard", __name__)


@screen(blueprint, "GET", "/invitations/<token>", who="anybody")
def show_invitation(desk: Desk, token: str) -> Response:
    """Who is not signed in does that, or signs up, and comes back here."""
    try:
        invitation = read_invitation(token)
    except Problem:
        response = desk.render("invitations/gone")
        response.status_code = 404
        return response
    return desk.render("invitations/invitation", invitation=invitation, token=token)


@screen(blueprint, "POST", "/invitations/<token>", who="user", again=show_invitation)
def post_invitation(desk: Desk, token: str) -> Response:
    invitation = accept_invitation(token, desk.user)
    return desk.go(f"{HOME}/{invitation.store_id}/test", done="joined")
