"""The monitor: everything that may still bring money is asked about, in time and in order."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.jobs import sweep_until_idle
from checkout.core.presence import saw_all
from checkout.merchants.rail_accounts import configure_rail, load_account
from checkout.payments import ask, monitor, pace, watch
from checkout.payments.ask import take_notices
from checkout.payments.monitor import ask_due, ask_some, finish_asking
from checkout.payments.references import LEAST_GRACE
from checkout.rails.base import Match, Notice, RailError
from tests.factories.asking import copy_attempts, make_account, pass_time
from tests.factories.books import read, read_one

SILENCE = RailError("provider_timeout", "No answer", temporary=True)


@pytest.fixture
def account(till, provider) -> str:
    return make_account(till.shop)


@pytest.fixture
def start(till, account):
    """Start an attempt with that provider, as the API shows it."""

    def start(**fields):
        session = till.make_session(**fields)
        path = f"/checkout/sessions/{session['id']}/attempts"
        status, attempt = till.call("POST", path, {"rail": "asked"})
        assert status == 201, attempt
        return attempt

    return start


def reference_of(attempt):
    return attempt["provider_reference"]


def due(seconds=0.0, *tables):
    """One look after so many seconds, and the ends of its calls."""
    pass_time(seconds, *tables)
    begun = ask_due()
    finish_asking(10)
    return begun


def known(attempt):
    return read_one(
        "SELECT asks, done_at, leased_until, next_ask_at,"
        " extract(epoch FROM next_ask_at - clock_timestamp())::float AS wait_seconds"
        " FROM attempt_reference WHERE reference = %(reference)s",
        reference=reference_of(attempt),
    )


def tell(account, attempt):
    """The provider tells of the money by itself."""
    reference = reference_of(attempt)
    notice = Notice(
        provider_reference=f"hook-{reference}",
        source="hook",
        outcome="succeeded",
        raw=b"",
        amount=attempt["amount"],
        currency=attempt["currency"],
        matches=(Match("reference", reference),),
    )
    assert take_notices(load_account(account)[0], [notice]) == 1


def test_what_nobody_tells_is_found(till, provider, start):
    attempt = start()
    assert due() == 0

    assert due(2) == 1
    assert till.attempt(attempt["id"])["status"] == "pending"
    provider.paid[reference_of(attempt)] = "succeeded"
    assert due(5) == 1

    assert till.session(attempt["session"])["status"] == "completed"
    assert known(attempt).done_at is not None
    assert due(1_000) == 0
    assert len(provider.calls) == 2


def test_questions_come_ever_more_slowly(provider, start):
    attempt = start()
    waits = [known(attempt).wait_seconds]
    for _ in range(6):
        assert due(waits[-1] + 0.01) == 1
        waits.append(known(attempt).wait_seconds)

    for wait, wanted in zip(waits, (2, 4, 8, 16, 30, 30, 30), strict=True):
        assert wanted * 0.85 <= wait <= wanted * 1.15
    assert known(attempt).asks == 6


def test_whoever_comes_back_is_asked_about_at_once(provider, start):
    attempt = start()
    for wait in (2, 5, 10):
        due(wait)
    assert due() == 0
    with unit_of_work():
        watch.ask_soon(attempt["id"])
    pass_time(1)
    assert due() == 1


def test_a_call_takes_as_many_as_the_provider_allows_and_no_more(provider, start, monkeypatch):
    monkeypatch.setattr(type(provider), "asks_per_minute", 60_000)
    copy_attempts(start()["id"], 179)
    pass_time(2)
    sweep_until_idle(watch.SWEEPER)

    assert sorted(len(call) for call in provider.calls) == [30, 50, 50, 50]
    assert len(set(provider.asked())) == 180


def test_the_pace_is_kept(provider, start, account, monkeypatch):
    monkeypatch.setattr(monitor, "AHEAD_SECONDS", 0.0)
    monkeypatch.setattr(type(provider), "asks_per_minute", 6)
    copy_attempts(start()["id"], 500)
    pass_time(2)
    assert [due(), due()] == [1, 0]
    assert [due(5), due(5), due(5), due(5)] == [0, 1, 0, 1]
    assert pace.reserve_call(account, 6, ahead_seconds=0) is None


def test_who_looks_and_who_is_fresh_comes_first_but_nobody_waits_for_ever(
    provider, start, account, monkeypatch
):
    monkeypatch.setattr(type(provider), "ask_at_once", 10)
    first = start()
    copy_attempts(first["id"], 60)
    with unit_of_work():
        # All were asked about before, long ago; but for the last three, which are new.
        execute(
            "UPDATE attempt_reference SET asks = 5, next_ask_at = clock_timestamp()"
            " - interval '1 minute' - (100 - id %% 100) * interval '1 second'"
        )
        execute(
            "UPDATE attempt_reference SET asks = 0, next_ask_at = clock_timestamp()"
            " WHERE reference IN ('ref-copy-58', 'ref-copy-59', 'ref-copy-60')"
        )
    looked_at = read_one(
        "SELECT session_id AS id FROM attempt WHERE provider_reference = 'ref-copy-30'"
    )
    longest = read(
        "SELECT reference FROM attempt_reference WHERE asks = 5 ORDER BY next_ask_at LIMIT 4"
    )
    saw_all([looked_at.id])
    ask_some(account)

    (call,) = provider.calls
    assert {"ref-copy-30", "ref-copy-58", "ref-copy-59", "ref-copy-60"} <= set(call)
    assert {row.reference for row in longest} <= set(call)
    assert len(call) == 10


def test_two_workers_never_ask_about_the_same(app, provider, start, account):
    copy_attempts(start()["id"], 99)
    pass_time(2)
    provider.hold.clear()

    def ask():
        with app.app_context():
            ask_some(account)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(provider.calls) < 2:
        pass
    provider.hold.set()
    for thread in threads:
        thread.join(10)

    assert len(provider.asked()) == len(set(provider.asked())) == 100
    assert max(len(call) for call in provider.calls) == 50


def test_what_a_dead_worker_had_taken_is_asked_about_later(provider, start, account):
    attempt = start()
    pass_time(2)
    taken = [read_id(attempt)]
    with unit_of_work():
        assert monitor.lease_references(taken, most=1, condition=monitor.DUE)
    assert due() == 0

    assert due(21) == 1
    assert provider.asked() == [reference_of(attempt)]


def read_id(attempt):
    return read_one(
        "SELECT id FROM attempt_reference WHERE reference = %(reference)s",
        reference=reference_of(attempt),
    ).id


def test_no_answer_loses_nothing_and_waits_ever_longer(provider, start, account):
    attempt = start()
    provider.error = SILENCE
    waits = []
    for _ in range(5):
        pass_time(60)
        assert due() == 1
        waits.append(
            read_one(
                "SELECT extract(epoch FROM next_call_at - clock_timestamp())::float AS s"
                " FROM rail_health"
            ).s
        )
        assert (known(attempt).asks, known(attempt).leased_until is None) == (0, False)
    for wait, wanted in zip(waits, (1, 2, 4, 8, 16), strict=True):
        assert wanted - 1 < wait <= wanted

    # Now the account rests, and one call at a time tries whether it is over.
    assert due(20) == 0
    assert due(11) == 1
    assert due(29) == 0
    provider.error = None
    assert due(2) == 1
    assert known(attempt).asks == 1
    assert read_one("SELECT failures FROM rail_health").failures == 0


def test_a_provider_that_says_when_is_asked_then(provider, start):
    start()
    provider.error = RailError(
        "provider_unavailable", "Too many", temporary=True, retry_after_seconds=40
    )
    assert due(2) == 1
    assert due(38) == 0
    assert due(2) == 1


def test_our_own_mistake_lets_the_others_have_their_turn(provider, start):
    attempt = start()
    provider.error = RailError("provider_rejected", "No such order", temporary=False)
    assert due(2) == 1
    provider.error = None
    other = start()

    assert due(11) == 1
    assert provider.calls[-1] == [reference_of(other)]
    assert due(30) >= 1
    assert reference_of(attempt) in provider.asked()[1:]
    assert read("SELECT 1 FROM rail_health WHERE failures > 0") == []


def test_a_refused_token_is_renewed_once(till, provider, start, account):
    attempt = start()
    provider.paid[reference_of(attempt)] = "succeeded"
    provider.error = RailError("token_expired", "The token is over", temporary=False)
    provider.fresh_token = "second"
    assert due(2) == 1

    assert provider.tokens == ["first", "second"]
    assert till.session(attempt["session"])["status"] == "completed"
    row, opened = load_account(account)
    assert (opened.settings["token"], row.superseded_at) == ("second", None)
    audit = read_one("SELECT actor, details FROM audit_entry WHERE action = 'rail.refreshed'")
    assert audit.actor == "rail:asked"
    assert audit.details["changed"] == ["token"]
    assert "second" not in str(audit.details)


def test_a_token_entered_by_hand_finds_what_began_before(till, provider, start):
    attempt = start()
    provider.paid[reference_of(attempt)] = "succeeded"
    provider.error = RailError("token_expired", "The token is over", temporary=False)
    shop = (till.shop.store.id, till.shop.livemode, "asked")
    with unit_of_work():
        configure_rail(*shop, {"token": "second"}, enabled=None, actor="test")
    # The provider takes this token, and gives none by itself.
    provider.fresh_token = "second"
    assert due(2) == 1

    assert provider.tokens == ["first", "second"]
    assert till.session(attempt["session"])["status"] == "completed"
    assert read("SELECT 1 FROM audit_entry WHERE action = 'rail.refreshed'") == []


def test_a_token_that_stays_refused_is_not_renewed_in_a_loop(provider, start, monkeypatch):
    start()
    provider.error = RailError("token_expired", "The token is over", temporary=False)
    renewals = []
    monkeypatch.setattr(
        type(provider), "renew_settings", lambda *_arguments: renewals.append(1) or {}
    )
    for _ in range(4):
        due(60)

    assert len(provider.calls) == 4
    assert len(renewals) == 1


def test_after_its_end_it_is_asked_about_slowly_and_once_more_at_the_very_end(
    till, provider, start
):
    attempt = start(duration_minutes=60)
    till.advance_and_sweep(16 * 60)
    assert till.attempt(attempt["id"])["status"] == "expired"
    assert due(2) == 1
    assert known(attempt).wait_seconds > 26

    pass_time((LEAST_GRACE + timedelta(minutes=16)).total_seconds())
    assert due() == 1
    assert known(attempt).next_ask_at is None
    assert due(1_000) == 0


def test_what_ended_days_ago_does_not_crowd_out_who_is_paying(till, provider, start):
    attempt = start(duration_minutes=60)
    till.advance_and_sweep(16 * 60)
    for minutes, wait_seconds in ((1, 30), (30, 300), (600, 6_000), (10_000, 21_600)):
        with unit_of_work():
            execute(
                "UPDATE attempt_reference SET next_ask_at = now(),"
                " ask_until = now() + interval '1 day',"
                " expires_at = now() - %(minutes)s * interval '1 minute'",
                minutes=minutes,
            )
        due()
        assert 0.8 * wait_seconds < known(attempt).wait_seconds < 1.2 * wait_seconds


def test_days_without_any_process_of_ours_lose_nothing(till, provider, start):
    attempt = start()
    provider.paid[reference_of(attempt)] = "succeeded"
    assert due(3 * 86_400) == 1

    assert till.session(attempt["session"])["status"] == "completed"


def test_a_reference_with_one_life_is_left_when_its_notice_came(
    provider, start, account, monkeypatch
):
    attempt = start()
    tell(account, attempt)
    monkeypatch.setattr(type(provider), "renews", False)
    assert due(2) == 0

    assert known(attempt).done_at is not None
    assert provider.calls == []


def test_an_account_that_cannot_be_asked_is_left_alone(provider, start, monkeypatch):
    start()
    monkeypatch.setattr(type(provider), "can_ask", lambda *_: False)
    assert due(2) == 0
    monkeypatch.setattr(type(provider), "can_ask", lambda *_: True)
    assert due(2) == 0
    assert due(60) == 1


def test_five_thousand_are_found_within_three_minutes_of_recovery(
    provider, start, account, monkeypatch
):
    """A provider that refuses for ten minutes, at the pace that it allows."""
    monkeypatch.setattr(monitor, "AHEAD_SECONDS", 0.0)
    monkeypatch.setattr(type(provider), "asks_per_minute", 120)
    # What the answers lead to is tested elsewhere; here they only end the questions.
    monkeypatch.setattr(ask, "take_notices", lambda _account, notices: len(notices))
    copy_attempts(start()["id"], 4_999)
    provider.error = SILENCE
    pass_time(2)
    for _ in range(60):
        due(10, "rail_health")
    assert 10 <= len(provider.calls) <= 40
    assert {row.asks for row in read("SELECT DISTINCT asks FROM attempt_reference")} == {0}

    provider.error, provider.everything = None, "succeeded"
    provider.calls.clear()
    seconds = 0.0
    while read_one("SELECT count(*) AS n FROM attempt_reference WHERE done_at IS NULL").n:
        due(0.5, "rail_health")
        seconds += 0.5
        assert seconds <= 180
    assert max(len(call) for call in provider.calls) == 50
    assert len(set(provider.asked())) == 5_000


def test_no_plan_of_small_tables_is_kept_for_large_ones(provider, start):
    start()
    with unit_of_work():
        execute("ANALYZE attempt, attempt_reference")

    # PostgreSQL may keep a plan from the sixth time on.
    for _ in range(12):
        due(2)

    kept = read("SELECT statement, generic_plans FROM pg_prepared_statements")
    joins = [row for row in kept if "JOIN attempt ON" in row.statement]
    assert all(row.generic_plans == 0 for row in joins), joins
    assert joins
