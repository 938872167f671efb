"""The calls on attempts, transfers and payments: strangers find nothing, lists are filtered."""

from __future__ import annotations

import pytest

from tests.factories.stores import make_shop
from tests.factories.till import Till, make_till, memo_of

CALLS = [
    ("GET", "/checkout/attempts/{attempt}", None),
    ("POST", "/checkout/attempts/{attempt}/check", None),
    ("POST", "/test/attempts/{attempt}/pay", {}),
    ("GET", "/transfers/{transfer}", None),
    ("POST", "/transfers/{transfer}/resolve", {"action": "write_off", "note": "n"}),
    ("GET", "/payments/{payment}", None),
]


@pytest.fixture
def ids(till):
    attempt = till.make_attempt()
    transfer = till.pay(memo_of(attempt), 600_000)
    payment = till.session(attempt["session"])["payment"]
    return {"attempt": attempt["id"], "transfer": transfer["id"], "payment": payment["id"]}


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("stranger", ["other store", "other mode"])
def test_a_stranger_finds_nothing(till, client, ids, method, path, body, stranger):
    shop = make_shop() if stranger == "other store" else make_shop(True, till.shop.store)
    status, answer = Till(client, shop, "").call(method, path.format(**ids), body)

    if stranger == "other mode" and path.startswith("/test/"):
        assert (status, answer["error"]["code"]) == (403, "test_mode_only")
    else:
        assert (status, answer["error"]["code"]) == (404, "resource_missing")


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_without_a_key_nothing_is_told(till, ids, method, path, body):
    answer = till.client.open(f"/api/v1{path.format(**ids)}", method=method, json=body)

    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("name", ["x", "cs_" + "0" * 28, "trf_1"])
def test_what_is_no_id_is_not_found(till, method, path, body, name):
    path = path.format(attempt=name, transfer=name, payment=name)

    assert till.call(method, path, body)[0] == 404


def listed(till, path):
    status, page = till.call("GET", path)
    assert status == 200, page
    return [item["id"] for item in page["data"]]


def test_transfers_are_listed_by_what_became_of_them(till, client):
    make_till(client).pay("elsewhere", 5)
    attempt = till.make_attempt(500_000)
    part = till.pay(memo_of(attempt), 100_000)
    unknown = till.pay("x", 5)
    last = till.pay(memo_of(attempt), 400_000)
    second = till.pay(memo_of(attempt), 500_000)

    assert listed(till, "/transfers") == [second["id"], last["id"], unknown["id"], part["id"]]
    assert listed(till, "/transfers?disposition=unknown_code") == [unknown["id"]]
    assert listed(till, "/transfers?resolved=false") == [second["id"], unknown["id"]]
    till.resolve(unknown["id"], "write_off")
    assert listed(till, "/transfers?resolved=false") == [second["id"]]
    assert listed(till, "/transfers?resolved=true") == [last["id"], unknown["id"], part["id"]]
    assert listed(till, f"/transfers?session={attempt['session']}&disposition=duplicate") == [
        second["id"]
    ]
    for query in ("disposition=lost", "resolved=yes", "limit=0", "colour=red"):
        assert till.call("GET", f"/transfers?{query}")[0] in (400, 422)


def test_payments_are_listed_and_filtered(till, client):
    other = make_till(client)
    other.pay(memo_of(other.make_attempt()), 500_000)
    payments = []
    for reference in ("A", "B"):
        attempt = till.make_attempt(reference=reference, customer={"reference": "c-1"})
        till.pay(memo_of(attempt), 500_000)
        payments.append(till.session(attempt["session"])["payment"])
    a, b = payments

    assert listed(till, "/payments") == [b["id"], a["id"]]
    assert listed(till, "/payments?reference=A") == [a["id"]]
    assert listed(till, f"/payments?session={b['session']}") == [b["id"]]
    assert listed(till, f"/payments?customer={a['customer']}&rail=vietqr") == [b["id"], a["id"]]
    assert listed(till, "/payments?status=refunded") == []
    assert listed(till, "/payments?created_at[gt]=2100-01-01T00:00:00Z") == []
    assert till.call("GET", "/payments?status=lost")[0] == 422


def test_a_transfer_as_the_contract_shows_it(till):
    attempt = till.make_attempt()
    transfer = till.pay(memo_of(attempt), 500_000)

    expected = {
        "object": "transfer",
        "rail": "vietqr",
        "rail_account": till.account,
        "amount": 500_000,
        "currency": "VND",
        "memo": memo_of(attempt),
        "payer": None,
        "disposition": "matched",
        "attempt": attempt["id"],
        "session": attempt["session"],
        "resolution": None,
        "livemode": False,
    }
    assert {name: transfer[name] for name in expected} == expected


def test_checks_are_limited_for_each_attempt(client):
    till = make_till(client, rail={"api_token": ""})
    attempt = till.make_attempt()
    found = [till.call("POST", f"/checkout/attempts/{attempt['id']}/check")[0] for _ in range(8)]

    assert found == [409] * 6 + [429] * 2
