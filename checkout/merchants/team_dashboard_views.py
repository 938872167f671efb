"""`/dashboard/<store>/<mode>/team`: who belongs to the store, in which role, and who is invited."""

from __future__ import annotations

from flask import Blueprint, Response

from checkout.merchants.invitations import invite_member, list_invitations, revoke_invitation
from checkout.merchants.members import (
    change_role,
    leave_store,
    list_members,
    load_member,
    remove_member,
)
from checkout.merchants.roles import ROLE_NAMES, Role, added_actions
from checkout.merchants.screens import HOME, Desk, screen
from checkout.merchants.store_objects import ChangeRole, Invite

blueprint = Blueprint("team_dashboard", __name__)

STORES = f"{HOME}/stores"


@screen(blueprint, "GET", "/team", action="members.read")
def show_team(desk: Desk) -> Response:
    store_id = desk.scope.store_id
    return desk.render(
        "team/team",
        members=list_members(store_id),
        invitations=list_invitations(store_id) if desk.may("members.write") else [],
        roles=_roles_to_give(desk),
        sentences=[(role, _tell_role(desk, role)) for role in reversed(ROLE_NAMES)],
    )


@screen(
    blueprint,
    "POST",
    "/team/invitations",
    action="members.write",
    again=show_team,
    recent=True,
)
def post_invitation(desk: Desk) -> Response:
    scope, given = desk.scope, desk.read(Invite)
    invite_member(
        scope.store_id, given.email, given.role, actor=scope.actor, by_role=str(scope.role)
    )
    return desk.go(desk.path("/team"), done="invited")


@screen(blueprint, "POST", "/team/invitations/<invitation_id>/revocation", action="members.write")
def post_invitation_revocation(desk: Desk, invitation_id: str) -> Response:
    scope = desk.scope
    revoke_invitation(scope.store_id, invitation_id, actor=scope.actor, by_role=str(scope.role))
    return desk.go(desk.path("/team"), done="invitation_revoked")


@screen(blueprint, "GET", "/team/<user_id>", action="members.write")
def show_member(desk: Desk, user_id: str) -> Response:
    member = load_member(desk.scope.store_id, user_id)
    return desk.render("team/member", member=member, roles=_roles_to_give(desk))


@screen(
    blueprint,
    "POST",
    "/team/<user_id>/role",
    action="members.write",
    again=show_member,
    recent=True,
)
def post_role(desk: Desk, user_id: str) -> Response:
    scope = desk.scope
    change_role(
        scope.store_id,
        user_id,
        desk.read(ChangeRole).role,
        actor=scope.actor,
        by_role=str(scope.role),
    )
    return desk.go(desk.path("/team"), done="role_changed")


@screen(
    blueprint,
    "POST",
    "/team/<user_id>/removal",
    action="members.write",
    again=show_member,
    recent=True,
)
def post_removal(desk: Desk, user_id: str) -> Response:
    scope = desk.scope
    remove_member(scope.store_id, user_id, actor=scope.actor, by_role=str(scope.role))
    if user_id == desk.user.user_id:
        return desk.go(STORES, done="left")
    return desk.go(desk.path("/team"), done="member_removed")


@screen(blueprint, "POST", "/team/departure", action="members.leave", again=show_team)
def post_departure(desk: Desk) -> Response:
    """The last owner stays."""
    leave_store(desk.scope.store_id, desk.user.user_id, actor=desk.scope.actor)
    return desk.go(STORES, done="left")


def _roles_to_give(desk: Desk) -> list[Role]:
    """The least first; only owners make owners."""
    return [role for role in reversed(ROLE_NAMES) if role != "owner" or desk.scope.role == "owner"]


def _tell_role(desk: Desk, role: Role) -> str:
    """What a role may do, drawn from the table: what it adds to the role below it."""
    below, actions = added_actions(role)
    told = ", ".join(desk.t.or_same(f"action.{action}", action) for action in actions)
    if below is None:
        return desk.t("team.roles.first", actions=told)
    lower = desk.t(f"role.{below}")
    key = "team.roles.owner" if role == "owner" else "team.roles.more"
    return desk.t(key, role=lower, actions=told)
