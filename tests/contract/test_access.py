"""Who may call what: every operation of the document, with every wrong key and foreign id."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from checkout.core.db import unit_of_work
from checkout.core.ids import new_id
from checkout.keys.revoke import revoke_key
from tests.contract.conftest import count_rows
from tests.factories.stores import Shop, make_shop
from tests.factories.trades import PREFIXES

# A body that each operation takes, so that nothing but the key or the id can be what is refused.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/checkout/sessions": {"amount": 50_000, "currency": "VND"},
    "PATCH /api/v1/checkout/sessions/{session_id}": {"metadata": {"a": "b"}},
    "POST /api/v1/checkout/sessions/{session_id}/attempts": {"rail": "vietqr"},
    "POST /api/v1/checkout/sessions/{session_id}/fulfilment": {"status": "confirmed"},
    "POST /api/v1/transfers/{transfer_id}/resolve": {"action": "write_off", "note": "n"},
    "POST /api/v1/customers/{customer_id}/wallet/topups": {"amount": 100_000, "currency": "VND"},
    "POST /api/v1/rails/khqr/check": {"md5s": ["0" * 32]},
    "POST /api/v1/test/clock/advance": {"seconds": 1},
    "POST /api/v1/test/rails/vietqr/faults": {"next": ["html"]},
    "POST /api/v1/widget/checkout": {"amount": 50_000, "currency": "VND"},
    "POST /api/v1/auth/register": {
        "email": "mai@homestay.example",
        "password": "a password for tests",
        "name": "Mai",
    },
    "POST /api/v1/auth/confirm-email": {"token": "ut_1", "password": "a password for tests"},
    "POST /api/v1/auth/login": {"email": "mai@homestay.example", "password": "x"},
    "POST /api/v1/auth/refresh": {"refresh_token": "rt_1"},
    "POST /api/v1/auth/forgot-password": {"email": "mai@homestay.example"},
    "POST /api/v1/auth/reset-password": {"token": "ut_1", "password": "a password for tests"},
    "PATCH /api/v1/users/me/password": {
        "current_password": "a password for tests",
        "new_password": "another password for tests",
    },
    "POST /api/v1/users/me/two-factor/confirm": {"code": "000000"},
    "POST /api/v1/customers": {"name": "Lan"},
    "PATCH /api/v1/customers/{customer_id}": {"name": "Lan"},
    "POST /api/v1/realtime-tokens": {"customer": "cus_1"},
    "POST /api/v1/webhook-endpoints": {"url": "http://127.0.0.1:1/x"},
    "PATCH /api/v1/webhook-endpoints/{endpoint_id}": {"description": "new"},
}

# What an operation must be asked, so that nothing but the key or the id can be refused.
QUERIES = {"GET /api/v1/customers/{customer_id}/wallet/can-pay": "?amount=1&currency=VND"}

MALFORMED = [
    "Bearer",
    "Bearer ",
    "Bearer sk_test_",
    "Bearer sk_test_unknown",
    "Bearer sk_test_ខ្មែរ",
    "Bearer " + "sk_live_" + "x" * 5000,
    "Bearer sk_test_a sk_test_b",
    "Bearer \x00",
    "Basic",
    "Basic !!!",
    "Basic " + base64.b64encode(b"sk_test_unknown:").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Digest username=x",
    "sk_test_bare",
    ",",
]


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    described: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def arguments(self) -> list[str]:
        return [name for name in PREFIXES if "{" + name + "}" in self.path]

    @property
    def secret(self) -> bool:
        return "security" not in self.described

    def fill(self, ids: dict[str, str]) -> str:
        return self.path.format(**ids) + QUERIES.get(self.label, "")

    def send(
        self, api: FlaskClient, path: str, headers: dict[str, str], address: str = "192.0.2.1"
    ) -> Any:
        return api.open(
            path,
            method=self.method,
            headers=headers,
            json=BODIES.get(self.label),
            environ_base={"REMOTE_ADDR": address},
        )


@pytest.fixture
def operations(api: FlaskClient) -> list[Operation]:
    """All that a key opens; a new one that no test here can fill is a failure.

    What only signed-in people do is tried in test_roles.py.
    """
    paths = api.get("/api/v1/openapi.json").get_json()["paths"]
    found = [
        Operation(method.upper(), path.replace("{rail}", "vietqr"), described)
        for path, methods in paths.items()
        for method, described in methods.items()
        if described.get("security") in (None, [{"publishable": []}])
    ]
    for operation in found:
        assert operation.path.count("{") == len(operation.arguments), operation.label
        needs_body = operation.described.get("requestBody", {}).get("required", False)
        assert not needs_body or operation.label in BODIES, operation.label
    assert len(found) >= 29
    return found


@pytest.fixture
def secret_operations(operations: list[Operation]) -> list[Operation]:
    return [operation for operation in operations if operation.secret]


def error_of(answer: Any) -> tuple[int, str | None]:
    body = answer.get_json()
    return answer.status_code, body["error"]["code"] if "error" in body else None


def without_request(answer: Any) -> dict[str, Any]:
    return {
        name: value for name, value in answer.get_json()["error"].items() if name != "request_id"
    }


def nothing_like(ids: dict[str, str]) -> dict[str, str]:
    return {name: new_id(PREFIXES[name]) for name in ids}


class TestKeys:
    def test_without_a_key_nothing_opens(self, api, contract_app, secret_operations, trade):
        before = count_rows(contract_app)
        for operation in secret_operations:
            answer = operation.send(api, operation.fill(trade.ids), {})
            assert error_of(answer) == (401, "missing_api_key"), operation.label
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert count_rows(contract_app) == before

    @pytest.mark.parametrize("header", MALFORMED)
    def test_a_malformed_key_opens_nothing(
        self, api, contract_app, secret_operations, trade, header
    ):
        before = count_rows(contract_app)
        for number, operation in enumerate(secret_operations):
            # Latin-1 is how a web server hands on the bytes of a header.
            headers = {"Authorization": header.encode().decode("latin-1")}
            answer = operation.send(
                api, operation.fill(trade.ids), headers, address=f"198.51.100.{number}"
            )
            assert answer.status_code == 401, operation.label
        assert count_rows(contract_app) == before

    def test_a_publishable_key_opens_nothing(
        self, api, contract_app, secret_operations, trade, publishable_key
    ):
        headers = {"Authorization": f"Bearer {publishable_key}"}
        before = count_rows(contract_app)
        for operation in secret_operations:
            answer = operation.send(api, operation.fill(trade.ids), headers)
            assert error_of(answer) == (403, "secret_key_required"), operation.label
        assert count_rows(contract_app) == before

    def test_a_revoked_key_opens_nothing(self, api, contract_app, secret_operations, trade):
        with contract_app.app_context():
            other = make_shop(store=trade.shop.store)
        first = secret_operations[0]
        opened = api.get("/api/v1/payments", headers=other.headers)
        assert opened.status_code == 200
        with contract_app.app_context(), unit_of_work():
            revoke_key(other.store.id, other.key_id)
        before = count_rows(contract_app)
        for number, operation in enumerate(secret_operations):
            address = f"198.51.100.{number}"
            answer = operation.send(api, operation.fill(trade.ids), other.headers, address)
            assert error_of(answer) == (401, "invalid_api_key"), operation.label
        assert count_rows(contract_app) == before
        assert first.send(api, first.fill(trade.ids), trade.headers).status_code < 400

    def test_another_process_refuses_a_revoked_key_within_a_second(
        self, api, contract_app, trade, monkeypatch
    ):
        with contract_app.app_context():
            other = make_shop(store=trade.shop.store)
        assert api.get("/api/v1/payments", headers=other.headers).status_code == 200

        # As another process does it: what this one has cached is not told.
        monkeypatch.setattr("checkout.keys.revoke.forget_found_keys", lambda: None)
        with contract_app.app_context(), unit_of_work():
            revoke_key(other.store.id, other.key_id)
        real = time.monotonic
        monkeypatch.setattr("checkout.core.brief_cache.time.monotonic", lambda: real() + 1.0)

        answer = api.get("/api/v1/payments", headers=other.headers)

        assert error_of(answer) == (401, "invalid_api_key")


class TestForeignIds:
    def test_what_belongs_to_another_store_is_missing(
        self, api, contract_app, secret_operations, trade, stranger
    ):
        check_missing(api, contract_app, secret_operations, stranger.ids, trade.shop)

    def test_what_belongs_to_the_other_mode_is_missing(
        self, api, contract_app, secret_operations, trade, live_key
    ):
        of_live = [item for item in secret_operations if "/test/" not in item.path]
        check_missing(api, contract_app, of_live, trade.ids, live_key)

    def test_a_live_key_plays_no_bank(self, api, contract_app, secret_operations, trade, live_key):
        before = count_rows(contract_app)
        for operation in secret_operations:
            if operation.path.startswith("/api/v1/test/"):
                answer = operation.send(api, operation.fill(trade.ids), live_key.headers)
                assert error_of(answer) == (403, "test_mode_only"), operation.label
        assert count_rows(contract_app) == before

    def test_an_id_of_another_kind_is_missing(self, api, contract_app, secret_operations, trade):
        for operation in secret_operations:
            for name in operation.arguments:
                wrong = trade.ids["event_id" if name != "event_id" else "session_id"]
                answer = operation.send(
                    api, operation.fill({**trade.ids, name: wrong}), trade.headers
                )
                assert error_of(answer) == (404, "resource_missing"), operation.label

    def test_foreign_ids_in_filters_are_missing(self, api, trade, stranger):
        theirs = stranger.ids
        customer = stranger.till.session(theirs["session_id"])["customer"]
        filters = {
            "/checkout/sessions": {"customer": customer},
            "/transfers": {"session": theirs["session_id"]},
            "/payments": {"session": theirs["session_id"], "customer": customer},
        }
        for path, given in filters.items():
            for name, value in given.items():
                for foreign in (value, "nonsense"):
                    status, answer = trade.till.call("GET", f"{path}?{name}={foreign}")
                    error = answer["error"]
                    assert (status, error["code"]) == (404, "resource_missing"), (path, name)
                    assert error["param"] == name

    def test_a_foreign_reference_finds_nothing(self, trade):
        _, found = trade.till.call("GET", "/checkout/sessions?reference=no-such")
        assert found["data"] == []

    def test_a_foreign_event_in_a_filter_is_missing(self, trade, stranger):
        path = f"/webhook-endpoints/{trade.ids['endpoint_id']}/deliveries?event="
        for event in (stranger.ids["event_id"], new_id("evt")):
            status, answer = trade.till.call("GET", path + event)
            assert (status, answer["error"]["code"]) == (404, "resource_missing")

    def test_lists_hold_only_their_own(self, api, operations, trade, stranger, live_key):
        for operation in lists_of(operations):
            path = operation.fill(trade.ids)
            mine = get_ids(api, path, trade.shop)
            other = get_ids(api, operation.fill(stranger.ids), stranger.shop)
            assert mine, path
            assert other
            assert not mine & other, operation.label
            if not operation.arguments:
                assert get_ids(api, path, live_key) == set()

    def test_a_foreign_cursor_is_missing(self, api, operations, trade, stranger, live_key):
        for operation in lists_of(operations):
            theirs = api.get(
                operation.fill(stranger.ids) + "?limit=1", headers=stranger.headers
            ).get_json()
            own = api.get(operation.fill(trade.ids) + "?limit=1", headers=trade.headers).get_json()
            for cursor, shop in (
                (theirs["next_cursor"], trade.shop),
                (own["next_cursor"], stranger.shop),
                (own["next_cursor"], live_key),
            ):
                if cursor is None or (operation.arguments and shop is not trade.shop):
                    continue
                path = operation.fill(trade.ids)
                answer = api.get(f"{path}?cursor={cursor}", headers=shop.headers)
                assert error_of(answer) == (404, "resource_missing"), operation.label

    def test_foreign_ids_in_bodies_are_missing(self, api, contract_app, trade, stranger):
        mine, theirs = trade.ids, stranger.ids
        customer = stranger.till.session(theirs["session_id"])["customer"]
        before = count_rows(contract_app)
        calls = [
            (
                "POST",
                f"/transfers/{mine['transfer_id']}/resolve",
                {"action": "assign", "note": "n", "session": theirs["session_id"]},
                "session",
            ),
            (
                "POST",
                "/checkout/sessions",
                {"amount": 5000, "currency": "VND", "customer_id": customer},
                "customer_id",
            ),
            (
                "PATCH",
                f"/checkout/sessions/{trade.lists['session_id'][0]}",
                {"customer_id": customer},
                "customer_id",
            ),
        ]
        for method, path, body, param in calls:
            status, answer = trade.till.call(method, path, body)
            assert (status, answer["error"]["code"]) == (404, "resource_missing"), path
            assert answer["error"]["param"] == param
        assert count_rows(contract_app) == before


class TestReading:
    def test_reading_changes_nothing(self, api, contract_app, operations, trade):
        rules = [rule.rule for rule in contract_app.url_map.iter_rules()]
        assert "/pay/<session_id>" in rules
        session = trade.ids["session_id"]
        pages = [
            f"/pay/{session}",
            f"/pay/{session}/panel",
            f"/pay/{session}/qr.svg",
            f"/pay/{session}/qr.png",
            f"/pay/{session}/receipt",
            f"/return/vietqr/{trade.ids['attempt_id']}",
            "/health/live",
            "/metrics",
            "/docs",
            *(operation.fill(trade.ids) for operation in operations),
        ]
        # The first call with a key notes its use; that is the key's own book-keeping.
        api.get("/api/v1/payments", headers=trade.headers)
        before = snapshot(contract_app)
        for path in pages:
            for method in ("GET", "HEAD", "OPTIONS"):
                answer = api.open(path, method=method, headers=trade.headers)
                assert answer.status_code < 500, (method, path)
        assert snapshot(contract_app) == before


def check_missing(
    api: FlaskClient,
    app: Flask,
    operations: list[Operation],
    ids: dict[str, str],
    caller: Shop,
) -> None:
    """The caller gets of these ids what it gets of ids that nobody has, and changes nothing."""
    before = count_rows(app)
    tried = 0
    for operation in operations:
        if not operation.arguments:
            continue
        foreign = operation.send(api, operation.fill(ids), caller.headers)
        nobodys = operation.send(api, operation.fill(nothing_like(ids)), caller.headers)
        assert error_of(foreign) == (404, "resource_missing"), operation.label
        assert foreign.status_code == nobodys.status_code
        assert without_request(foreign) == without_request(nobodys), operation.label
        tried += 1
    assert tried >= 18
    assert count_rows(app) == before


def lists_of(operations: list[Operation]) -> list[Operation]:
    return [
        operation
        for operation in operations
        if any(given["name"] == "cursor" for given in operation.described["parameters"])
    ]


def get_ids(api: FlaskClient, path: str, shop: Shop) -> set[str]:
    answer = api.get(f"{path}?limit=100", headers=shop.headers)
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.get_json()["data"]}


def snapshot(app: Flask) -> dict[str, list[str]]:
    """Every row of every table as text."""
    from checkout.core.db import db, run

    with app.app_context():
        return {
            name: sorted(row.row for row in run(f'SELECT t::text AS row FROM "{name}" AS t'))
            for name in db.metadata.tables
        }
