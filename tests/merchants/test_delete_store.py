"""A store ends: nothing opens any more, nothing it earned is lost, nothing of value is cut off."""

from __future__ import annotations

import pytest

from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.errors import Problem
from checkout.core.scope import Scope
from checkout.keys.authenticate import forget_found_keys
from checkout.keys.create import create_key
from checkout.merchants.delete_store import delete_store
from checkout.merchants.invitations import invite_member
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.readers import find_readers
from checkout.merchants.settings import read_settings
from checkout.merchants.stores import change_store
from checkout.webhooks.endpoints import create_endpoint
from tests.factories.books import check_books
from tests.factories.desks import make_desk
from tests.factories.people import PASSWORD
from tests.factories.teams import make_member
from tests.factories.till import make_till, memo_of


def delete(store_id):
    with unit_of_work():
        delete_store(store_id, actor="test")


def test_what_it_earned_stays_and_nothing_opens(client):
    till = make_till(client)
    store_id = till.shop.store.id
    owner = make_member("owner", store_id)
    till.pay(memo_of(till.make_attempt()), 500_000)
    waiting = till.make_attempt()

    answer = client.delete(owner.path, headers=owner.token)

    assert (answer.status_code, answer.get_json()) == (
        200,
        {"id": store_id, "object": "store", "deleted": True},
    )
    assert client.get(owner.path, headers=owner.token).status_code == 404
    forget_found_keys()
    assert till.call("GET", "/payments")[0] == 401
    assert one("SELECT count(*) AS n FROM payment").n == 1
    (line,) = run("SELECT * FROM audit_entry WHERE action = 'store.deleted'")
    assert (line.store_id, line.actor) == (store_id, f"user:{owner.user.id}")

    # Money that still comes is not lost.
    told = till.tell(till.notice(memo_of(waiting), 500_000))
    assert told.status_code == 200
    assert one("SELECT count(*) AS n FROM transfer").n == 2
    check_books()


def test_its_short_name_is_free_again(app):
    desk = make_desk()
    slug = one("SELECT slug FROM store WHERE id = %(id)s", id=desk.store_id).slug

    delete(desk.store_id)

    assert one("SELECT 1 AS one FROM store WHERE slug = %(slug)s", slug=slug) is None


def test_nobody_is_written_to_about_it_any_more(app):
    desk = make_desk()
    with unit_of_work():
        change_store(desk.store_id, {"contact_email": "lan@homestay.example"}, actor="test")
    assert [row.email for row in find_readers(desk.store_id)] == ["lan@homestay.example"]

    delete(desk.store_id)

    assert find_readers(desk.store_id) == []
    (row,) = run("SELECT settings FROM store WHERE id = %(id)s", id=desk.store_id)
    assert read_settings(row.settings).contact_email is None


def test_nothing_is_made_in_it_any_more(client):
    """By whoever was let in a moment before, and would come second."""
    till = make_till(client)
    store_id = till.shop.store.id
    scope = Scope(store_id, livemode=False, key_id="", actor="test", settings=None)
    makers = {
        "key": lambda: create_key(store_id, True, "secret", "late", actor="test"),
        "endpoint": lambda: create_endpoint(
            scope, url="https://shop.example/hook", enabled_events=["*"]
        ),
        "rail": lambda: configure_rail(store_id, False, "vietqr", {}, enabled=True, actor="test"),
        "invitation": lambda: invite_member(
            store_id, "mai@homestay.example", "viewer", actor="test", by_role="owner"
        ),
    }
    delete(store_id)

    for name, make in makers.items():
        with pytest.raises(Problem) as refused, unit_of_work():
            make()
        assert (refused.value.status, refused.value.code) == (404, "resource_missing"), name


@pytest.mark.parametrize("role", ["admin", "support", "viewer"])
def test_only_owners_delete(client, role):
    member = make_member(role)

    answer = client.delete(member.path, headers=member.token)

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "role_not_allowed")


def test_a_password_of_long_ago_is_not_enough(client):
    owner = make_member()
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '1 hour'")

    answer = client.delete(owner.path, headers=owner.token)

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "password_needed")


def test_a_live_store_in_use_stays(client):
    till = make_till(client, livemode=True)
    store_id = till.shop.store.id
    waiting = till.make_attempt()
    with pytest.raises(Problem, match="store_in_use"):
        delete(store_id)

    till.call("POST", f"/checkout/sessions/{waiting['session']}/cancel")
    held = till.pay("A GIFT", 80_000)
    with pytest.raises(Problem, match="store_in_use"):
        delete(store_id)

    till.resolve(held["id"], "write_off", note="sent back by hand")
    delete(store_id)


def test_in_the_browser_its_short_name_is_typed(app):
    desk = make_desk()
    slug = one("SELECT slug FROM store WHERE id = %(id)s", id=desk.store_id).slug
    assert "Delete this store" in desk.get("/settings")

    page = desk.refused("/settings/deletion", {"slug": "another", "password_again": PASSWORD})
    assert "This is not the store&#39;s short name." in page
    page = desk.post("/settings/deletion", {"slug": slug})

    assert (page.status_code, page.location) == (303, "/dashboard/stores")
    desk.get("", status=404)
