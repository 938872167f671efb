"""The lab: a new store's first steps, every pretend provider, trouble, and time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from checkout.core.db import run, unit_of_work
from checkout.core.http import HttpAnswer
from checkout.payments import simulate
from checkout.payments.faults import FAULTS, find_test_account, read_plans
from checkout.rails import client as rails_client
from checkout.rails.registry import folders
from tests.factories.books import check_books, read_one
from tests.factories.desks import DeskBrowser, make_desk
from tests.factories.till import make_till

PAY = re.compile(r"/lab/sessions/(cs_\w+)")


@pytest.fixture
def wire(session_app, monkeypatch) -> None:
    """Carries calls between us and the pretend providers without a network."""

    def carry(
        method: str, url: str, *, headers: Any = None, body: bytes | None = None, **_: Any
    ) -> HttpAnswer:
        parts = urlsplit(url)
        with session_app.app_context():
            answer = session_app.test_client().open(
                f"{parts.path}?{parts.query}", method=method, headers=dict(headers), data=body
            )
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, lower, answer.data)

    monkeypatch.setattr(rails_client, "send", carry)
    monkeypatch.setattr(simulate, "send", carry)


@pytest.fixture
def desk(app, wire) -> Iterator[DeskBrowser]:
    """A new store's owner, connected to every pretend provider from the lab."""
    desk = make_desk()
    desk.done("/lab/providers")
    yield desk
    check_books()


def make(desk, **fields):
    """A session made with the lab's own form; its id."""
    answer = desk.post("/lab/sessions", {"amount": "500.000", "currency": "VND", **fields})
    assert answer.status_code == 303, answer.text
    return answer.location.rpartition("/")[2]


def start(desk, session_id, rail="vietqr"):
    return desk.done(f"/lab/sessions/{session_id}/attempts", {"rail": rail})


def play(desk, session_id, kind):
    return desk.done(f"/lab/sessions/{session_id}/plays", {"kind": kind})


def status(session_id):
    return read_one("SELECT status FROM checkout_session WHERE id = %(id)s", id=session_id).status


def test_a_new_stores_first_payment_needs_no_command_line(app, wire):
    desk = make_desk()
    assert "Connect the pretend providers" in desk.get("/lab")

    page = desk.done("/lab/providers")
    assert "Connected to every pretend provider." in page
    assert "Connect them all" not in page
    session_id = make(desk, reference="BK-2031", customer="lan@shop.example")
    page = desk.get(f"/lab/sessions/{session_id}")
    assert f"/pay/{session_id}" in page
    assert "No way chosen yet" in page
    assert "Pay exactly" in start(desk, session_id)
    page = play(desk, session_id, "exact")

    assert "The pretend bank has sent its notice." in page
    assert "Matched" in page
    assert status(session_id) == "completed"
    check_books()


def test_connecting_leaves_what_is_there(client, wire):
    till = make_till(client)
    desk = make_desk("owner", till.shop.store.id)

    desk.done("/lab/providers")

    assert find_test_account(desk.store_id, "vietqr") == till.account
    rails = run("SELECT rail FROM rail_account WHERE NOT livemode AND enabled")
    assert {row.rail for row in rails} == {*folders(), "wallet"}
    assert run("SELECT 1 FROM rail_account WHERE livemode") == []


@pytest.mark.parametrize("rail", folders())
def test_every_provider_pays(desk, rail):
    # Each takes one of these two currencies at least.
    sum_ = {"amount": "12.50", "currency": "USD"} if rail == "khqr" else {}
    session_id = make(desk, **sum_)
    start(desk, session_id, rail)

    play(desk, session_id, "exact")

    assert status(session_id) == "completed"


@pytest.mark.parametrize(
    ("kind", "ends", "words"),
    [
        ("exact", "completed", "Matched"),
        ("short", "processing", "Pay the rest"),
        ("over", "completed", "Surplus"),
        ("twice", "completed", "Paid twice"),
        ("late", "completed", "Matched"),
        ("mangled", "completed", "Matched"),
        ("mistyped", "processing", "Nothing yet."),
        ("nameless", "processing", "Nothing yet."),
    ],
)
def test_every_play(desk, kind, ends, words):
    session_id = make(desk)
    start(desk, session_id)

    page = play(desk, session_id, kind)

    assert words in page
    assert status(session_id) == ends


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("mistyped", "one symbol is wrong"), ("nameless", "exactly the amount that is due")],
)
def test_what_the_inbox_is_for(desk, kind, reason):
    session_id = make(desk)
    start(desk, session_id)
    play(desk, session_id, kind)
    transfer = read_one("SELECT id, disposition FROM transfer")

    assert transfer.disposition == "unknown_code"
    page = desk.get(f"/transfers/{transfer.id}")
    assert reason in page
    assert session_id in page


def test_a_failure_lets_the_shopper_try_again(desk):
    session_id = make(desk)
    start(desk, session_id, "vnpay")
    assert "The attempt failed" in play(desk, session_id, "failure")


def test_a_payment_of_ones_own(desk):
    session_id = make(desk)
    start(desk, session_id)

    desk.done(f"/lab/sessions/{session_id}/payments", {"amount": "123.456", "memo": "hello"})

    assert read_one("SELECT amount, memo FROM transfer").amount == 123_456
    page = desk.refused(f"/lab/sessions/{session_id}/payments", {"amount": "lots", "memo": "kept"})
    assert 'id="e-amount"' in page
    assert 'value="kept"' in page
    desk.refused(f"/lab/sessions/{session_id}/payments", {"times": "99"})


def test_what_cannot_be_played_now_says_so(desk):
    session_id = make(desk)

    for path, form in (
        ("plays", {"kind": "exact"}),
        ("plays", {"kind": "nonsense"}),
        ("payments", {}),
        ("attempts", {"rail": "nonsense"}),
    ):
        page = desk.refused(f"/lab/sessions/{session_id}/{path}", form)
        assert 'role="alert"' in page, path


def test_waiting_sessions_are_listed_and_asked_for_again(desk):
    first, second = make(desk, reference="ONE"), make(desk, reference="TWO")
    start(desk, second)

    page = desk.get("/lab")
    part = desk.get("/lab/waiting")

    for text in (page, part):
        assert PAY.findall(text)[0] == second
        assert first in text
        assert "Pay exactly" in text
    assert part.lstrip().startswith('<div id="waiting"')
    assert "<html" not in part


def test_each_trouble_and_well_again(desk):
    account = find_test_account(desk.store_id, "zalopay")
    for fault in FAULTS:
        page = desk.done("/lab/trouble", {"rail": "zalopay", "fault": fault, "calls": "0"})
        assert "In trouble" in page, fault
        assert read_plans([account])[account].always == fault

    page = desk.done("/lab/trouble", {"rail": "zalopay"})

    assert "In trouble" not in page
    assert read_plans([account]) == {}


def test_trouble_for_some_calls_and_lost_notices(desk):
    page = desk.done(
        "/lab/trouble", {"rail": "vnpay", "fault": "html", "calls": "3", "drop_hooks": "2"}
    )

    assert "The next 3 calls: A web page instead of data" in page
    assert "The next 2 notices get lost" in page


def test_a_provider_in_trouble_is_told_at_the_form(desk):
    desk.done("/lab/trouble", {"rail": "zalopay", "fault": "error_500"})
    session_id = make(desk)

    answer = desk.post(f"/lab/sessions/{session_id}/attempts", {"rail": "zalopay"})

    assert answer.status_code == 502
    assert "could not be reached" in answer.text


@pytest.mark.parametrize(
    "form",
    [
        {"rail": "nonsense", "fault": "html"},
        {"rail": "vietqr", "fault": "nonsense"},
        {"rail": "vietqr", "fault": "html", "calls": "999"},
        {"fault": "html"},
    ],
)
def test_trouble_that_makes_no_sense(desk, form):
    assert "e-" in desk.refused("/lab/trouble", form)


@pytest.mark.parametrize(
    ("form", "seconds"),
    [
        ({"step": "minute"}, 60),
        ({"step": "quarter"}, 900),
        ({"step": "day"}, 86_400),
        ({"number": "3", "span": "hours"}, 10_800),
    ],
)
def test_time_passes(desk, form, seconds):
    session_id = make(desk)

    page = desk.done("/lab/clock", form)

    assert "Time has passed." in page
    assert read_one("SELECT clock_offset_seconds AS s FROM store").s == seconds
    assert status(session_id) == ("expired" if seconds >= 900 else "open")


@pytest.mark.parametrize("form", [{}, {"number": "0"}, {"number": "-1"}, {"number": "x"}])
def test_time_goes_only_forward(desk, form):
    assert 'id="e-number"' in desk.refused("/lab/clock", form)


def test_the_clock_has_an_end(desk):
    for _ in range(2):
        answer = desk.post("/lab/clock", {"number": "7000", "span": "days"})
    assert answer.status_code == 422
    assert 'id="e-number"' in answer.text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"amount": "lots"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": "EUR", "amount": "999999999"}, "currency"),
        ({"customer": "nobody"}, "customer"),
        ({"customer": "no@body"}, "customer"),
    ],
)
def test_what_is_wrong_with_a_new_session_stands_at_its_field(desk, form, field):
    with unit_of_work():
        run("UPDATE rail_account SET enabled = false WHERE rail IN ('stripe', 'wallet')")
    from checkout.merchants import rail_accounts

    rail_accounts._enabled.forget((desk.store_id, False))
    page = desk.refused("/lab/sessions", {"amount": "500000", "currency": "VND", **form})

    assert f'id="e-{field}"' in page


def test_a_known_customer_pays_from_the_wallet(desk):
    customer = desk.post("/customers", {"reference": "C-7"}).location.rpartition("/")[2]

    session_id = make(desk, customer="C-7")

    row = read_one("SELECT customer_id, customer_proven FROM checkout_session")
    assert (row.customer_id, row.customer_proven) == (customer, True)
    page = desk.refused(f"/lab/sessions/{session_id}/attempts", {"rail": "wallet"})
    assert "The wallet does not hold enough" in page


@pytest.mark.parametrize("path", ["/lab", "/lab/waiting"])
def test_live_mode_has_no_lab(desk, path):
    live = make_desk("owner", desk.store_id, mode="live")

    live.get(path, status=404)
    for post in ("sessions", "trouble", "clock", "providers"):
        assert live.post(f"/lab/{post}", {"amount": "5", "currency": "VND"}).status_code == 404
    assert 'href="/dashboard/' + desk.store_id + '/live/lab"' not in live.get("/transfers")
    assert run("SELECT 1 FROM checkout_session WHERE livemode") == []


def test_a_live_or_foreign_session_is_not_on_the_bench(desk, client):
    other = make_till(client).make_session()["id"]
    live_till = make_till(client, livemode=True)
    live = live_till.make_session()["id"]

    for session_id in (other, live):
        desk.get(f"/lab/sessions/{session_id}", status=404)
        for rest in ("attempts", "plays", "payments"):
            path = f"/lab/sessions/{session_id}/{rest}"
            assert desk.post(path, {"kind": "exact", "rail": "vietqr"}).status_code == 404


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_roles(desk, role):
    me = make_desk(role, desk.store_id)

    if role == "viewer":
        me.get("/lab", status=403)
        assert me.post("/lab/clock", {"step": "day"}).status_code == 403
    else:
        assert "Make a test session" in me.get("/lab")
        assert status(make(me)) == "open"
    assert me.post("/lab/providers").status_code == 403


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_is_typed_is_only_text(desk, evil):
    session_id = make(desk, reference=evil, description=evil)
    start(desk, session_id)
    desk.done(f"/lab/sessions/{session_id}/payments", {"memo": evil})

    for path in ("/lab", "/lab/waiting", f"/lab/sessions/{session_id}"):
        page = desk.get(path)
        assert evil not in page, path
        assert "&gt;" in page


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_language(app, wire, locale):
    desk = make_desk(locale=locale)
    desk.done("/lab/providers")
    session_id = make(desk, amount="500000")
    start(desk, session_id)

    for path in ("/lab", f"/lab/sessions/{session_id}"):
        assert f'<html lang="{locale}">' in desk.get(path)
