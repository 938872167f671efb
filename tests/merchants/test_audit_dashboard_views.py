"""The audit trail in the browser, and that nothing which opens doors is done without an entry."""

from __future__ import annotations

import ast
import base64
import re
from io import BytesIO

import pytest
from PIL import Image

from checkout.core.api import BASE_PATH, OPERATIONS
from checkout.core.audit import record_audit, record_security
from checkout.core.db import one, run, unit_of_work
from checkout.core.i18n import LOCALES, catalogue
from checkout.merchants.trail import ACTIONS, REFUSALS, AuditList, list_trail
from tests.factories.desks import make_desk
from tests.factories.people import make_user
from tests.factories.stores import VIETQR, make_shop, make_store
from tests.factories.teams import make_member
from tests.support.source import PACKAGE, python_files, read_tree

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
WRITERS = ("record_audit", "_note_person", "_record")


def note(store_id: str, action: str, actor: str = "command", **details) -> None:
    with unit_of_work():
        record_audit(store_id, actor, action, target=details.pop("target", store_id), **details)


def written_actions() -> set[str]:
    """Every action that the code writes down."""
    return {
        word.value
        for path in python_files(PACKAGE)
        for call in ast.walk(read_tree(path))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in WRITERS
        for word in call.args
        if isinstance(word, ast.Constant) and ACTION.fullmatch(str(word.value))
    }


def test_the_list_of_actions_is_complete():
    assert written_actions() - set(ACTIONS) == set()
    assert len(ACTIONS) == len(set(ACTIONS))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_action_is_told_in_plain_words(locale):
    texts = catalogue(locale)
    for action in ACTIONS:
        assert f"audit.did.{action}" in texts
        assert f"audit.area.{action.partition('.')[0]}" in texts
    for kind in REFUSALS:
        assert f"audit.refused.{kind}" in texts


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["audit", "security"])
def test_the_page_in_every_language(app, locale, kind):
    desk = make_desk(locale=locale)

    page = desk.get(f"/audit?kind={kind}")

    assert f'<html lang="{locale}">' in page
    assert 'aria-current="page"' in page


def test_who_did_what_when_and_from_where(app):
    desk = make_desk()
    desk.done("/settings", {"duration_minutes": "45"})

    page = desk.get("/audit")

    newest = one(
        "SELECT seq, hash FROM audit_entry WHERE store_id = %(id)s ORDER BY seq DESC",
        id=desk.store_id,
    )
    assert desk.user.name in page
    assert "changed the settings:" in page
    assert "duration_minutes" in page
    assert "127.0.0.1" in page
    assert newest.hash in page
    assert f"{newest.hash[:12]}…" in page


def test_it_is_searched_by_part_person_thing_and_day(app):
    desk = make_desk()
    other = make_user()
    note(desk.store_id, "rail.configured", f"user:{other.id}", target="ra_x", rail="vietqr")
    note(desk.store_id, "key.created", target="key_x", name="For the shop")

    def shows(query: str) -> tuple[bool, bool]:
        found = desk.get(f"/audit?{query}").partition('id="list"')[2]
        return "set up a way to pay:" in found, "made an API key:" in found

    assert shows("") == (True, True)
    assert shows("area=rail") == (True, False)
    assert shows("area=key.created") == (False, True)
    assert shows(f"actor=user:{other.id}") == (True, False)
    assert shows("actor=command") == (False, True)
    assert shows("target=key_x") == (False, True)
    assert shows("until=2020-01-01") == (False, False)
    assert shows("since=2020-01-01") == (True, True)
    assert shows("since=2999-01-01") == (False, False)


def test_commands_have_one_name_in_old_entries_and_new_ones(app):
    desk = make_desk()
    note(desk.store_id, "key.created", actor="cli", name="an old one")
    note(desk.store_id, "key.created", name="a new one")
    note(desk.store_id, "key.created", actor="system", name="not by hand")

    for asked in ("command", "cli"):
        page = desk.get(f"/audit?actor={asked}")

        assert ("an old one" in page, "a new one" in page) == (True, True)
        assert "not by hand" not in page
        assert page.count(">Operator&#39;s command</a>") == 2
        assert '<option value="command" selected>' in page
        assert "cli" not in re.findall(r'value="([a-z]+)"', page)


@pytest.mark.parametrize(
    "query",
    [
        "since=soon",
        "since=9999-12-31",
        "until=0001-01-01",
        "area=%25",
        "actor=%00",
        "target=x&kind=security",
    ],
)
def test_odd_filters_are_no_crash(app, query):
    desk = make_desk()

    assert desk.client.get(desk.url(f"/audit?{query}")).status_code in (200, 400, 422)


def test_pages_go_on_to_the_first_entry(app):
    desk = make_desk()
    for number in range(55):
        note(desk.store_id, "key.revoked", target=f"key_{number}")

    first = desk.get("/audit")
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")

    assert "key_54" in first
    assert ">key_0<" not in first
    assert ">key_0<" in desk.get(older)


def test_what_was_refused_stands_beside_it(app):
    desk = make_desk()
    viewer = make_desk("viewer", store_id=desk.store_id)
    viewer.get("/audit", status=403)
    record_security("log_in_failed", actor=f"user:{viewer.user.id}", reason="invalid_credentials")
    record_security("log_in_failed", actor=f"user:{make_user().id}", reason="stranger_reason")

    page = desk.get("/audit?kind=security")

    assert "was refused: not within the role or key" in page
    assert "failed to sign in" in page
    assert "Kept for 90 days" in page
    assert "Nothing here can be changed" not in page
    assert "stranger_reason" not in page
    found = list_trail(desk.store_id, AuditList(kind="security", include="total_count"))
    assert found["total_count"] == len(found["data"]) == 2


def test_who_asked_too_often_stands_there_in_its_own_store(app, client):
    shop, other = make_shop(rate_limit_per_minute=1), make_shop(rate_limit_per_minute=1)
    for one_shop in (shop, shop, shop, other, other, other):
        client.get("/api/v1/payments", headers=one_shop.headers)
    desk = make_desk(store_id=shop.store.id)

    page = desk.get("/audit?kind=security&area=rate_limited").partition('id="list"')[2]

    assert "asked too often:" in page
    assert "GET /api/v1/payments" in page
    assert "for tests" in page
    assert shop.key_id in page
    assert other.key_id not in page


def test_a_members_own_limits_are_their_own(app):
    desk = make_desk()
    member = make_desk("viewer", store_id=desk.store_id)
    for kind in ("rate_limited", "foreign_form", "two_factor_off"):
        record_security(kind, actor=f"user:{member.user.id}")

    assert list_trail(desk.store_id, AuditList(kind="security"))["data"] == []


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_only_managers_read_it(app, role):
    make_desk(role).get("/audit", status=403)


def test_another_stores_entries_are_not_there(app):
    desk, other = make_desk(), make_store()
    note(other.id, "key.created", target="key_foreign")

    assert "key_foreign" not in desk.get("/audit")


def test_a_strangers_name_is_not_told_to_who_asks_for_the_id(app):
    desk, stranger = make_desk(), make_desk()
    with unit_of_work():
        run("UPDATE app_user SET name = 'Vuthy' WHERE id = %(id)s", id=stranger.user.id)
    path = f"/audit?actor=user:{stranger.user.id}"

    assert "Vuthy" not in desk.get(path)
    note(desk.store_id, "member.removed", actor=f"user:{stranger.user.id}")
    assert "Vuthy" in desk.get(path)


# Every door that opens leaves a line.

AUDITED = {
    ("DELETE", "/stores/{store_id}"): "store.deleted",
    ("PATCH", "/stores/{store_id}"): "store.changed",
    ("PUT", "/stores/{store_id}/logo"): "store.logo_set",
    ("DELETE", "/stores/{store_id}/logo"): "store.logo_removed",
    ("PUT", "/stores/{store_id}/rails/{rail}"): "rail.configured",
    ("POST", "/stores/{store_id}/keys"): "key.created",
    ("DELETE", "/stores/{store_id}/keys/{key_id}"): "key.revoked",
    ("POST", "/stores/{store_id}/members"): "member.invited",
    ("DELETE", "/stores/{store_id}/invitations/{invitation_id}"): "member.invitation_revoked",
    ("PATCH", "/stores/{store_id}/members/{user_id}"): "member.changed",
    ("DELETE", "/stores/{store_id}/members/{user_id}"): "member.removed",
    ("POST", "/stores/{store_id}/leave"): "member.removed",
    ("POST", "/webhook-endpoints"): "webhook_endpoint.created",
    ("PATCH", "/webhook-endpoints/{endpoint_id}"): "webhook_endpoint.updated",
    ("POST", "/webhook-endpoints/{endpoint_id}/rotate-secret"): "webhook_endpoint.secret_rotated",
    ("DELETE", "/webhook-endpoints/{endpoint_id}"): "webhook_endpoint.deleted",
    ("POST", "/transfers/{transfer_id}/resolve"): "transfer.resolved",
}
CHANGES_NOTHING = {
    ("POST", "/stores/{store_id}/rails/{rail}/test"),
    ("POST", "/webhook-endpoints/{endpoint_id}/test"),
}
AREAS = ("stores.", "members.", "keys.", "rails.", "webhook_endpoints.", "transfers.")


def test_every_call_that_opens_a_door_is_known_here(app):
    changing = {
        (made.method, made.path)
        for made in OPERATIONS
        if made.method != "GET" and made.action.startswith(AREAS)
    }

    assert changing - CHANGES_NOTHING == set(AUDITED)


def picture() -> str:
    made = BytesIO()
    Image.new("RGB", (9, 9)).save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def test_every_door_leaves_a_line(client):
    me = make_member()
    helper = make_member("support", me.store_id)
    done = []

    def call(method: str, path: str, body=None, **ids: str):
        filled = BASE_PATH + path.format(store_id=me.store_id, rail="vietqr", **ids)
        answer = client.open(filled, method=method, json=body, headers=me.headers())
        assert answer.status_code < 300, answer.text
        (entry,) = run(
            "SELECT * FROM audit_entry WHERE store_id = %(id)s ORDER BY seq DESC LIMIT 1",
            id=me.store_id,
        )
        assert entry.action == AUDITED[method, path]
        assert entry.actor == f"user:{me.user.id}"
        assert entry.address == "127.0.0.1"
        done.append((method, path))
        return answer.json

    call("PATCH", "/stores/{store_id}", {"max_attempts": 5})
    call("PUT", "/stores/{store_id}/logo", {"image": picture()})
    call("DELETE", "/stores/{store_id}/logo")
    call("PUT", "/stores/{store_id}/rails/{rail}", {"settings": VIETQR})
    key = call("POST", "/stores/{store_id}/keys", {"kind": "secret", "name": "shop"})
    call("DELETE", "/stores/{store_id}/keys/{key_id}", key_id=key["id"])
    invited = {"email": "new@shop.example", "role": "viewer"}
    invitation = call("POST", "/stores/{store_id}/members", invited)
    path = "/stores/{store_id}/invitations/{invitation_id}"
    call("DELETE", path, invitation_id=invitation["id"])
    path = "/stores/{store_id}/members/{user_id}"
    call("PATCH", path, {"role": "viewer"}, user_id=helper.user.id)
    call("DELETE", path, user_id=helper.user.id)
    wanted = {"url": "https://shop.example/hook", "enabled_events": ["*"]}
    made = call("POST", "/webhook-endpoints", wanted)
    path = "/webhook-endpoints/{endpoint_id}"
    call("PATCH", path, {"description": "main"}, endpoint_id=made["id"])
    call("POST", f"{path}/rotate-secret", endpoint_id=made["id"])
    call("DELETE", path, endpoint_id=made["id"])
    make_member("owner", me.store_id)
    call("POST", "/stores/{store_id}/leave")

    # What becomes of held money is tried in tests/payments, the end of a store in
    # tests/merchants/test_delete_store.py.
    elsewhere = {
        ("POST", "/transfers/{transfer_id}/resolve"),
        ("DELETE", "/stores/{store_id}"),
    }
    assert set(done) == set(AUDITED) - elsewhere
