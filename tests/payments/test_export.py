"""Payments as a table for spreadsheets: what the list gives, and nothing that is computed."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile

import pytest

from checkout.core import batches, sheets
from checkout.core.csv import BYTE_ORDER_MARK, safe_text
from checkout.core.db import execute, unit_of_work
from checkout.merchants import downloads
from tests.factories.desks import make_desk
from tests.factories.sheets import read_book
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
    assert answer.headers["Cache-Control"] == "no-store"
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
    monkeypatch.setattr(batches, "BATCH", 2)
    for number in range(5):
        pay(till, reference=f"BK-{number}")

    assert [row["reference"] for row in read(till)] == [f"BK-{n}" for n in (4, 3, 2, 1, 0)]


def test_another_stores_payments_are_not_in_it(till, client):
    pay(till)

    assert read(make_till(client)) == []


@pytest.mark.parametrize("text", ["=1+1", "+84", "-5", "@SUM(A1)", "\tx", " =1", "\rx", "＝1"])
def test_a_text_is_never_a_formula(text):
    assert safe_text(text) == "'" + text


@pytest.mark.parametrize("text", ["", "BK-1", "5-3", "a=b", "khách +1"])
def test_other_texts_stay_as_they_are(text):
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a; +1;@b", "a; '+1;'@b"),
        ("a\n=1", "a\n'=1"),
        ("a\t＝1", "a\t'＝1"),
        (";=1", ";'=1"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("a; b=1; c-d", "a; b=1; c-d"),
    ],
)
def test_no_part_of_a_text_is_a_formula_where_lines_are_split_at_semicolons(text, safe):
    assert safe_text(text) == safe


def test_a_shops_formula_is_a_text(till):
    pay(till, reference='=HYPERLINK("http://evil.example")')

    assert read(till)[0]["reference"] == '\'=HYPERLINK("http://evil.example")'


def read_xlsx(till, query=""):
    answer = till.client.get(f"/api/v1/payments/export{query}", headers=till.shop.headers)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == sheets.TYPES["xlsx"]
    return read_book(answer.data)


def test_as_xlsx_it_holds_the_same(till):
    for number in range(3):
        pay(till, reference=f"BK-{number}")

    ((header, *rows),) = read_xlsx(till, "?format=xlsx")

    texts = [[str(cell) for cell in row] for row in rows]
    assert texts == [list(row.values()) for row in read(till)]
    assert header[3] == "amount"
    assert rows[0][3] == 500_000


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "http://evil.example", "{=1}", "\x0b\x1f<b>&"]
)
def test_an_xlsx_text_is_no_formula_and_no_link(till, text):
    pay(till, reference=text)

    answer = till.client.get("/api/v1/payments/export?format=xlsx", headers=till.shop.headers)

    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet.lower()
    assert (
        read_book(answer.data)[0][1][9].replace("_x000B_", "\x0b").replace("_x001F_", "\x1f")
        == text
    )


def test_more_rows_than_a_sheet_has_go_onto_the_next(till, monkeypatch):
    monkeypatch.setattr(sheets, "ROWS_PER_SHEET", 3)
    for number in range(3):
        pay(till, reference=f"BK-{number}")

    first, second = read_xlsx(till, "?format=xlsx")

    assert [row[9] for row in first] == ["reference", "BK-2", "BK-1"]
    assert [row[9] for row in second] == ["reference", "BK-0"]


def test_another_format_is_refused(till):
    assert till.call("GET", "/payments/export?format=pdf")[0] == 422


def read_file(desk, path):
    answer = desk.client.get(desk.url(path))
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode().removeprefix(BYTE_ORDER_MARK))))


def test_the_dashboards_files_name_the_customer(till, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    for number in range(3):
        pay(till, customer={"name": f"=Lan {number}", "email": f"lan{number}@homestay.example"})
    pay(till)
    desk = make_desk("viewer", till.shop.store.id)

    for list_ in ("payments", "sessions"):
        rows = read_file(desk, f"/{list_}/export")
        assert [(row["customer_name"], row["customer_email"]) for row in rows] == [
            ("", ""),
            ("'=Lan 2", "lan2@homestay.example"),
            ("'=Lan 1", "lan1@homestay.example"),
            ("'=Lan 0", "lan0@homestay.example"),
        ]
    # A key that reads payments need not be one that reads customers.
    assert "customer_name" not in read(till)[0]


def test_a_file_of_sessions_holds_the_order_and_the_shops_own_notes(till):
    till.make_session(
        None,
        reference="BK-1",
        line_items=[
            {"name": "Room", "quantity": 2, "unit_amount": 50_000},
            {"name": "=Breakfast", "quantity": 1, "unit_amount": 850},
        ],
        metadata={"room": "Bốn", "=key": "=1+1"},
    )
    with unit_of_work():
        execute("UPDATE checkout_session SET currency = 'USD'")
    till.make_session()
    desk = make_desk("viewer", till.shop.store.id)

    plain, ordered = read_file(desk, "/sessions/export")

    assert (ordered["mode"], ordered["reference"]) == ("payment", "BK-1")
    assert ordered["line_items"] == "2 × Room (500.00); 1 × =Breakfast (8.50)"
    assert json.loads(ordered["metadata"]) == {"room": "Bốn", "=key": "=1+1"}
    assert (plain["line_items"], plain["metadata"]) == ("", "")
    answer = desk.client.get(desk.url("/sessions/export?format=xlsx"))
    assert "2 × Room (500.00); 1 × =Breakfast (8.50)" in read_book(answer.data)[0][2]


@pytest.mark.parametrize("list_", ["payments", "sessions", "transfers"])
def test_the_dashboard_gives_exactly_what_its_list_shows(till, list_):
    pay(till, reference="BK-1")
    pay(till, reference="BK-2")
    desk = make_desk("viewer", till.shop.store.id)
    query = "?state=all&q=" if list_ == "transfers" else "?q="

    answer = desk.client.get(desk.url(f"/{list_}/export{query}BK-2"))

    rows = list(csv.DictReader(io.StringIO(answer.data.decode().removeprefix(BYTE_ORDER_MARK))))
    assert len(rows) == 1
    assert f"/{list_}/{rows[0]['id']}" in desk.get(f"/{list_}{query}BK-2")
    everything = desk.client.get(desk.url(f"/{list_}/export?format=xlsx&state=all"))
    (sheet,) = read_book(everything.data)
    assert len(sheet) == 3
    assert sheet[0] == list(rows[0])
    stranger = make_desk("owner")
    url = f"/dashboard/{till.shop.store.id}/test/{list_}/export"
    assert stranger.client.get(url).status_code == 404
    assert f"{desk.url(f'/{list_}/export')}{query.replace('&', '&amp;')}BK-2&amp;format=xlsx" in (
        desk.get(f"/{list_}{query}BK-2")
    )


def test_nobody_exports_without_end(till, monkeypatch):
    monkeypatch.setattr(downloads, "EXPORTS_PER_MINUTE", 2)
    desk = make_desk("owner", till.shop.store.id)

    statuses = [desk.client.get(desk.url("/payments/export")).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Four times the rows, the same memory: a row of the file at a time."""

    def peak_bytes(count):
        batches_ = ([["pay_x", 1, None, f"BK-{n}-{m}"] for m in range(1000)] for n in range(count))
        tracemalloc.start()
        sheets.write_xlsx(tmp_path / "table.xlsx", ["a", "b", "c", "d"], batches_, str(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few, many = peak_bytes(5), peak_bytes(20)

    assert many < few * 1.5 + 500_000
