"""Starting and retrying attempts: which is live, which are counted, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkout.core.db import unit_of_work
from checkout.merchants.rail_accounts import configure_rail, forget_accounts
from checkout.payments import start as start_module
from checkout.payments.fail import fail_attempt
from checkout.payments.start import start_attempt
from checkout.rails.base import RailError
from checkout.rails.vietqr.rail import VietQR
from tests.factories.books import events_of, read, read_one
from tests.factories.rails import make_rail
from tests.factories.till import make_till, memo_of


def attempt_to(till, session_id, call, body=None):
    given = {"rail": "vietqr"} if call == "attempts" and body is None else (body or {})
    status, answer = till.call("POST", f"/checkout/sessions/{session_id}/{call}", given)
    return (status, answer) if status < 300 else (status, answer["error"]["code"])


def fail(attempt, *, counts=True):
    with unit_of_work():
        assert fail_attempt(
            attempt["id"], code="declined", message="No.", actor="rail:vietqr", counts=counts
        )


def test_an_attempt_in_its_first_form(till):
    session = till.make_session(500_000)
    attempt = till.start(session["id"])

    expected = {
        "object": "payment_attempt",
        "session": session["id"],
        "number": 1,
        "rail": "vietqr",
        "status": "pending",
        "amount": 500_000,
        "currency": "VND",
        "redirect_url": None,
        "failure": None,
        "livemode": False,
    }
    assert {name: attempt[name] for name in expected} == expected
    assert attempt["transfer_memo"] == attempt["code"].replace("-", "")
    details = attempt["transfer_details"]
    assert details["account_number"] == till.rail["account_number"]
    assert details["memo"] == attempt["transfer_memo"]
    assert attempt["transfer_memo"] in attempt["qr"]["payload"]
    now = till.session(session["id"])
    assert (now["status"], now["attempts"]) == ("processing", 0)
    assert now["current_attempt"] == attempt == till.attempt(attempt["id"])
    told = events_of(till.shop.store.id, session["id"])
    assert told == ["checkout.session.created", "checkout.session.processing"]


def test_an_attempt_lives_no_longer_than_its_session(client):
    till = make_till(client, rail={"attempt_minutes": 15})
    short = till.make_attempt(duration_minutes=5)
    long = till.make_attempt(duration_minutes=60)

    rows = read(
        "SELECT attempt.id, attempt.expires_at - attempt.created_at AS lives,"
        " session.expires_at - attempt.expires_at AS rest FROM attempt"
        " JOIN checkout_session AS session ON session.id = attempt.session_id"
    )
    found = {row.id: row for row in rows}
    assert found[short["id"]].rest == timedelta(0)
    assert found[long["id"]].lives == timedelta(minutes=15)


def test_a_new_attempt_supersedes_the_live_one_and_is_not_counted(till):
    first = till.make_attempt()
    second = till.start(first["session"])
    session = till.session(first["session"])

    assert till.attempt(first["id"])["status"] == "superseded"
    assert (second["number"], second["status"]) == (2, "pending")
    assert second["code"] != first["code"]
    assert (session["attempts"], session["status"]) == (0, "processing")


def test_the_page_shows_the_live_code_again(till):
    first = till.make_attempt()
    again = start_attempt(first["session"], "vietqr", actor="shopper", reuse_live=True)

    assert again.id == first["id"]
    assert len(read("SELECT 1 FROM attempt")) == 1


def test_retry_needs_an_attempt_that_is_over(till):
    attempt = till.make_attempt()

    assert attempt_to(till, attempt["session"], "retry") == (409, "attempt_in_progress")
    fail(attempt)
    status, again = attempt_to(till, attempt["session"], "retry")
    assert (status, again["number"], again["rail"]) == (201, 2, "vietqr")
    assert till.session(attempt["session"])["attempts"] == 1


def test_retry_after_a_lapse_though_no_sweep_came(till):
    attempt = till.make_attempt(duration_minutes=60)
    till.advance(15 * 60)

    status, _ = attempt_to(till, attempt["session"], "retry")
    assert status == 201
    assert till.attempt(attempt["id"])["status"] == "expired"
    assert till.session(attempt["session"])["attempts"] == 1


def test_once_all_attempts_failed_none_starts(till):
    session = till.make_session(max_attempts=2)
    for _ in range(2):
        fail(till.start(session["id"]))

    for call in ("attempts", "retry"):
        assert attempt_to(till, session["id"], call) == (409, "max_attempts_reached")
    assert till.session(session["id"])["can_retry"] is False


def test_a_lapse_uses_up_the_last_attempt_though_no_sweep_came(till):
    session = till.make_session(max_attempts=1, duration_minutes=60)
    till.start(session["id"])
    till.advance(15 * 60)

    assert attempt_to(till, session["id"], "retry") == (409, "max_attempts_reached")


def test_what_is_not_counted_uses_nothing_up(till):
    session = till.make_session(max_attempts=1)
    for _ in range(3):
        fail(till.start(session["id"]), counts=False)

    assert till.session(session["id"])["attempts"] == 0
    assert attempt_to(till, session["id"], "attempts")[0] == 201


@pytest.mark.parametrize("call", ["attempts", "retry"])
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("cancel", "session_not_active"),
        ("expire", "session_expired"),
        ("pay", "session_not_active"),
        ("deadline", "session_expired"),
    ],
)
def test_an_ended_session_starts_nothing(till, call, end, code):
    attempt = till.make_attempt()
    if end == "pay":
        till.pay(memo_of(attempt), 500_000)
    elif end == "deadline":
        till.advance(900)
    else:
        till.call("POST", f"/checkout/sessions/{attempt['session']}/{end}")

    assert attempt_to(till, attempt["session"], call) == (409, code)
    assert len(read("SELECT 1 FROM attempt")) == 1


@pytest.mark.parametrize("rail", ["khqr", "nothing", "VIETQR", "x" * 200])
def test_a_rail_that_is_not_offered(till, rail):
    session = till.make_session()

    for call in ("attempts", "retry"):
        found = attempt_to(till, session["id"], call, {"rail": rail})
        assert found == (422, "rail_not_available")
    assert till.session(session["id"])["status"] == "open"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_required_field"),
        ({"rail": None}, "invalid_type"),
        ({"rail": 1}, "invalid_type"),
        ({"rail": "vietqr", "amount": 5}, "unknown_field"),
        ({"rail": "vietqr", "return_url": "nowhere"}, "invalid_url"),
        ({"rail": "vietqr", "return_url": "http://shop.example/"}, "invalid_url"),
    ],
)
def test_bad_fields(till, body, code):
    session = till.make_session()
    status, answer = till.call("POST", f"/checkout/sessions/{session['id']}/attempts", body)

    assert (status, answer["error"]["code"]) == (422, code)
    assert read("SELECT 1 FROM attempt") == []


def test_a_rail_that_was_switched_off_meanwhile(till):
    session = till.make_session()
    with unit_of_work():
        configure_rail(till.shop.store.id, False, "vietqr", {}, enabled=False, actor="test")
    forget_accounts()

    assert attempt_to(till, session["id"], "attempts") == (422, "rail_not_available")


def test_a_code_that_is_taken_is_drawn_again(till, monkeypatch):
    taken = till.make_attempt()
    drawn = iter([taken["code"], taken["code"], "HM-AAAAAAA"])
    monkeypatch.setattr(start_module, "new_code", lambda prefix: next(drawn))

    assert till.make_attempt()["code"] == "HM-AAAAAAA"


def test_when_no_code_is_free_nothing_is_left_behind(till, monkeypatch):
    taken = till.make_attempt()
    session = till.make_session()
    monkeypatch.setattr(start_module, "new_code", lambda prefix: taken["code"])

    assert attempt_to(till, session["id"], "attempts")[0] == 503
    assert till.session(session["id"])["status"] == "open"
    assert read_one("SELECT count(*) AS n FROM attempt").n == 1


def test_after_a_part_the_next_attempt_asks_for_the_rest(till):
    attempt = till.make_attempt(500_000)
    till.pay(memo_of(attempt), 200_000)

    assert till.start(attempt["session"])["amount"] == 300_000


def test_a_page_that_asks_for_the_whole_is_not_shown_again_once_a_part_came(till):
    make_rail(till.shop, "vnpay")
    session = till.make_session(500_000)
    left = till.start(session["id"])
    whole = start_attempt(session["id"], "vnpay", actor="shopper", reuse_live=True)
    assert start_attempt(session["id"], "vnpay", actor="shopper", reuse_live=True).id == whole.id
    till.pay(memo_of(left), 200_000)

    rest = start_attempt(session["id"], "vnpay", actor="shopper", reuse_live=True)

    assert (whole.amount, rest.amount) == (500_000, 300_000)
    assert "vnp_Amount=30000000&" in rest.prompt["redirect_url"]
    assert till.attempt(whole.id)["status"] == "superseded"


def test_the_same_key_starts_one_attempt(till):
    session = till.make_session()
    answers = [
        till.call(
            "POST",
            f"/checkout/sessions/{session['id']}/attempts",
            {"rail": "vietqr"},
            **{"Idempotency-Key": "k"},
        )
        for _ in range(3)
    ]

    assert answers[0][0] == 201
    assert answers[1:] == answers[:1] * 2
    assert len(read("SELECT 1 FROM attempt")) == 1


def test_a_failure_after_the_end_changes_nothing(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    before = till.session(attempt["session"])
    with unit_of_work():
        failed = fail_attempt(attempt["id"], code="x", message="x", actor="t", counts=True)

    assert failed is False
    assert till.session(attempt["session"]) == before
    with unit_of_work():
        assert not fail_attempt("att_none", code="x", message="x", actor="t", counts=True)


def test_a_rail_that_cannot_open_is_refused_and_money_is_booked_all_the_same(till, monkeypatch):
    session = till.make_session(500_000)
    attempt = till.start(session["id"])

    def cannot(*_args):
        raise RailError("rail_not_configured", "The bank is not known.", temporary=False)

    monkeypatch.setattr(VietQR, "open", cannot)

    assert attempt_to(till, session["id"], "attempts") == (422, "rail_not_available")
    till.pay(memo_of(attempt), 200_000)
    now = till.session(session["id"])
    assert (now["amount_received"], now["payment_status"]) == (200_000, "partially_paid")
    assert now["current_attempt"]["id"] == attempt["id"]
