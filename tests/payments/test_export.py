"""Payments as a table for spreadsheets: what the list gives, and nothing that is computed."""

from __future__ import annotations

import csv
import io

import pytest

from checkout.core.csv import BYTE_ORDER_MARK, safe_text
from checkout.payments import export
from tests.factories.till import make_till, memo_of


@pytest.fixture
def till(client):
    return make_till(client)


def pay(till, **fields):
    till.pay(memo_of(till.make_attempt(**fields)), fields.get("amount", 500_000))


def read(till, query=""):
    answer = till.client.get(f"/api/v1/payments/export{query}", headers=till.shop.headers)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="payments.csv"'
    text = answer.data.decode()
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK))))


def test_it_holds_what_the_list_gives_in_its_order(till):
    for number in range(3):
        pay(till, reference=f"BK-{number}")

    rows = read(till)

    listed = till.call("GET", "/payments")[1]["data"]
    assert [row["id"] for row in rows] == [payment["id"] for payment in listed]
    assert rows[0] | {"id": "", "paid_at": "", "session": "", "attempt": ""} == {
        "id": "",
        "paid_at": "",
        "status": "succeeded",
        "amount": "500000",
        "fee": "0",
        "net": "500000",
        "amount_refunded": "0",
        "currency": "VND",
        "rail": "vietqr",
        "reference": "BK-2",
        "provider_reference": listed[0]["provider_reference"],
        "customer": "",
        "session": "",
        "attempt": "",
        "late": "false",
    }


def test_the_filters_are_the_lists(till):
    pay(till, reference="one")
    pay(till, reference="two")

    assert [row["reference"] for row in read(till, "?reference=one")] == ["one"]
    assert read(till, "?status=refunded") == []
    assert read(till, "?created_at[gt]=2100-01-01T00:00:00Z") == []


def test_nothing_is_left_out_between_two_batches(till, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 2)
    for number in range(5):
        pay(till, reference=f"BK-{number}")

    assert [row["reference"] for row in read(till)] == [f"BK-{n}" for n in (4, 3, 2, 1, 0)]


def test_another_stores_payments_are_not_in_it(till, client):
    pay(till)

    assert read(make_till(client)) == []


@pytest.mark.parametrize("text", ["=1+1", "+84", "-5", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"])
def test_a_text_is_never_a_formula(text):
    assert safe_text(text) == "'" + text


@pytest.mark.parametrize("text", ["", "BK-1", "5-3", "a=b", "khách +1"])
def test_other_texts_stay_as_they_are(text):
    assert safe_text(text) == text


def test_a_shops_formula_is_a_text(till):
    pay(till, reference='=HYPERLINK("http://evil.example")')

    assert read(till)[0]["reference"] == '\'=HYPERLINK("http://evil.example")'
