"""Several who decide about the same team at the very same moment."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from checkout.core.db import unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.invitations import accept_invitation, invite_member
from checkout.merchants.members import add_member, change_role, leave_store, remove_member
from checkout.merchants.users import delete_user
from tests.factories.books import read, read_one
from tests.factories.people import make_user
from tests.factories.stores import make_store
from tests.races.crowd import Crowd

ROUNDS = 6
ROLES = "SELECT role FROM membership WHERE store_id = %(id)s ORDER BY role"


@pytest.fixture
def crowd(app, db_clean):
    crowd = Crowd(app, 4)
    yield crowd
    crowd.close()


def tried(call, *args, **kwargs):
    """None, or the code of the refusal."""
    try:
        with unit_of_work():
            call(*args, **kwargs)
    except Problem as problem:
        return problem.code
    return None


def make_owners(count: int = 2):
    store, users = make_store(), [make_user() for _ in range(count)]
    with unit_of_work():
        for user in users:
            add_member(store.id, user.id, "owner")
    return store.id, users


def by(user):
    return {"actor": f"user:{user.id}", "by_role": "owner"}


@pytest.mark.parametrize("how", ["leave", "remove", "demote", "delete"])
def test_two_owners_never_leave_a_store_alone(crowd, how):
    for _ in range(ROUNDS):
        store_id, (one, two) = make_owners()
        tasks = {
            "leave": [
                partial(tried, leave_store, store_id, user.id, actor=f"user:{user.id}")
                for user in (one, two)
            ],
            "remove": [
                partial(tried, remove_member, store_id, two.id, **by(one)),
                partial(tried, remove_member, store_id, one.id, **by(two)),
            ],
            "demote": [
                partial(tried, change_role, store_id, two.id, "viewer", **by(one)),
                partial(tried, change_role, store_id, one.id, "viewer", **by(two)),
            ],
            "delete": [partial(tried, delete_user, user.id) for user in (one, two)],
        }
        answers = crowd.at_once(*tasks[how])

        assert sorted(map(str, answers)) in (["None", "last_owner"], ["None", "sole_owner"])
        assert [row.role for row in read(ROLES, id=store_id)].count("owner") == 1


def test_an_invitation_has_one_place(crowd):
    for _ in range(ROUNDS):
        store_id, (owner,) = make_owners(1)
        guest = make_user()
        with unit_of_work():
            invite_member(store_id, guest.email, "support", **by(owner))
        mail = read_one("SELECT text_body FROM mail ORDER BY id DESC LIMIT 1").text_body
        token = mail.partition("/dashboard/invitations/")[2].split()[0]
        who = SimpleNamespace(email=guest.email, user_id=guest.id)

        answers = crowd.at_once(*[partial(tried, accept_invitation, token, who)] * 4)

        assert sorted(map(str, answers)) == ["None", *["invitation_invalid"] * 3]
        assert [row.role for row in read(ROLES, id=store_id)] == ["owner", "support"]
