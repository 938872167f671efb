"""Which state a session's page is in, from facts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from checkout.sessions.page import PAGE_PLAYS, load_page, make_page
from checkout.sessions.viewer import Viewer
from tests.factories.checkouts import make_checkout, show_code, transfer
from tests.factories.stores import make_shop, make_vietqr

OFFER = {"account": "ra_1", "slow": False}
NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
PROMPT = {
    "kind": "transfer",
    "qr_payload": "000201",
    "transfer_details": {
        "memo": "HM7K3QX9W",
        "bank_code": "VCB",
        "bank_name": "VCB",
        "account_number": "1",
    },
    "deeplinks": [{"app": "mb", "name": "MB", "url": "https://dl.example/?a=1", "fills": True}],
}


def row(**changes: Any) -> SimpleNamespace:
    """A session of 500 000 dong that waits for its first attempt's money."""
    facts: dict[str, Any] = {
        "id": "cs_1",
        "mode": "payment",
        "status": "processing",
        "payment_status": "unpaid",
        "seq": 2,
        "read_at": 1_800_000_000_000_000,
        "expired_reason": None,
        "amount": 500_000,
        "amount_received": 0,
        "currency": "VND",
        "line_items": [],
        "discount": None,
        "description": None,
        "reference": None,
        "rails": ["vietqr"],
        "attempts": 0,
        "max_attempts": 3,
        "expires_at": NOW + timedelta(minutes=30),
        "ended_at": None,
        "success_url": None,
        "cancel_url": None,
        "locale": None,
        "livemode": True,
        "fulfilment": {"status": "none"},
        "store_id": "sto_1",
        "store_name": "Shop",
        "store_settings": {},
        "logo": None,
        "store_now": NOW,
        "offers": {"vietqr": OFFER},
        "wallet_balance": None,
        "attempt_id": "att_1",
        "attempt_rail": "vietqr",
        "attempt_status": "pending",
        "attempt_code": "HM-7K3QX9W",
        "attempt_prompt": PROMPT,
        "attempt_amount": 500_000,
        "attempt_failure": None,
        "attempt_created_at": NOW - timedelta(minutes=5),
        "attempt_expires_at": NOW + timedelta(minutes=10),
        "payment_id": None,
        "transfers": None,
    }
    return SimpleNamespace(**(facts | changes))


NO_ATTEMPT = {
    "status": "open",
    "attempt_id": None,
    "attempt_rail": None,
    "attempt_status": None,
    "attempt_prompt": None,
    "attempt_expires_at": None,
}
PASSED = {"attempt_expires_at": NOW}
BEGUN = {"attempt_prompt": None, "attempt_created_at": NOW}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "waiting"),
        (NO_ATTEMPT, "choose"),
        (BEGUN, "preparing"),
        (BEGUN | {"attempt_prompt": PROMPT | {"kind": "instant"}}, "preparing"),
        ({"attempt_prompt": PROMPT | {"kind": "redirect"}}, "at_provider"),
        ({"attempt_status": "requires_action", "status": "awaiting_action"}, "waiting"),
        ({"amount_received": 100_000}, "partly_paid"),
        ({"amount_received": 100_000, **PASSED}, "partly_paid"),
        ({"amount_received": 1, "status": "open", "attempt_status": "expired"}, "partly_paid"),
        (PASSED, "lapsed"),
        ({"attempt_prompt": PROMPT | {"expires_at": NOW.isoformat()}}, "lapsed"),
        ({"status": "open", "attempt_status": "expired"}, "lapsed"),
        ({"status": "open", "attempt_status": "failed"}, "failed"),
        ({"status": "open", "attempt_status": "superseded"}, "choose"),
        ({"expires_at": NOW}, "expired"),
        ({"status": "expired"}, "expired"),
        ({"status": "expired", "amount_received": 5}, "expired"),
        ({"status": "completed", "attempt_status": "succeeded"}, "paid"),
        ({"status": "completed", "expires_at": NOW}, "paid"),
        ({"status": "abandoned"}, "ended"),
        ({"status": "cancelled"}, "ended"),
    ],
)
def test_the_state(app, changes, name):
    page = make_page(row(**changes))
    assert page.name == name
    assert page.version == f"2.{name}"


def test_the_prompt(app):
    prompt = make_page(row()).prompt
    assert prompt.memo == "HM7K3QX9W"
    assert prompt.remaining_seconds == 600
    assert prompt.total_seconds == 900
    assert [(link.name, link.fills) for link in prompt.links] == [("MB", True)]


def test_the_sessions_own_deadline_ends_the_prompt(app):
    page = make_page(row(expires_at=NOW + timedelta(minutes=2)))
    assert page.prompt.remaining_seconds == 120


def test_a_code_that_has_run_out_is_not_shown(app):
    assert make_page(row(**PASSED)).prompt is None
    assert make_page(row(amount_received=5, **PASSED)).prompt is None


@pytest.mark.parametrize(
    ("changes", "left", "can_try"),
    [
        ({"attempt_status": "expired", "status": "open", "attempts": 1}, 2, True),
        (PASSED, 2, True),
        (PASSED | {"attempts": 2}, 0, False),
        ({"attempt_status": "failed", "status": "open", "attempts": 3}, 0, False),
        ({"attempt_status": "failed", "status": "open", "attempts": 0}, 3, True),
        ({}, 3, False),
    ],
)
def test_attempts_left(app, changes, left, can_try):
    page = make_page(row(**changes))
    assert (page.attempts_left, page.can_try) == (left, can_try)


def test_only_enabled_rails_are_offered(app):
    page = make_page(row(**NO_ATTEMPT, rails=["zalopay", "vietqr"]))
    assert [way.name for way in page.rails] == ["vietqr"]
    assert page.starts_itself
    # A rail whose folder is gone is offered no more.
    gone = make_page(row(**NO_ATTEMPT | {"rails": ["a"], "offers": {"a": OFFER}}))
    assert gone.rails == []
    assert make_page(row(**NO_ATTEMPT, offers={})).rails == []


@pytest.mark.parametrize(
    ("changes", "polls"),
    [
        ({}, (4,)),
        (NO_ATTEMPT, (4,)),
        ({"status": "cancelled", "ended_at": NOW}, ()),
        ({"status": "abandoned", "ended_at": NOW}, (8,)),
        ({"status": "expired", "ended_at": NOW - timedelta(minutes=14)}, (8,)),
        ({"status": "expired", "ended_at": NOW - timedelta(minutes=15)}, ()),
        ({"status": "expired", "ended_at": NOW, "attempt_id": None}, ()),
    ],
)
def test_how_often_the_page_asks(app, changes, polls):
    page = make_page(row(**changes))
    assert page.polls == polls
    assert page.poll_for_seconds is None


@pytest.mark.parametrize(
    ("changes", "polls", "seconds"),
    [
        ({}, (4, 8, 15, 30, 60), 600),
        ({"ended_at": NOW - timedelta(seconds=5)}, (8, 15, 30, 60), 595),
        ({"ended_at": NOW - timedelta(seconds=60)}, (60,), 540),
        ({"ended_at": NOW - timedelta(seconds=599)}, (60,), 1),
        ({"ended_at": NOW - timedelta(seconds=600)}, (), 0),
        ({"fulfilment": {"status": "confirmed"}}, (), 0),
        ({"fulfilment": {"status": "failed"}}, (), 0),
        ({"mode": "topup"}, (), 0),
    ],
)
def test_a_paid_page_looks_out_for_the_shops_work_less_and_less(app, changes, polls, seconds):
    page = make_page(row(**{"status": "completed", "ended_at": NOW} | changes))
    assert (page.polls, page.poll_for_seconds) == (polls, seconds)


def test_a_provider_that_nobody_asks_any_more(app):
    assert not make_page(row(**BEGUN)).stalled
    stalled = make_page(row(**BEGUN | {"attempt_created_at": NOW - timedelta(seconds=15)}))
    assert stalled.stalled
    # Looks different, so the page is told.
    assert stalled.version != make_page(row(**BEGUN)).version


def test_a_prompt_that_ends_before_its_attempt_is_renewed(app):
    own = {"expires_at": (NOW + timedelta(minutes=4)).isoformat()}
    begun = {"opened_at": (NOW - timedelta(minutes=6)).isoformat()}
    prompt = make_page(row(attempt_prompt=PROMPT | own | begun)).prompt
    assert (prompt.remaining_seconds, prompt.total_seconds, prompt.renews) == (240, 600, True)
    assert not make_page(row()).prompt.renews
    late = make_page(row(attempt_prompt=PROMPT | {"expires_at": NOW.isoformat()}))
    assert (late.name, late.renewable, late.can_try, late.attempts_left) == (
        "lapsed",
        True,
        True,
        3,
    )
    assert not make_page(row(**PASSED)).renewable
    # Too little is left of the attempt: the button then starts another one.
    soon = NOW + timedelta(seconds=29)
    assert not make_page(
        row(attempt_prompt=PROMPT | {"expires_at": NOW.isoformat()}, attempt_expires_at=soon)
    ).renewable


AWAY = {"attempt_prompt": PROMPT | {"kind": "redirect"}, "livemode": False}


@pytest.mark.parametrize(
    ("changes", "plays"),
    [
        ({"livemode": False}, ("exact", "short", "over", "twice", "late", "mangled")),
        (
            {"livemode": False, "attempt_prompt": PROMPT | {"transfer_details": {}}},
            ("exact", "short", "over", "twice", "late"),
        ),
        (
            {"livemode": False, "amount_received": 1},
            ("rest", "short", "over", "twice", "late", "mangled"),
        ),
        (AWAY, ("exact", "twice", "late", "failure")),
        (AWAY | {"attempt_status": "failed", "status": "open"}, PAGE_PLAYS),
        (AWAY | {"status": "expired"}, ("exact",)),
        (AWAY | {"status": "completed"}, ()),
        ({"livemode": False, "attempt_rail": "wallet"}, ()),
        (NO_ATTEMPT | {"livemode": False}, ()),
        (BEGUN | {"livemode": False}, ()),
        ({}, ()),
    ],
)
def test_what_the_pretend_bank_can_do(app, changes, plays):
    assert tuple(make_page(row(**changes)).plays) == plays


@pytest.mark.parametrize(
    ("viewer", "changes", "back"),
    [
        (Viewer(back="done", back_from="att_1"), AWAY, "done"),
        (Viewer(back="cancelled", back_from="att_1"), AWAY, "cancelled"),
        (Viewer(back="done", back_from="att_0"), AWAY, ""),
        (Viewer(back="done", back_from="att_1"), {}, ""),
        (Viewer(back="done", back_from="att_1"), AWAY | {"status": "completed"}, ""),
        (Viewer(), AWAY, ""),
    ],
)
def test_what_a_provider_said_on_the_way_back(app, viewer, changes, back):
    assert make_page(row(**changes), viewer).back == back


@pytest.mark.parametrize(
    ("changes", "wording"),
    [
        ({}, "waiting"),
        (PASSED, "lapsed"),
        (PASSED | AWAY, "lapsed_provider"),
        ({"status": "completed"}, "paid"),
        ({"status": "completed", "mode": "topup"}, "paid_topup"),
    ],
)
def test_how_a_state_is_spoken_of(app, changes, wording):
    assert make_page(row(**changes)).wording == wording


def held(disposition: str, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": "VND",
        "held": amount,
        "disposition": disposition,
        "settled": False,
        "details": {},
    } | more


def test_money_that_waits_for_a_person(app):
    transfers = [
        held("matched", 500_000, held=0),
        held("over", 30_000),
        held("duplicate", 500_000),
        held("duplicate", 7, currency="USD"),
        held("late", 1),
    ]
    page = make_page(row(status="completed", transfers=transfers))
    assert (page.surplus, page.extra, page.is_late) == (30_000, 500_000, True)
    settled = make_page(row(status="expired", transfers=[held("late", 1, settled=True)]))
    assert not settled.is_late


def test_the_query_finds_what_the_page_needs(app, client):
    shop = make_shop(brand_color="#aa3300")
    make_vietqr(shop)
    session_id = make_checkout(shop, success_url="https://shop.example/?s={SESSION_ID}")
    attempt = show_code(session_id)
    transfer(client, attempt, 600_000, referenceCode="FT77")
    page = load_page(session_id)
    assert page.name == "paid"
    assert page.payment.reference == "FT77"
    assert page.payment.bank == "Vietcombank"
    assert page.surplus == 100_000
    assert page.success_url == f"https://shop.example/?s={session_id}"
    assert page.brand_color == "#aa3300"
