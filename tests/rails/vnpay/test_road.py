"""VNPay's IPN at the real hook: the answer codes, and what became of session and money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from checkout.rails.vnpay.signing import signed_query
from tests.factories.books import check_books, read
from tests.factories.rails import make_rail
from tests.factories.stores import make_shop
from tests.rails.vnpay.kit import PAID_IPN, SECRET, TERMINAL, sign

DECLINED = {"vnp_ResponseCode": "51", "vnp_TransactionStatus": "02", "vnp_TransactionNo": "0"}


@dataclass
class Counter:
    """A shop that takes VNPay, and VNPay's server calling it."""

    client: FlaskClient
    headers: dict[str, str]
    account: str

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.client.open(f"/api/v1{path}", method=method, json=body, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.get_json())

    def start(self, session: str | None = None) -> dict[str, Any]:
        if session is None:
            fields = {"amount": 150_000, "currency": "VND", "rails": ["vnpay"]}
            session = self.call("POST", "/checkout/sessions", fields)["id"]
        path = f"/checkout/sessions/{session}/attempts"
        return self.call("POST", path, {"rail": "vnpay"})

    def tell(self, attempt: dict[str, Any], **changes: str) -> str:
        """VNPay's IPN about an attempt; the code that it is answered with."""
        fields = PAID_IPN | {"vnp_TxnRef": reference_of(attempt), "vnp_PayDate": ""} | changes
        return rsp_code(self.send(signed_query(fields, SECRET)))

    def send(self, query: str, method: str = "GET") -> TestResponse:
        return self.client.open(f"/hooks/vnpay/{self.account}?{query}", method=method)

    def state(self, attempt: dict[str, Any]) -> tuple[str, str]:
        """How the session and its attempt stand."""
        session = self.call("GET", f"/checkout/sessions/{attempt['session']}")
        return session["status"], self.call("GET", f"/checkout/attempts/{attempt['id']}")["status"]


@pytest.fixture
def counter(client: FlaskClient) -> Iterator[Counter]:
    """After the test the books must add up."""
    shop = make_shop()
    account = make_rail(shop, "vnpay", tmn_code=TERMINAL, hash_secret=SECRET)
    yield Counter(client, shop.headers, account)
    check_books()


def reference_of(attempt: dict[str, Any]) -> str:
    url = urlsplit(attempt["redirect_url"])
    return dict(parse_qsl(url.query))["vnp_TxnRef"]


def rsp_code(answer: TestResponse) -> str:
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return str(json.loads(answer.data)["RspCode"])


def dispositions() -> list[str]:
    return [row.disposition for row in read("SELECT disposition FROM transfer ORDER BY id")]


def test_paid_and_told_again(counter: Counter) -> None:
    attempt = counter.start()
    assert counter.state(attempt) == ("awaiting_action", "requires_action")

    assert [counter.tell(attempt) for _ in range(3)] == ["00", "02", "02"]

    assert counter.state(attempt) == ("completed", "succeeded")
    assert dispositions() == ["matched"]


def test_failed_and_told_again(counter: Counter) -> None:
    attempt = counter.start()

    assert [counter.tell(attempt, **DECLINED) for _ in range(2)] == ["00", "02"]

    shown = counter.call("GET", f"/checkout/attempts/{attempt['id']}")
    assert (shown["status"], shown["failure"]["code"]) == ("failed", "insufficient_funds")
    assert dispositions() == []


def test_a_success_after_a_failure_of_the_same_order_counts(counter: Counter) -> None:
    attempt = counter.start()

    assert counter.tell(attempt, **DECLINED) == "00"
    assert counter.tell(attempt) == "00"

    assert counter.state(attempt) == ("completed", "succeeded")


def test_a_failure_after_a_success_undoes_nothing(counter: Counter) -> None:
    attempt = counter.start()

    assert counter.tell(attempt) == "00"
    assert counter.tell(attempt, **DECLINED) == "02"

    assert counter.state(attempt) == ("completed", "succeeded")


def test_paid_a_second_time(counter: Counter) -> None:
    attempt = counter.start()
    counter.tell(attempt)

    assert counter.tell(attempt, vnp_TransactionNo="14226113") == "02"

    assert dispositions() == ["matched", "duplicate"]


@pytest.mark.parametrize("changes", [{}, DECLINED])
def test_an_unknown_order(counter: Counter, changes: dict[str, str]) -> None:
    attempt = counter.start()

    told = [counter.tell(attempt, vnp_TxnRef="NOPE", **changes) for _ in range(2)]

    assert told == ["01", "01"]
    assert counter.state(attempt) == ("awaiting_action", "requires_action")


@pytest.mark.parametrize(
    ("amount", "disposition"),
    [("14999900", "partial"), ("150000", "partial"), ("15000100", "over")],
)
def test_another_amount(counter: Counter, amount: str, disposition: str) -> None:
    attempt = counter.start()

    assert [counter.tell(attempt, vnp_Amount=amount) for _ in range(2)] == ["04", "04"]

    assert dispositions() == [disposition]


@pytest.mark.parametrize("amount", ["", "x", "15000001"])
def test_an_amount_that_cannot_be_read(counter: Counter, amount: str) -> None:
    attempt = counter.start()

    assert counter.tell(attempt, vnp_Amount=amount) == "04"

    assert dispositions() == ["unreadable"]
    assert counter.state(attempt) == ("awaiting_action", "requires_action")


def test_suspected_money_is_held_and_counts_once_cleared(counter: Counter) -> None:
    attempt = counter.start()
    suspected = {"vnp_ResponseCode": "07", "vnp_TransactionStatus": "07"}

    assert [counter.tell(attempt, **suspected) for _ in range(2)] == ["00", "02"]
    assert dispositions() == ["unreadable"]
    assert counter.state(attempt) == ("awaiting_action", "requires_action")

    assert counter.tell(attempt) == "00"
    assert counter.state(attempt) == ("completed", "succeeded")


def test_another_terminals_money_is_held(counter: Counter) -> None:
    attempt = counter.start()

    assert counter.tell(attempt, vnp_TmnCode="OTHER001") == "99"
    assert counter.tell(attempt, vnp_TmnCode="OTHER001", **DECLINED) == "00"

    assert dispositions() == ["wrong_account"]
    assert counter.state(attempt) == ("awaiting_action", "requires_action")


@pytest.mark.parametrize("name", sorted(PAID_IPN))
def test_a_tampered_ipn_stores_nothing(counter: Counter, name: str) -> None:
    attempt = counter.start()
    query = sign(PAID_IPN | {"vnp_TxnRef": reference_of(attempt)})
    text = "&".join(f"{key}={value}" for key, value in (query | {name: "1"}).items())

    assert rsp_code(counter.send(text)) == "97"
    assert read("SELECT 1 FROM inbox") == []


def test_a_tracker_in_the_query_does_no_harm(counter: Counter) -> None:
    attempt = counter.start()
    fields = PAID_IPN | {"vnp_TxnRef": reference_of(attempt)}

    answer = counter.send(f"utm_source=mail&{signed_query(fields, SECRET)}&fbclid=1")

    assert rsp_code(answer) == "00"


def test_an_ipn_is_a_get(counter: Counter) -> None:
    fields = PAID_IPN | {"vnp_TxnRef": reference_of(counter.start())}

    assert counter.send(signed_query(fields, SECRET), method="POST").status_code == 405
    assert read("SELECT 1 FROM inbox") == []


def test_a_retry_is_another_order_and_the_older_one_still_counts(counter: Counter) -> None:
    older = counter.start()
    newer = counter.start(older["session"])
    assert reference_of(older) != reference_of(newer)

    assert counter.tell(older) == "00"

    assert counter.state(older)[0] == "completed"
    assert counter.tell(newer, vnp_TransactionNo="14226113") == "02"


def test_a_forged_return_moves_nothing(counter: Counter) -> None:
    attempt = counter.start()
    fields = PAID_IPN | {"vnp_TxnRef": reference_of(attempt)}

    for query in (signed_query(fields, SECRET), "vnp_ResponseCode=00"):
        answer = counter.client.get(f"/return/vnpay/{attempt['id']}?{query}")
        assert answer.status_code == 303

    assert counter.state(attempt) == ("awaiting_action", "requires_action")
    assert read("SELECT 1 FROM inbox") == []
