"""The calls on sessions: lists, history, and strangers who find nothing."""

from __future__ import annotations

import pytest

from tests.factories.stores import make_shop
from tests.factories.till import Till, make_till, memo_of

CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"locale": "vi"}),
    ("POST", "/attempts", {"rail": "vietqr"}),
    ("POST", "/retry", {}),
    ("POST", "/cancel", None),
    ("POST", "/expire", None),
    ("POST", "/fulfilment", {"status": "confirmed"}),
    ("GET", "/history", None),
]


@pytest.mark.parametrize(("method", "tail", "body"), CALLS)
@pytest.mark.parametrize("stranger", ["other store", "other mode"])
def test_a_stranger_finds_nothing(till, client, method, tail, body, stranger):
    session = till.make_session()
    before = till.session(session["id"])
    shop = make_shop() if stranger == "other store" else make_shop(True, till.shop.store)
    other = Till(client, shop, "")

    status, answer = other.call(method, f"/checkout/sessions/{session['id']}{tail}", body)

    assert (status, answer["error"]["code"]) == (404, "resource_missing")
    assert till.session(session["id"])["seq"] == before["seq"]


@pytest.mark.parametrize(("method", "tail", "body"), CALLS)
def test_without_a_key_nothing_is_told(till, client, method, tail, body):
    session = till.make_session()
    path = f"/api/v1/checkout/sessions/{session['id']}{tail}"

    assert client.open(path, method=method, json=body).status_code == 401


@pytest.mark.parametrize(
    "name", ["cs_1", "x", "att_01hzzzzzzzzzzzzzzzzzzzzzzz", "%00", "cs_" + "é" * 28]
)
@pytest.mark.parametrize(("method", "tail", "body"), CALLS[:3])
def test_what_is_no_id_is_not_found(till, name, method, tail, body):
    status, _ = till.call(method, f"/checkout/sessions/{name}{tail}", body)

    assert status == 404


def test_lists_are_the_stores_own_newest_first_and_filtered(till, client):
    make_till(client).make_session()
    first = till.make_session(reference="A", customer={"reference": "c"})
    second = till.make_session(reference="B")
    till.call("POST", f"/checkout/sessions/{first['id']}/cancel")

    def listed(query=""):
        status, page = till.call("GET", f"/checkout/sessions{query}")
        assert status == 200
        return [session["id"] for session in page["data"]]

    assert listed() == [second["id"], first["id"]]
    assert listed("?status=cancelled") == [first["id"]]
    assert listed("?reference=B") == [second["id"]]
    assert listed(f"?customer={first['customer']}") == [first["id"]]
    assert listed("?status=completed") == []
    for query in (
        "?status=closed",
        "?limit=0",
        "?limit=101",
        "?limit=x",
        "?colour=red",
        "?cursor=x",
    ):
        assert till.call("GET", f"/checkout/sessions{query}")[0] in (400, 422)


def test_pages_of_a_list_give_each_session_once(till):
    made = [till.make_session()["id"] for _ in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        tail = f"&cursor={cursor}" if cursor else ""
        _, page = till.call("GET", f"/checkout/sessions?limit=2&include=total_count{tail}")
        assert page["total_count"] == 5
        found += [session["id"] for session in page["data"]]
        cursor = page["next_cursor"]

    assert found == made[::-1]


def test_a_cursor_of_another_store_is_not_found(till, client):
    other = make_till(client)
    for _ in range(2):
        other.make_session()
    _, page = other.call("GET", "/checkout/sessions?limit=1")

    assert till.call("GET", f"/checkout/sessions?cursor={page['next_cursor']}")[0] == 404


def test_history_tells_every_step_with_actor_and_reason(till):
    attempt = till.make_attempt(400_000)
    till.pay(memo_of(attempt), 100_000)
    till.pay(memo_of(attempt), 300_000)
    status, history = till.call("GET", f"/checkout/sessions/{attempt['session']}/history")

    key = f"key:{till.shop.key_id}"
    assert status == 200
    assert [
        (row["seq"], row["from"], row["to"], row["event"], row["actor"]) for row in history["data"]
    ] == [
        (1, None, "open", "created", key),
        (2, "open", "processing", "attempt_started", key),
        (3, "processing", "processing", "part_received", "rail:vietqr"),
        (4, "processing", "completed", "paid", "rail:vietqr"),
    ]
    assert till.session(attempt["session"])["seq"] == 4


def test_the_first_attempt_and_the_payment_are_expanded(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    session = till.session(attempt["session"])

    assert session["current_attempt"]["id"] == attempt["id"]
    assert session["current_attempt"]["status"] == "succeeded"
    status, payment = till.call("GET", f"/payments/{session['payment']['id']}")
    assert (status, payment) == (200, session["payment"])
    assert (payment["amount"], payment["net"], payment["late"]) == (500_000, 500_000, False)
