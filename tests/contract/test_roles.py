"""Who may do what: every operation × each role, a foreign store, the wrong mode, no token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout.core.api import BASE_PATH, OPERATIONS, Operation
from checkout.core.ids import new_id
from checkout.merchants.roles import FOR_PEOPLE, KEY_ACTIONS, ROLE_NAMES, ROLES, may
from tests.contract.conftest import count_rows
from tests.factories.stores import make_shop
from tests.factories.teams import Member, make_member
from tests.factories.trades import OF_BOTH_MODES, PREFIXES

WORDS = {"rail": "vietqr"}
LAST = [("DELETE", "/stores/{store_id}"), ("POST", "/stores/{store_id}/leave")]
"""Who has left a store is a stranger to it: these are tried after all others."""


def of_stores() -> list[Operation]:
    """Every operation on a store's data."""
    made = {(found.method, found.path): found for found in OPERATIONS if found.action}
    last = {name: place for place, name in enumerate(LAST, start=1)}
    return sorted(made.values(), key=lambda found: last.get((found.method, found.path), 0))


def of_people() -> list[Operation]:
    """Every operation that needs a signed-in user and no store."""
    return [found for found in OPERATIONS if found.surface == "user"]


def fill(made: Operation, store_id: str, ids: dict[str, str] | None = None) -> str:
    """The operation's address, with ids that nobody has where none are given."""
    given = {name: new_id(prefix) for name, prefix in PREFIXES.items()} | (ids or {})
    return BASE_PATH + made.path.format(**given, **WORDS, store_id=store_id)


def call(api: FlaskClient, made: Operation, path: str, headers: dict[str, str]) -> Any:
    return api.open(path, method=made.method, headers=headers)


def code_of(answer: Any) -> tuple[int, str | None]:
    body = answer.get_json(silent=True) or {}
    return answer.status_code, body["error"]["code"] if "error" in body else None


@pytest.fixture
def say(api: FlaskClient) -> Callable[..., Any]:
    """Calls an operation with its own example's query and body, so that only ids can be refused."""
    paths = api.get("/api/v1/openapi.json").get_json()["paths"]

    def send(made: Operation, path: str, headers: dict[str, str]) -> Any:
        told = paths[BASE_PATH + made.path][made.method.lower()]
        asked = [one for one in told.get("parameters", ()) if one["in"] == "query"]
        media = told.get("requestBody", {}).get("content", {}).get("application/json")
        return api.open(
            path,
            method=made.method,
            headers=headers,
            query_string={one["name"]: one["example"] for one in asked if one.get("required")},
            json=media["example"] if media else None,
        )

    return send


@pytest.fixture
def member(contract_app: Flask):
    def make(role: str = "owner", store_id: str | None = None) -> Member:
        with contract_app.app_context():
            return make_member(role, store_id)

    return make


def test_every_operation_names_an_action_of_the_table_and_every_action_is_used(contract_app):
    shops = {found.action for found in OPERATIONS if found.surface in ("secret", "member")}
    ours = {found.action for found in of_stores()}

    assert "" not in shops
    assert ours <= set(ROLES)
    assert set(ROLES) <= ours


def test_the_table_itself():
    for role in ROLE_NAMES:
        assert may(role, "payments.read")
        assert may(role, "members.leave")
    for action in ROLES:
        assert may("owner", action)
        assert may("support", action) or not may("viewer", action)
        assert may("admin", action) or not may("support", action)
    for area in ("keys", "rails", "members", "stores", "webhook_endpoints"):
        assert not may("support", f"{area}.write")
        assert may("admin", f"{area}.write")
    assert not any(action.endswith((".write", ".delete")) for action in actions("viewer"))
    assert not any(action.startswith(FOR_PEOPLE) for action in KEY_ACTIONS)
    with pytest.raises(KeyError):
        may("owner", "everything.write")


def actions(role: str) -> list[str]:
    return [action for action in ROLES if may(role, action)]


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_role_does_what_the_table_says_and_no_more(api, contract_app, member, role):
    me = member(role)
    before = count_rows(contract_app)
    allowed = 0
    for made in of_stores():
        answer = call(api, made, fill(made, me.store_id), me.headers())
        status, code = code_of(answer)
        if may(role, made.action):
            allowed += 1
            assert status not in (401, 403), (made.method, made.path, answer.text)
        else:
            assert (status, code) == (403, "role_not_allowed"), (made.method, made.path)
            assert count_rows(contract_app) == before, made.path
        before = count_rows(contract_app)
    assert allowed == sum(may(role, made.action) for made in of_stores())


def test_another_store_is_missing(api, contract_app, member):
    other = member()
    for number, made in enumerate(of_stores()):
        if number % 20 == 0:
            # A stranger's calls are limited as such.
            me = member()
        before = count_rows(contract_app)
        for foreign in (other.store_id, new_id("sto"), "sto_x"):
            path = fill(made, foreign)
            answer = call(api, made, path, me.headers(store_id=foreign))
            assert code_of(answer) == (404, "resource_missing"), (made.method, made.path)
        assert count_rows(contract_app) == before


def test_the_ids_of_another_store_are_missing(say, contract_app, member, trade):
    me, before = member(), count_rows(contract_app)
    for made in of_stores():
        if set(made.arguments) <= {"store_id", "rail"}:
            continue
        answer = say(made, fill(made, me.store_id, trade.ids), me.headers())
        assert code_of(answer) == (404, "resource_missing"), (made.method, made.path, answer.text)
    assert count_rows(contract_app) == before


def test_the_other_modes_ids_are_missing(say, contract_app, member, trade):
    me = member(store_id=trade.shop.store.id)
    before = count_rows(contract_app)
    for made in of_stores():
        of_a_mode = set(made.arguments) - OF_BOTH_MODES - {"rail", "key_id"}
        if not of_a_mode or made.path.startswith("/test/"):
            # Keys say themselves which mode they are of, so one list holds both.
            continue
        answer = say(made, fill(made, me.store_id, trade.ids), me.headers("live"))
        assert code_of(answer) == (404, "resource_missing"), (made.method, made.path, answer.text)
    assert count_rows(contract_app) == before


def test_without_a_token_nothing_opens(api, contract_app):
    before = count_rows(contract_app)
    for made in (*of_stores(), *of_people()):
        answer = call(api, made, fill(made, new_id("sto")), {})
        assert code_of(answer) == (401, "missing_api_key"), (made.method, made.path)
    assert count_rows(contract_app) == before


def test_a_wrong_token_opens_nothing(api, contract_app, member):
    me, before = member(), None
    before = count_rows(contract_app)
    for number, made in enumerate((*of_stores(), *of_people())):
        headers = me.headers() | {"Authorization": "Bearer at_nobody"}
        answer = api.open(
            fill(made, me.store_id),
            method=made.method,
            headers=headers,
            environ_base={"REMOTE_ADDR": f"198.51.100.{number}"},
        )
        assert code_of(answer) == (401, "invalid_token"), (made.method, made.path)
    assert count_rows(contract_app) == before


def test_a_secret_key_is_no_person(api, contract_app):
    with contract_app.app_context():
        shop = make_shop()
    for made in OPERATIONS:
        if made.surface in ("member", "user"):
            answer = call(api, made, fill(made, shop.store.id), shop.headers)
            assert code_of(answer) == (403, "user_token_required"), (made.method, made.path)


@pytest.mark.parametrize("action", KEY_ACTIONS)
def test_a_restricted_key_does_that_one_thing(api, contract_app, action):
    from checkout.core.db import unit_of_work
    from checkout.keys.create import create_key

    with contract_app.app_context():
        store = make_shop().store
        with unit_of_work():
            _, plain = create_key(store.id, False, "secret", "one thing", scopes=[action])
    for made in of_stores():
        if made.surface == "secret":
            answer = call(api, made, fill(made, store.id), {"Authorization": f"Bearer {plain}"})
            status, code = code_of(answer)
            if made.action == action:
                assert status != 403, made.path
            else:
                assert (status, code) == (403, "key_not_allowed"), made.path


class TestHeaders:
    def test_the_store_must_be_named(self, api, member):
        answer = api.get("/api/v1/payments", headers=member().token)

        assert code_of(answer) == (422, "missing_required_field")
        assert answer.get_json()["error"]["param"] == "X-Store"

    @pytest.mark.parametrize("mode", ["", "LIVE", "both"])
    def test_another_mode_is_none(self, api, member, mode):
        me = member()
        answer = api.get("/api/v1/payments", headers=me.headers(mode))

        assert code_of(answer) == (422, "invalid_value")
        assert answer.get_json()["error"]["param"] == "X-Mode"

    def test_without_a_mode_it_is_test_mode(self, api, member, trade):
        me = member(store_id=trade.shop.store.id)
        headers = {**me.token, "X-Store": me.store_id}

        data = api.get("/api/v1/payments", headers=headers).get_json()["data"]

        assert data
        assert not any(payment["livemode"] for payment in data)

    def test_live_and_test_do_not_mix(self, api, member, trade):
        me = member(store_id=trade.shop.store.id)

        assert api.get("/api/v1/payments", headers=me.headers("live")).get_json()["data"] == []

    def test_what_a_member_does_is_told_of_them(self, api, contract_app, member, trade):
        me = member("support", trade.shop.store.id)
        session = trade.lists["session_id"][0]
        answer = api.post(f"/api/v1/checkout/sessions/{session}/cancel", headers=me.headers())
        assert answer.status_code == 200
        answer = api.post(
            f"/api/v1/transfers/{trade.ids['transfer_id']}/resolve",
            json={"action": "write_off", "note": "returned by hand"},
            headers=me.headers(),
        )
        assert answer.status_code == 200

        owner = member("owner", trade.shop.store.id)
        told = api.get(f"{owner.path}/audit?actor=user:{me.user.id}", headers=owner.token)
        lines = [(line["action"], line["target"]) for line in told.get_json()["data"]]
        assert lines == [
            ("transfer.resolved", trade.ids["transfer_id"]),
            ("session.cancelled", session),
        ]

    def test_a_member_names_a_customer_as_the_shop_does(self, api, member, trade):
        me = member("support", trade.shop.store.id)
        answer = api.post(
            "/api/v1/checkout/sessions",
            json={
                "amount": 5000,
                "currency": "VND",
                "customer_id": trade.ids["customer_id"],
            },
            headers=me.headers(),
        )

        assert answer.status_code == 201
        assert answer.get_json()["customer"] == trade.ids["customer_id"]
