"""`/api/v1/stores/{id}/members`: who belongs to a store, and who is invited."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.merchants.invitations import (
    accept_invitation,
    invite_member,
    list_invitations,
    revoke_invitation,
)
from checkout.merchants.members import (
    change_role,
    leave_store,
    list_members,
    load_member,
    remove_member,
)
from checkout.merchants.roles import may
from checkout.merchants.store_objects import (
    Accept,
    ChangeRole,
    GoneAnswer,
    InvitationAnswer,
    Invite,
    MemberAnswer,
    TeamAnswer,
    invitation_object,
    member_object,
    whole_list,
)

blueprint = Blueprint("team_api", __name__, url_prefix="/api/v1")
TAG = "Team"


@operation(
    blueprint,
    "GET",
    "/stores/<store_id>/members",
    summary="List a store's team",
    answer=TeamAnswer,
    tag=TAG,
    surface="member",
    description="Whom somebody has invited is told to those who may invite.",
)
def get_members(call: Call) -> dict[str, Any]:
    """Members in the order in which they came, and open invitations."""
    store_id = call.scope.store_id
    invited = list_invitations(store_id) if may(str(call.scope.role), "members.write") else []
    return {
        **whole_list([member_object(row) for row in list_members(store_id)]),
        "invitations": [invitation_object(row) for row in invited],
    }


@operation(
    blueprint,
    "POST",
    "/stores/<store_id>/members",
    summary="Invite somebody",
    body=Invite,
    answer=InvitationAnswer,
    status=201,
    errors=("already_member", "too_many_invitations", "invalid_email"),
    tag=TAG,
    surface="member",
    description="They get a mail with a link that is good once, for 7 days. Inviting the same"
    " address again replaces the first invitation. Only an owner invites owners.",
)
def post_member(call: Call) -> dict[str, Any]:
    """The invitation."""
    scope, body = call.scope, call.body
    row = invite_member(
        scope.store_id, body.email, body.role, actor=scope.actor, by_role=str(scope.role)
    )
    return invitation_object(row)


@operation(
    blueprint,
    "PATCH",
    "/stores/<store_id>/members/<user_id>",
    summary="Change a member's role",
    body=ChangeRole,
    answer=MemberAnswer,
    errors=("last_owner",),
    tag=TAG,
    surface="member",
    description="Only an owner makes or unmakes an owner.",
)
def patch_member(call: Call, user_id: str) -> dict[str, Any]:
    """The member as they are now."""
    scope = call.scope
    change_role(scope.store_id, user_id, call.body.role, actor=scope.actor, by_role=str(scope.role))
    return member_object(load_member(scope.store_id, user_id))


@operation(
    blueprint,
    "DELETE",
    "/stores/<store_id>/members/<user_id>",
    summary="Remove a member",
    answer=GoneAnswer,
    errors=("last_owner",),
    tag=TAG,
    surface="member",
)
def delete_member(call: Call, user_id: str) -> dict[str, Any]:
    """Within a second they open nothing of the store."""
    scope = call.scope
    remove_member(scope.store_id, user_id, actor=scope.actor, by_role=str(scope.role))
    return {"id": user_id, "object": "member", "deleted": True}


@operation(
    blueprint,
    "POST",
    "/stores/<store_id>/leave",
    summary="Leave a store",
    answer=GoneAnswer,
    errors=("last_owner",),
    tag=TAG,
    surface="member",
    action="members.leave",
)
def post_leave(call: Call) -> dict[str, Any]:
    """Whatever the role; the last owner stays."""
    scope = call.scope
    leave_store(scope.store_id, scope.user.user_id, actor=scope.actor)
    return {"id": scope.user.user_id, "object": "member", "deleted": True}


@operation(
    blueprint,
    "DELETE",
    "/stores/<store_id>/invitations/<invitation_id>",
    summary="Take an invitation back",
    answer=GoneAnswer,
    tag=TAG,
    surface="member",
    action="members.write",
)
def delete_invitation(call: Call, invitation_id: str) -> dict[str, Any]:
    """Its link is dead at once."""
    scope = call.scope
    revoke_invitation(scope.store_id, invitation_id, actor=scope.actor, by_role=str(scope.role))
    return {"id": invitation_id, "object": "invitation", "deleted": True}


@operation(
    blueprint,
    "POST",
    "/invitations/accept",
    summary="Take an invitation",
    body=Accept,
    answer=MemberAnswer,
    errors=("invitation_invalid", "invitation_for_another"),
    tag=TAG,
    surface="user",
    description="With the token out of the mail's link, signed in as the invited address.",
)
def post_acceptance(call: Call) -> dict[str, Any]:
    """The caller as a member of the store."""
    user = call.scope.user
    row = accept_invitation(call.body.token, user)
    return member_object(load_member(row.store_id, user.user_id))
