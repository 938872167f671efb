"""Plans of what a pretend provider does wrong, and what a caller gets then."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from checkout.core.db import unit_of_work
from checkout.core.http import OutsideError, send
from checkout.merchants.rail_accounts import configure_rail
from checkout.payments import broken
from checkout.payments.broken import mistype
from checkout.payments.faults import Plan, plan_faults, take_fault, take_lost_hook
from tests.factories.stores import VIETQR, make_shop
from tests.factories.till import API_TOKEN, make_till
from tests.support.sockets import threaded_server


@pytest.fixture
def server(app) -> Iterator[str]:
    with threaded_server(app) as address:
        yield f"http://{address}"


def post(till, body: Any, rail: str = "vietqr") -> tuple[int, dict[str, Any]]:
    return till.call("POST", f"/test/rails/{rail}/faults", body)


def ask(server: str, till, seconds: float = 10.0) -> Any:
    """One call to the pretend bank's list, over HTTP."""
    return send(
        "GET",
        f"{server}/fake/vietqr/{till.account}/v2/transactions",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
        timeout_seconds=seconds,
        vet=False,
        max_bytes=100_000,
    )


def test_a_plan_is_used_up_in_order_and_then_always(till):
    with unit_of_work():
        plan_faults(till.account, next=["html", "nothing"], always="error_500", drop_hooks=1)
    taken = []
    for _ in range(4):
        with unit_of_work():
            taken.append(take_fault(till.account))
    with unit_of_work():
        lost = [take_lost_hook(till.account) for _ in range(3)]

    assert taken == ["html", "nothing", "error_500", "error_500"]
    assert lost == [True, False, False]


def test_nothing_is_wrong_without_a_plan_or_at_another_account(till, client):
    other = make_till(client)
    with unit_of_work():
        plan_faults(other.account, always="html", drop_hooks=1)
        assert take_fault(till.account) is None
        assert not take_lost_hook(till.account)


def test_the_api_plans(till):
    status, answer = post(till, {"next": ["silent", "drip"], "always": "huge", "drop_hooks": 2})

    assert status == 200
    assert answer == {
        "object": "fault_plan",
        "rail": "vietqr",
        "rail_account": till.account,
        "next": ["silent", "drip"],
        "always": "huge",
        "drop_hooks": 2,
    }
    assert post(till, {})[1]["always"] is None
    with unit_of_work():
        assert take_fault(till.account) is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"next": ["boom"]}, "next.0"),
        ({"always": "boom"}, "always"),
        ({"drop_hooks": -1}, "drop_hooks"),
        ({"next": ["html"] * 101}, "next"),
        ({"other": 1}, "other"),
    ],
)
def test_a_plan_that_is_none_is_refused(till, body, param):
    status, answer = post(till, body)
    assert (status, answer["error"]["param"]) == (422, param)


def test_a_rail_that_the_store_has_not_is_missing(till):
    for rail in ("nowhere", "wallet", "x" * 41):
        status, answer = post(till, {}, rail)
        assert (status, answer["error"]["code"]) == (404, "resource_missing")


def test_live_accounts_have_no_faults(till, client):
    shop = make_shop(True, store=till.shop.store)
    with unit_of_work():
        configure_rail(shop.store.id, True, "vietqr", VIETQR, enabled=True, actor="test")
    answer = client.post("/api/v1/test/rails/vietqr/faults", json={}, headers=shop.headers)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "test_mode_only")


def test_every_plan_is_the_empty_one_at_first():
    assert Plan() == Plan(next=(), always=None, drop_hooks=0)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("error_401", 401), ("error_500", 500), ("error_502", 502), ("rate_limited", 429)],
)
def test_statuses(server, till, fault, status):
    post(till, {"next": [fault]})
    answer = ask(server, till)

    assert answer.status == status
    assert ("retry-after" in answer.headers) == (status == 429)
    assert ask(server, till).status == 200


def test_bodies(server, till):
    till.pay("RENT", 1000)
    post(till, {"next": ["html", "nothing", "half_json", "wrong_shape", "wrong_types", "huge"]})
    html, nothing, half, shape, types, huge = (ask(server, till) for _ in range(6))
    whole = ask(server, till)

    assert html.headers["content-type"].startswith("text/html")
    assert b"<h1>" in html.body
    assert nothing.body == b""
    assert half.body == whole.body[: len(whole.body) // 2]
    assert shape.body.startswith(b"[{")
    assert b'"status": ["success"]' in types.body
    assert not huge.complete
    assert all(answer.status == 200 for answer in (html, nothing, half, shape, types, huge))


def test_connections_are_cut(server, till):
    post(till, {"next": ["refuse", "answer_lost"]})
    for _ in range(2):
        with pytest.raises(OutsideError) as raised:
            ask(server, till)
        assert raised.value.kind == "broken_answer"


def test_a_silent_provider_says_nothing_until_it_gives_up(server, till, monkeypatch):
    post(till, {"next": ["silent", "silent"]})
    with pytest.raises(OutsideError) as raised:
        ask(server, till, 0.3)
    assert raised.value.kind == "timeout"

    monkeypatch.setattr(broken, "SILENT_SECONDS", 0.1)
    with pytest.raises(OutsideError) as raised:
        ask(server, till)
    assert raised.value.kind == "broken_answer"


def test_a_silent_provider_holds_no_database_connection(app, server, till):
    from checkout.core.db import db

    post(till, {"next": ["silent"]})
    db.session.remove()
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as caller:
        path = f"/fake/vietqr/{till.account}/v2/transactions"
        caller.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        caller.settimeout(0.5)
        with pytest.raises(TimeoutError):
            caller.recv(1)
        assert db.engine.pool.checkedout() == 0


def test_a_drip_comes_a_byte_at_a_time(server, till, monkeypatch):
    post(till, {"next": ["drip", "drip"]})
    with pytest.raises(OutsideError) as raised:
        ask(server, till, 0.3)
    assert raised.value.kind == "timeout"

    monkeypatch.setattr(broken, "DRIP_SECONDS", 0.0)
    assert ask(server, till).body == ask(server, till).body


def test_values_of_other_kinds():
    value = {"a": 1, "b": "x", "c": [1, 2], "d": {"e": None}, "f": True}
    assert mistype(value) == {
        "a": {"value": 1},
        "b": ["x"],
        "c": {"0": {"value": 1}, "1": {"value": 2}},
        "d": {"e": 0},
        "f": 0,
    }
