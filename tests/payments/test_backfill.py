"""What came while nothing of ours listened is found: by lists, and by asking once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkout.core import clock
from checkout.core.db import execute, unit_of_work
from checkout.merchants.rail_accounts import configure_rail
from checkout.payments.backfill import (
    backfill_account,
    backfill_all,
    backfill_due,
)
from checkout.payments.faults import plan_faults
from checkout.payments.monitor import ask_due, finish_asking
from checkout.payments.simulate import simulate_payment
from checkout.rails.base import RailError
from checkout.rails.registry import folders
from tests.factories import asking
from tests.factories.asking import pass_time
from tests.factories.books import read, read_one
from tests.factories.rails import AMOUNTS, currencies_of, make_rail
from tests.factories.stores import make_vietqr
from tests.factories.till import make_till

SILENCE = RailError("provider_timeout", "No answer", temporary=True)
SILENT_SECONDS = 40 * 60


def plan(account, **faults):
    """What the pretend provider is to do wrong."""
    with unit_of_work():
        plan_faults(account, **faults)


def pay_unheard(till, attempt, **fields):
    """Money moves, and its notice never comes."""
    plan(till.account, drop_hooks=1)
    assert simulate_payment(attempt["id"], **fields) == 0


def start_workers():
    """What a worker does when it starts after a silence."""
    backfill_due()
    while ask_due():
        finish_asking(20)


def begin(till, rail):
    """A session and its attempt on a rail, as the API shows them."""
    currency = currencies_of(rail)[0] if rail in folders() else "VND"
    session = till.make_session(AMOUNTS[currency], currency=currency, rails=[rail])
    path = f"/checkout/sessions/{session['id']}/attempts"
    status, attempt = till.call("POST", path, {"rail": rail})
    assert status == 201, attempt
    return attempt


@pytest.mark.parametrize("rail", folders())
def test_forty_minutes_without_us_lose_nothing(till, asked, rail):
    account = till.account if rail == "vietqr" else make_rail(till.shop, rail)
    attempt = begin(till, rail)
    plan(account, drop_hooks=5)
    simulate_payment(attempt["id"])
    assert read("SELECT id FROM inbox") == []

    till.advance(SILENT_SECONDS)
    pass_time(SILENT_SECONDS)
    start_workers()
    till.advance_and_sweep(1)

    transfer = read_one("SELECT amount, attempt_id, disposition FROM transfer")
    assert (transfer.amount, transfer.attempt_id) == (attempt["amount"], attempt["id"])
    assert transfer.disposition in ("matched", "late")


@pytest.mark.parametrize("rail", folders())
def test_a_late_start_finds_what_the_hook_has_told_only_once(till, asked, rail):
    if rail != "vietqr":
        make_rail(till.shop, rail)
    attempt = begin(till, rail)
    simulate_payment(attempt["id"])
    pass_time(SILENT_SECONDS)
    start_workers()
    start_workers()

    assert till.session(attempt["session"])["status"] == "completed"
    assert read_one("SELECT count(*) AS n FROM transfer").n == 1


def test_accounts_are_listed_from_where_they_were_listed_last(till, asked, monkeypatch):
    backfill_due()
    asked.clear()
    assert backfill_due() == 0
    assert asked == []

    pass_time(3 * 86_400)
    ranges = []
    monkeypatch.setattr(
        "checkout.payments.backfill.backfill_account",
        lambda account, *, since, until: ranges.append((account, until - since)) or 0,
    )
    assert backfill_due() == 1
    (account, length), *others = ranges
    assert (account, others) == (till.account, [])
    assert timedelta(days=3, hours=1) <= length <= timedelta(days=3, hours=1, minutes=1)


def test_a_list_that_cannot_be_read_is_read_again_from_the_same_place(till, asked):
    backfill_due()
    attempt = till.make_attempt()
    pay_unheard(till, attempt)
    before = read_one("SELECT backfilled_until AS at FROM rail_health").at
    pass_time(301)
    plan(till.account, next=["error_500"])
    backfill_due()

    row = read_one("SELECT backfilled_until AS at, failures FROM rail_health")
    assert (row.at, row.failures) == (before - timedelta(seconds=301), 1)
    assert till.session(attempt["session"])["status"] == "processing"
    assert backfill_due() == 0
    pass_time(61)
    assert backfill_due() == 1
    assert till.session(attempt["session"])["status"] == "completed"


def test_accounts_replaced_long_ago_are_listed_no_more(till, asked):
    make_vietqr(till.shop, **till.rail | {"account_number": "5550001"})
    assert backfill_due() == 2
    with unit_of_work():
        execute(
            "UPDATE rail_account SET superseded_at = superseded_at - interval '32 days'"
            " WHERE superseded_at IS NOT NULL"
        )
    pass_time(301)
    assert backfill_due() == 1


def test_by_hand_every_reference_of_the_time_is_asked_about(till, provider, monkeypatch):
    monkeypatch.setattr(type(provider), "ask_at_once", 2)
    monkeypatch.setattr(type(provider), "asks_per_minute", 60_000)
    account = asking.make_account(till.shop)
    attempt = begin(till, asking.NAME)
    asking.copy_attempts(attempt["id"], 4)
    with unit_of_work():
        # One is settled, and of another nobody asks any more by himself.
        execute(
            "UPDATE attempt_reference SET done_at = clock_timestamp()"
            " WHERE reference = 'ref-copy-1'"
        )
        execute(
            "UPDATE attempt_reference SET next_ask_at = NULL, ask_until = clock_timestamp()"
            " - interval '1 day' WHERE reference = 'ref-copy-2'"
        )
    provider.paid["ref-copy-2"] = "succeeded"
    told = []
    now = clock.now()
    found = backfill_account(
        account,
        since=now - timedelta(days=2),
        until=now,
        progress=lambda done, total: told.append((done, total)),
    )

    assert found == 1
    assert "ref-copy-1" not in provider.asked()
    assert len(provider.asked()) == 4
    assert told == [(2, 4), (4, 4)]
    provider.calls.clear()
    assert backfill_account(account, since=now - timedelta(hours=1), until=now) == 0
    assert len(provider.asked()) == 3


def test_by_hand_a_silent_provider_is_said_and_nothing_stays_taken(till, provider):
    account = asking.make_account(till.shop)
    begin(till, asking.NAME)
    provider.error = SILENCE
    now = clock.now()
    with pytest.raises(RailError):
        backfill_account(account, since=now - timedelta(hours=1), until=clock.now())

    assert read("SELECT id FROM attempt_reference WHERE leased_until > clock_timestamp()") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "40m"), "… 0 new"),
        (("--since", "3d"), "… 0 new"),
        (("--since", "yesterday"), "write 40m, 36h, 3d"),
        (("--since", "91d"), "at most 90 days back"),
        (("--since", "0h"), "write 40m, 36h, 3d"),
        (("--since", "2999-01-01T00:00Z"), "at most 90 days back"),
    ],
)
def test_how_far_back_is_said_in_words(session_app, till, asked, words, said):
    answer = session_app.test_cli_runner().invoke(args=["rails", "backfill", *words])
    assert said in answer.output


def test_a_backfill_finds_money_for_what_has_ended(till, asked):
    attempt = till.make_attempt(500_000)
    pay_unheard(till, attempt, amount=200_000)
    pay_unheard(till, attempt, memo="tien nha")
    till.advance_and_sweep(10 * 86_400)
    since = clock.now() - timedelta(hours=1)

    assert backfill_account(till.account, since=since, until=clock.now()) == 2
    assert backfill_account(till.account, since=since, until=clock.now()) == 0
    dispositions = {row.disposition for row in read("SELECT disposition FROM transfer")}
    assert dispositions == {"partial", "unknown_code"}
    # In time by the bank's clock, though we heard of it ten days later.
    assert till.session(attempt["session"])["amount_received"] == 200_000


def test_superseded_accounts_are_asked_too(till, asked):
    from tests.factories.stores import make_vietqr

    attempt = till.make_attempt()
    pay_unheard(till, attempt)
    make_vietqr(till.shop, **till.rail | {"account_number": "5550001"})
    backfill_all(hours=1)

    assert till.session(attempt["session"])["status"] == "completed"


def test_accounts_that_are_offered_no_more_are_asked_too(till, asked):
    attempt = till.make_attempt()
    pay_unheard(till, attempt)
    with unit_of_work():
        configure_rail(till.shop.store.id, False, "vietqr", {}, enabled=False, actor="test")
    backfill_all(hours=1)

    assert till.session(attempt["session"])["status"] == "completed"


def test_the_command_says_who_is_asked_and_who_cannot_be(session_app, till, client, asked):
    def run(*words: str) -> Any:
        return session_app.test_cli_runner().invoke(args=["rails", "backfill", *words])

    mute = make_till(client, rail={"api_token": ""})

    assert "… 0 new" in run("--store", till.shop.store.slug).output
    answer = run("--store", mute.shop.store.id)
    assert answer.exit_code == 0
    assert "not asked" in answer.output
    assert "from 0 accounts" in answer.output
    assert run("--store", "nowhere").output == "Error: store: There is no such store.\n"


def test_pages_of_a_long_list_are_all_read(till, asked, monkeypatch):
    from checkout.rails.vietqr import listing

    monkeypatch.setattr(listing, "PAUSE_SECONDS", 0)
    attempt = till.make_attempt()
    plan(till.account, drop_hooks=130)
    for _ in range(13):
        simulate_payment(attempt["id"], times=10, amount=1000)
    assert backfill_all(hours=1) == 130

    row = read_one("SELECT count(*) AS n, sum(amount) AS total FROM transfer")
    assert (row.n, row.total) == (130, 130_000)
