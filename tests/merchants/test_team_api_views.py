"""Teams over the API: who may decide about whom."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, run, unit_of_work
from checkout.merchants import members
from checkout.merchants.members import member_role
from checkout.merchants.roles import ROLE_NAMES
from tests.factories.desks import make_desk
from tests.factories.teams import make_member


@pytest.fixture
def call(client):
    """The status and the code of the refusal, or the answer."""

    def call(member, method, path, body=None, status=None):
        path = path if path.startswith("/api") else f"{member.path}{path}"
        answer = client.open(path, method=method, json=body, headers=member.headers())
        if status is not None:
            assert answer.status_code == status, answer.text
            return answer.get_json()
        return answer.status_code, answer.get_json().get("error", {}).get("code")

    return call


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_invitations_are_told_to_those_who_invite(call, role):
    owner = make_member()
    me = make_member(role, owner.store_id)
    body = {"email": "mai@homestay.example", "role": "viewer"}
    call(owner, "POST", "/members", body, status=201)

    team = call(me, "GET", "/members", status=200)

    assert len(team["data"]) == 2
    told = [one["email"] for one in team["invitations"]]
    assert told == (["mai@homestay.example"] if role in ("owner", "admin") else [])


def test_an_admin_decides_about_everybody_but_owners(call):
    owner = make_member()
    admin, viewer = (make_member(role, owner.store_id) for role in ("admin", "viewer"))
    not_allowed = (403, "role_not_allowed")

    for target in (admin, viewer):
        path = f"/members/{target.user.id}"
        assert call(admin, "PATCH", path, {"role": "owner"}) == not_allowed
    assert call(admin, "PATCH", f"/members/{owner.user.id}", {"role": "viewer"}) == not_allowed
    assert call(admin, "DELETE", f"/members/{owner.user.id}") == not_allowed
    invited = {"email": "mai@homestay.example", "role": "owner"}
    assert call(admin, "POST", "/members", invited) == not_allowed
    assert member_role(owner.user.id, owner.store_id) == "owner"
    assert run("SELECT id FROM invitation") == []
    call(admin, "PATCH", f"/members/{viewer.user.id}", {"role": "support"}, status=200)
    call(admin, "DELETE", f"/members/{viewer.user.id}", status=200)


def test_the_last_owner_stays(call):
    owner = make_member()
    path = f"/members/{owner.user.id}"

    assert call(owner, "PATCH", path, {"role": "admin"}) == (409, "last_owner")
    assert call(owner, "DELETE", path) == (409, "last_owner")
    assert call(owner, "POST", "/leave") == (409, "last_owner")
    assert call(owner, "DELETE", "/api/v1/users/me") == (409, "sole_owner")


def test_who_is_removed_opens_nothing_any_more(call):
    owner = make_member()
    admin = make_member("admin", owner.store_id)
    call(admin, "GET", "/members", status=200)

    call(owner, "DELETE", f"/members/{admin.user.id}", status=200)

    assert call(admin, "GET", "/members") == (404, "resource_missing")
    assert call(admin, "GET", "/api/v1/payments") == (404, "resource_missing")


def test_an_owner_who_is_made_less_invites_no_owner_any_more(call):
    """Neither by an invitation that waits nor by a new one."""
    owner, other = make_member(), make_member()
    second = make_member("owner", owner.store_id)
    invited = {"email": other.user.email, "role": "owner"}
    call(second, "POST", "/members", invited, status=201)

    call(owner, "PATCH", f"/members/{second.user.id}", {"role": "admin"}, status=200)

    assert call(owner, "GET", "/members", status=200)["invitations"] == []
    assert call(second, "POST", "/members", invited) == (403, "role_not_allowed")


@pytest.mark.parametrize("role", [None, "viewer"])
def test_who_was_removed_in_another_process_changes_nothing_from_then_on(call, monkeypatch, role):
    """However fresh the memory is of a member who could: a key would outlive it."""
    me, desk = make_member(), make_desk()
    monkeypatch.setattr(members._found, "kept_seconds", 600)
    call(me, "GET", "/keys", status=200)
    desk.get("/keys")
    with unit_of_work():
        if role is None:
            execute("DELETE FROM membership")
        else:
            execute("UPDATE membership SET role = %(role)s", role=role)
    call(me, "GET", "/keys", status=200)

    refused = (404, "resource_missing") if role is None else (403, "role_not_allowed")
    assert call(me, "POST", "/keys", {"kind": "secret", "name": "mine"}) == refused
    desk.refused("/keys", {"kind": "secret", "name": "mine"}, status=refused[0])
    assert run("SELECT id FROM api_key") == []
