"""The team on screen: who may do what, invited, changed, removed, gone."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, run, unit_of_work
from checkout.core.i18n import LOCALES, catalogue
from checkout.merchants.access import forget_found_users
from checkout.merchants.invitations import MOST_TO_ONE_A_DAY, invite_member
from checkout.merchants.members import member_role
from checkout.merchants.roles import ROLE_NAMES, ROLES, added_actions, may
from tests.factories.books import read_one
from tests.factories.desks import make_desk
from tests.factories.people import PASSWORD

HOME = "/dashboard"
EMAIL = "sokha@homestay.example"


@pytest.fixture
def desk(app):
    return make_desk()


def join(desk, role: str):
    """Another member of the same store."""
    return make_desk(role, store_id=desk.store_id)


def role_of(desk) -> str | None:
    return member_role(desk.user.id, desk.store_id)


def invite(desk, email: str = EMAIL, role: str = "support"):
    return desk.post("/team/invitations", {"email": email, "role": role})


def grow_old(desk) -> None:
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '1 hour'")
    forget_found_users()


class TestRoles:
    @pytest.mark.parametrize("locale", LOCALES)
    def test_every_action_of_the_table_has_words(self, locale):
        assert {action for action in ROLES if f"action.{action}" not in catalogue(locale)} == set()

    def test_each_role_is_told_by_what_it_adds(self):
        told = set()
        for role in reversed(ROLE_NAMES):
            below, actions = added_actions(role)
            told |= set(actions)
            assert {action for action in ROLES if may(role, action)} == told
            assert below is None or not {a for a in ROLES if may(below, a)} - told

    def test_the_page_says_what_a_role_may_do(self, desk):
        page = desk.get("/team")

        assert "All that “support” may, and also: delete customers," in page
        assert "make and revoke API keys" in page
        assert "decides alone who is an owner" in page


class TestInvitations:
    def test_one_is_sent_and_shown_until_taken(self, desk):
        page = desk.done("/team/invitations", {"email": EMAIL, "role": "support"})

        assert "The invitation is on its way." in page
        assert EMAIL in page
        mail = read_one("SELECT * FROM mail")
        assert (mail.recipient, mail.purpose) == (EMAIL, "invitation")
        line = read_one("SELECT * FROM audit_entry WHERE action = 'member.invited'")
        assert line.actor == f"user:{desk.user.id}"

    def test_an_address_that_is_none_is_said_at_its_field(self, desk):
        page = desk.refused("/team/invitations", {"email": "nobody", "role": "viewer"})

        assert 'id="e-email"' in page
        assert 'value="nobody"' in page
        assert '<option value="viewer" selected>' in page

    def test_who_is_in_the_team_is_not_invited(self, desk):
        other = join(desk, "viewer")

        form = {"email": other.user.email, "role": "admin"}
        assert "in the team already" in desk.refused("/team/invitations", form, 409)

    def test_one_is_taken_back(self, desk):
        invite(desk)
        row = read_one("SELECT * FROM invitation")

        page = desk.done(f"/team/invitations/{row.id}/revocation")

        assert "The invitation is taken back." in page
        assert EMAIL not in page

    def test_another_stores_is_not_there(self, desk):
        other = make_desk()
        invite(other)
        row = read_one("SELECT * FROM invitation")

        assert desk.post(f"/team/invitations/{row.id}/revocation").status_code == 404
        assert EMAIL not in desk.get("/team")

    def test_a_password_typed_lately_is_needed(self, desk):
        grow_old(desk)

        page = desk.refused("/team/invitations", {"email": EMAIL, "role": "support"}, 403)

        assert page.count('name="password_again"') == 1
        assert f'value="{EMAIL}"' in page
        assert run("SELECT 1 AS found FROM invitation") == []
        form = {"email": EMAIL, "role": "support", "password_again": PASSWORD}
        assert desk.post("/team/invitations", form).status_code == 303

    def test_an_admin_invites_no_owner(self, desk):
        admin = join(desk, "admin")

        assert '<option value="owner"' not in admin.get("/team")
        assert invite(admin, role="owner").status_code == 403
        assert run("SELECT 1 AS found FROM invitation") == []

    def test_an_admin_takes_no_owners_invitation_back(self, desk):
        admin = join(desk, "admin")
        with unit_of_work():
            row = invite_member(desk.store_id, EMAIL, "owner", actor="test", by_role="owner")

        assert "/revocation" not in admin.get("/team")
        assert admin.post(f"/team/invitations/{row.id}/revocation").status_code == 403
        assert read_one("SELECT revoked_at FROM invitation").revoked_at is None

    def test_an_admin_replaces_no_owners_invitation(self, desk):
        admin = join(desk, "admin")
        invite(desk, role="owner")

        assert invite(admin, role="viewer").status_code == 403
        assert read_one("SELECT revoked_at FROM invitation").revoked_at is None

    def test_who_is_removed_leaves_no_door_open(self, desk):
        admin = join(desk, "admin")
        invite(admin, "again@homestay.example", "admin")
        invite(desk)

        desk.done(f"/team/{admin.user.id}/removal")

        assert "again@homestay.example" not in desk.get("/team")
        assert EMAIL in desk.get("/team")

    @pytest.mark.parametrize(("role", "left"), [("admin", ["admin"]), ("support", [])])
    def test_who_may_less_offers_less(self, desk, role, left):
        other = join(desk, "owner")
        for place in ("owner", "admin"):
            invite(other, f"{place}@homestay.example", place)

        desk.done(f"/team/{other.user.id}/role", {"role": role})

        rows = run("SELECT role FROM invitation WHERE revoked_at IS NULL")
        assert [row.role for row in rows] == left

    def test_nobodys_mailbox_is_filled(self, desk):
        for _ in range(MOST_TO_ONE_A_DAY):
            assert invite(desk).status_code == 303

        for other in (desk, make_desk()):
            assert invite(other).status_code == 409
        assert invite(desk, "other@homestay.example").status_code == 303


class TestMembers:
    def test_they_are_listed(self, desk):
        other = join(desk, "support")
        stranger = make_desk()

        page = desk.get("/team")

        assert other.user.email in page
        assert stranger.user.email not in page
        assert page.count(">You<") == 1

    def test_a_role_is_changed(self, desk):
        other = join(desk, "viewer")

        page = desk.done(f"/team/{other.user.id}/role", {"role": "support"})

        assert "The role is changed." in page
        assert role_of(other) == "support"
        line = read_one("SELECT * FROM audit_entry WHERE action = 'member.changed'")
        assert line.actor == f"user:{desk.user.id}"

    def test_an_unknown_role_is_refused(self, desk):
        other = join(desk, "viewer")

        desk.refused(f"/team/{other.user.id}/role", {"role": "king"})
        assert role_of(other) == "viewer"

    def test_one_is_removed_and_opens_nothing(self, desk):
        other = join(desk, "admin")

        page = desk.done(f"/team/{other.user.id}/removal")

        assert "The member is removed." in page
        assert other.user.email not in page
        other.get("/team", 404)

    def test_the_last_owner_stays_one(self, desk):
        page = desk.refused(f"/team/{desk.user.id}/role", {"role": "viewer"}, 409)

        assert "keeps at least one owner" in page
        assert role_of(desk) == "owner"

    @pytest.mark.parametrize("form", ["role", "removal"])
    def test_an_admin_touches_no_owner(self, desk, form):
        admin = join(desk, "admin")

        answer = admin.post(f"/team/{desk.user.id}/{form}", {"role": "viewer"})

        assert answer.status_code == 403
        assert role_of(desk) == "owner"
        assert f"/team/{desk.user.id}" not in admin.get("/team")

    def test_an_admin_makes_nobody_an_owner(self, desk):
        admin = join(desk, "admin")

        answer = admin.post(f"/team/{admin.user.id}/role", {"role": "owner"})

        assert answer.status_code == 403
        assert role_of(admin) == "admin"

    @pytest.mark.parametrize("form", ["role", "removal"])
    def test_a_password_typed_lately_is_needed_by_the_form_that_was_sent(self, desk, form):
        other = join(desk, "viewer")
        grow_old(desk)

        page = desk.refused(f"/team/{other.user.id}/{form}", {"role": "support"}, 403)

        assert page.count('name="password_again"') == 1
        assert role_of(other) == "viewer"

    def test_somebody_of_another_store_is_not_there(self, desk):
        stranger = make_desk("viewer")

        desk.get(f"/team/{stranger.user.id}", 404)
        assert desk.post(f"/team/{stranger.user.id}/removal").status_code == 404
        assert role_of(stranger) == "viewer"

    def test_a_forged_form_removes_nobody(self, desk):
        other = join(desk, "viewer")

        assert desk.client.post(desk.url(f"/team/{other.user.id}/removal")).status_code == 403
        assert role_of(other) == "viewer"

    def test_names_are_only_text(self, desk):
        with unit_of_work():
            execute("UPDATE app_user SET name = '<b>Lan</b>'")

        assert "<b>Lan</b>" not in desk.get("/team")


class TestLeaving:
    @pytest.mark.parametrize("role", ["viewer", "support", "admin"])
    def test_everybody_may_go(self, desk, role):
        other = join(desk, role)

        page = other.done("/team/departure")

        assert "You have left the store." in page
        assert role_of(other) is None

    def test_the_last_owner_stays(self, desk):
        page = desk.refused("/team/departure", status=409)

        assert "keeps at least one owner" in page
        assert page.count('role="alert"') == 1
        assert role_of(desk) == "owner"


@pytest.mark.parametrize(
    ("role", "allowed"), [("admin", True), ("support", False), ("viewer", False)]
)
def test_who_manages_the_team(desk, role, allowed):
    member, other = join(desk, role), join(desk, "viewer")

    page = member.get("/team")

    assert ("/team/invitations" in page) == allowed
    member.get(f"/team/{other.user.id}", 200 if allowed else 403)
    assert invite(member).status_code == (303 if allowed else 403)
    assert member.post(f"/team/{other.user.id}/removal").status_code == (303 if allowed else 403)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_pages_speak_every_language(desk, locale):
    other = join(desk, "viewer")
    invite(desk)
    for path in ("/team", f"/team/{other.user.id}"):
        assert f'<html lang="{locale}">' in desk.get(f"{path}?lang={locale}")
