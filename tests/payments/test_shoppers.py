"""Where a shopper was who started an attempt: who is written down, who may see it, how long."""

from __future__ import annotations

import dataclasses
import json

import pytest

from checkout.core import db, ids
from checkout.core.db import run, unit_of_work
from checkout.payments import jobs, shoppers
from checkout.payments.shoppers import Shopper, forget_shoppers
from checkout.payments.start import start_attempt
from tests.factories.desks import make_desk
from tests.factories.till import make_till

ADDRESS = "203.0.113.77"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
DAY = 86_400


@pytest.fixture
def till(client):
    return make_till(client)


def choose(till, session_id: str, **headers: str):
    """Press the button of a way to pay on the hosted page."""
    answer = till.client.post(
        f"/pay/{session_id}/attempts",
        data={"rail": "vietqr"},
        headers={"User-Agent": PHONE, **headers},
        environ_base={"REMOTE_ADDR": ADDRESS},
    )
    assert answer.status_code == 303, answer.text


def seen() -> list[tuple[str, str, str]]:
    rows = run("SELECT * FROM attempt_shopper ORDER BY attempt_id")
    return [(row.attempt_id, row.address, row.user_agent) for row in rows]


def test_who_starts_on_the_page_is_written_down(till):
    session = till.make_session()
    choose(till, session["id"])

    (attempt,) = run("SELECT id, store_id, livemode FROM attempt")
    (row,) = run("SELECT * FROM attempt_shopper")
    assert (row.attempt_id, row.address, row.user_agent) == (attempt.id, ADDRESS, PHONE)
    assert (row.store_id, row.livemode) == (attempt.store_id, attempt.livemode)


def test_looking_at_the_same_attempt_again_writes_nothing(till):
    session = till.make_session()
    choose(till, session["id"])
    choose(till, session["id"], **{"User-Agent": "another"})

    assert [user_agent for _, _, user_agent in seen()] == [PHONE]


def test_the_shops_own_server_is_nobody(till):
    till.make_attempt()

    assert seen() == []


def test_the_address_is_what_our_proxies_say(app, till, monkeypatch):
    behind = dataclasses.replace(app.extensions["checkout_config"], trusted_proxies=1)
    monkeypatch.setitem(app.extensions, "checkout_config", behind)

    choose(till, till.make_session()["id"], **{"X-Forwarded-For": "6.6.6.6, 198.51.100.4"})

    assert [address for _, address, _ in seen()] == ["198.51.100.4"]


@pytest.mark.parametrize(
    ("sent", "kept"), [("x" * 300, "x" * 200), ("a\x07b", "ab"), ("", "")], ids=str
)
def test_what_a_browser_says_is_cut(app, sent, kept):
    with app.test_request_context("/", headers={"User-Agent": sent}):
        assert shoppers.read_shopper().user_agent == kept


def test_it_costs_no_further_round_trip(till, monkeypatch):
    asked: list[str] = []
    real = db.run

    def note(statement: str, /, **params: object):
        asked.append(statement)
        return real(statement, **params)

    sessions = [till.make_session()["id"] for _ in range(2)]
    start_attempt(till.make_session()["id"], "vietqr", actor="shopper")
    monkeypatch.setattr(db, "run", note)
    counts = []
    for session_id, shopper in zip(sessions, (None, Shopper(ADDRESS, PHONE)), strict=True):
        asked.clear()
        start_attempt(session_id, "vietqr", actor="shopper", shopper=shopper)
        counts.append(len(asked))

    assert counts[0] == counts[1] > 0
    assert len(seen()) == 1


def test_no_answer_and_no_event_tells_of_it(till):
    session = till.make_session()
    choose(till, session["id"])
    ((attempt_id, _, _),) = seen()

    told = [
        till.call("GET", path)[1]
        for path in (
            f"/checkout/sessions/{session['id']}",
            f"/checkout/attempts/{attempt_id}",
            "/events",
        )
    ]
    told += [json.loads(row.body) for row in run("SELECT body FROM outbox")]
    assert told[0]["current_attempt"]["id"] == attempt_id
    assert ADDRESS not in json.dumps(told)
    assert "iPhone" not in json.dumps(told)


@pytest.mark.parametrize(
    ("role", "may"), [("owner", True), ("admin", True), ("support", True), ("viewer", False)]
)
def test_who_deals_with_shoppers_sees_it(till, role, may):
    session = till.make_session()
    choose(till, session["id"])

    page = make_desk(role, till.shop.store.id).get(f"/sessions/{session['id']}")

    assert (ADDRESS in page, PHONE in page, "Safari · iPhone" in page) == (may, may, may)


def test_it_is_forgotten_after_ninety_days(till, monkeypatch):
    for _ in range(4):
        choose(till, till.make_session()["id"])
    days_old = (91, 92, 93, 89)
    with unit_of_work():
        for (attempt_id, _, _), days in zip(seen(), days_old, strict=True):
            run(
                "UPDATE attempt_shopper SET attempt_id = %(old)s WHERE attempt_id = %(id)s",
                id=attempt_id,
                old=ids.first_id("att", days * DAY),
            )
    monkeypatch.setattr(shoppers, "BATCH", 2)

    assert jobs.forget_old_shoppers() == 3
    assert len(seen()) == 1
    assert forget_shoppers() == 0
    assert run("SELECT count(*) AS n FROM attempt")[0].n == 4
