"""Customers in the browser: found as people look for them, added, changed, forgotten."""

from __future__ import annotations

import csv
import io
import re

import pytest

from checkout.core import batches
from checkout.core.csv import BYTE_ORDER_MARK
from checkout.core.db import execute, run, unit_of_work
from checkout.customers.find_or_create import find_or_create
from tests.factories.books import read_one
from tests.factories.desks import make_desk
from tests.factories.sheets import read_book
from tests.factories.stores import make_shop

LAN = {
    "name": "Nguyễn Thị Lan",
    "email": "lan@shop.example",
    "phone": "0901 234 567",
    "reference": "C-7",
}


@pytest.fixture
def desk(app):
    return make_desk("owner")


def add(desk, livemode=False, **fields):
    with unit_of_work():
        return find_or_create(desk.store_id, livemode, fields)


def test_a_customer_is_added_and_found_on_their_page(desk):
    page = desk.done("/customers", LAN)

    assert "The customer was added." in page
    for value in LAN.values():
        assert value in page
    assert LAN["name"] in desk.get("/customers")


@pytest.mark.parametrize(
    "asked",
    ["lan", "NGUYỄN THỊ", "LAN@shop.example", "shop.exam", "C-7", "0901234567", "+84 901 234 567"],
)
def test_one_is_found_as_people_look_for_them(desk, asked):
    known = add(desk, **LAN)
    other = add(desk, name="Trần Văn Minh", phone="0912000111")

    page = desk.client.get(desk.url("/customers"), query_string={"q": asked}).text

    assert known in page
    assert other not in page


def test_one_is_found_by_id_and_nobody_by_a_pattern(desk):
    known = add(desk, **LAN)

    assert known in desk.get(f"/customers?q={known}")
    for pattern in ("%25", "___", "%5C"):
        assert known not in desk.get(f"/customers?q={pattern}")
    assert "No customer like this was found." in desk.get("/customers?q=nobody")


def test_the_newest_twenty_and_then_the_older(desk):
    ids = [add(desk, name=f"Guest {number}") for number in range(22)]

    page = desk.get("/customers")
    older = re.search(r'href="([^"]+cursor=[^"]+)"', page)[1].replace("&amp;", "&")

    assert ids[-1] in page
    assert ids[0] not in page
    assert ids[0] in desk.get(older)


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_names_are_only_text(desk, evil):
    known = add(desk, name=evil, reference=evil)
    with unit_of_work():
        run("UPDATE customer SET metadata = %(metadata)s", metadata={evil: evil})

    for path in ("/customers", f"/customers?q={evil}", f"/customers/{known}",
                 f"/customers/{known}/details", f"/customers/{known}/deletion",
                 f"/customers/{known}/wallet"):  # fmt: skip
        page = desk.get(path)
        assert evil not in page, path
        assert "&lt;" in page or "&gt;" in page, path


def test_what_stands_in_the_form_is_what_is_known(desk):
    known = add(desk, **LAN)

    page = desk.done(
        f"/customers/{known}/details",
        {"name": "Lan Anh", "email": LAN["email"], "phone": "", "reference": "C-7"},
    )

    assert "Lan Anh" in page
    assert LAN["phone"] not in page
    entry = read_one("SELECT * FROM audit_entry WHERE action = 'customer.changed'")
    assert entry.details == {"fields": ["name", "phone"]}
    assert "Lan" not in str(entry)


def test_a_form_without_a_field_does_not_forget_it(desk):
    known = add(desk, **LAN)
    assert LAN["phone"] in desk.done(f"/customers/{known}/details", {"name": "Lan"})


def test_metadata_stays(desk):
    known = add(desk, **LAN)
    with unit_of_work():
        run("UPDATE customer SET metadata = %(metadata)s", metadata={"room": "12"})
    assert "room" in desk.done(f"/customers/{known}/details", {"name": "Lan"})


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "not a number"}, "phone"),
        ({"email": "lan@shop.example"}, "email"),
        ({"reference": "C-7"}, "reference"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_is_wrong_stands_at_its_field(desk, form, field):
    add(desk, reference="C-7", name="Lan")
    add(desk, email="lan@shop.example")
    status = 409 if form in ({"email": "lan@shop.example"}, {"reference": "C-7"}) else 422

    page = desk.refused("/customers", form, status=status)

    assert f'id="e-{field}"' in page
    assert next(iter(form.values()))[:100] in page


def test_nothing_said_is_nobody(desk):
    desk.refused("/customers", {})
    assert read_one("SELECT count(*) AS count FROM customer").count == 0


def test_who_is_deleted_is_forgotten(desk):
    known = add(desk, **LAN)
    assert "forgotten for good" in desk.get(f"/customers/{known}/deletion")

    page = desk.done(f"/customers/{known}/deletion")

    assert "The customer was deleted." in page
    assert LAN["name"] not in page
    desk.get(f"/customers/{known}", status=404)
    assert LAN["name"] not in desk.get("/customers?q=lan")


def test_who_still_has_money_here_stays(desk):
    from tests.factories.ways import fill_wallet

    known = add(desk, **LAN)
    fill_wallet(known, 500_000)

    page = desk.refused(f"/customers/{known}/deletion", status=409)

    assert "still holds money" in page
    assert LAN["name"] in desk.get(f"/customers/{known}")


def test_deleting_needs_a_password_typed_lately(desk):
    from checkout.merchants.access import forget_found_users
    from tests.factories.people import PASSWORD

    known = add(desk, **LAN)
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = password_at - interval '11 minutes'")
    forget_found_users()

    page = desk.refused(f"/customers/{known}/deletion", status=403)

    assert 'name="password_again"' in page
    assert (
        desk.post(f"/customers/{known}/deletion", {"password_again": PASSWORD}).status_code == 303
    )


@pytest.mark.parametrize(
    ("role", "writes", "deletes"),
    [("viewer", 403, 403), ("support", 303, 403), ("admin", 303, 303)],
)
def test_each_role(desk, role, writes, deletes):
    known = add(desk, **LAN)
    me = make_desk(role, desk.store_id)

    assert LAN["name"] in me.get(f"/customers/{known}")
    assert me.post(f"/customers/{known}/details", {"name": "Lan"}).status_code == writes
    assert me.post(f"/customers/{known}/deletion").status_code == deletes
    assert ("Add a customer" in me.get("/customers")) == (writes == 303)


@pytest.mark.parametrize("whose", ["another store's", "the other mode's"])
def test_whats_foreign_is_missing(desk, whose):
    if whose == "another store's":
        foreign = add(make_desk(), **LAN)
    else:
        foreign = add(desk, livemode=True, **LAN)

    for rest in ("", "/details", "/deletion", "/wallet"):
        desk.get(f"/customers/{foreign}{rest}", status=404)
    for rest in ("/details", "/deletion", "/wallet/topups"):
        assert desk.post(f"/customers/{foreign}{rest}", {"name": "Evil"}).status_code == 404
    assert LAN["name"] not in desk.get(f"/customers?q={foreign}")
    assert LAN["name"] not in desk.get("/customers?q=lan")


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_page_in_every_language(app, locale):
    desk = make_desk(locale=locale)
    known = add(desk, **LAN)

    for path in ("", "/new", f"/{known}", f"/{known}/details", f"/{known}/deletion"):
        assert f'<html lang="{locale}">' in desk.get(f"/customers{path}")


def test_live_mode_has_its_own(app):
    shop = make_shop(True)
    live = make_desk("owner", shop.store.id, mode="live")
    assert LAN["name"] in live.done("/customers", LAN)
    test = make_desk("owner", shop.store.id)
    assert LAN["name"] not in test.get("/customers")


def read_file(desk, query=""):
    answer = desk.client.get(desk.url(f"/customers/export{query}"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="customers.csv"'
    return list(csv.DictReader(io.StringIO(answer.data.decode().removeprefix(BYTE_ORDER_MARK))))


def test_what_the_list_shows_is_a_file(desk, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    lan = add(desk, **LAN)
    with unit_of_work():
        execute("""UPDATE customer SET metadata = '{"room": "4"}'""")
    others = [add(desk, name=f"=Minh {number}", phone="+84912000111") for number in range(3)]
    gone = add(desk, name="Gone")
    desk.done(f"/customers/{gone}/deletion")

    rows = read_file(desk)

    assert [row["id"] for row in rows] == [*reversed(others), lan]
    assert (rows[0]["name"], rows[0]["phone"]) == ("'=Minh 2", "'+84912000111")
    assert rows[-1] | {"id": "", "created_at": ""} == {
        "id": "",
        "created_at": "",
        **LAN,
        "metadata": '{"room": "4"}',
    }
    assert [row["id"] for row in read_file(desk, "?q=minh")] == list(reversed(others))
    ((header, *sheet),) = read_book(
        desk.client.get(desk.url("/customers/export?format=xlsx&q=minh")).data
    )
    assert header == list(rows[0])
    assert [row[2] for row in sheet] == ["=Minh 2", "=Minh 1", "=Minh 0"]
    assert f"{desk.url('/customers/export')}?q=minh&amp;format=xlsx" in desk.get(
        "/customers?q=minh"
    )
    assert read_file(make_desk("viewer")) == []
    stranger = make_desk("owner")
    assert stranger.client.get(desk.url("/customers/export")).status_code == 404
