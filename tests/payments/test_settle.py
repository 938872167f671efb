"""Money through the hook: every disposition, what moves, who hears of it, where it lies."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.payments.judge import judge_now
from checkout.payments.notices import store_notices
from checkout.rails.base import Match, Notice
from checkout.sessions.end import abandon_session
from checkout.sessions.expire import expire_due, expire_in_store
from tests.factories.books import balances, events_of, journals_of, read, read_one
from tests.factories.till import deadline_of, make_till, memo_of

BANK, BALANCE, SUSPENSE = "clearing:vietqr", "store_balance", "suspense"
GRACE = timedelta(minutes=15)
TICK = timedelta(microseconds=1)


def shown(session):
    """What a merchant looks at first."""
    return (session["status"], session["payment_status"], session["amount_received"])


def told(till, *subjects):
    return events_of(till.shop.store.id, *subjects)


def test_exact_money_completes_the_session(till):
    attempt = till.make_attempt(500_000, reference="BK-1")
    transfer = till.pay(memo_of(attempt), 500_000)
    session = till.session(attempt["session"])

    assert shown(session) == ("completed", "paid", 500_000)
    assert (session["amount_due"], session["can_retry"]) == (0, False)
    assert session["current_attempt"]["status"] == "succeeded"
    assert (transfer["disposition"], transfer["amount_held"]) == ("matched", 0)
    assert (transfer["attempt"], transfer["session"]) == (attempt["id"], session["id"])
    payment = session["payment"]
    assert (payment["amount"], payment["fee"], payment["net"]) == (500_000, 0, 500_000)
    assert (payment["late"], payment["status"]) == (False, "succeeded")
    assert (payment["reference"], payment["attempt"]) == ("BK-1", attempt["id"])
    assert payment["provider_reference"].startswith("FT")
    assert journals_of(transfer["id"]) == [("payment", {BANK: -500_000, BALANCE: 500_000})]
    assert balances(till.shop.store.id) == {BANK: -500_000, BALANCE: 500_000}
    assert told(till, session["id"], payment["id"]) == [
        "checkout.session.created",
        "checkout.session.processing",
        "checkout.session.completed",
        "payment.completed",
    ]


def test_the_events_carry_what_happened(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)

    row = read_one("SELECT body FROM outbox WHERE type = 'checkout.session.completed'")
    data = json.loads(row.body)["data"]
    session = till.session(attempt["session"])
    assert data["object"] == session
    assert data["previous"]["status"] == "processing"
    assert data["previous"]["payment_status"] == "unpaid"


def test_the_stores_fee_is_rounded_down(client):
    till = make_till(client, fee_bps=133)
    transfer = till.pay(memo_of(till.make_attempt(10_001)), 10_001)

    fee = 10_001 * 133 // 10_000
    assert journals_of(transfer["id"]) == [
        ("payment", {BANK: -10_001, BALANCE: 10_001 - fee, "fees": fee})
    ]
    assert till.session(transfer["session"])["payment"]["net"] == 10_001 - fee


def test_a_fee_of_everything_leaves_nothing_for_the_store(client):
    till = make_till(client, fee_bps=10_000)
    transfer = till.pay(memo_of(till.make_attempt(1)), 1)

    assert journals_of(transfer["id"]) == [("payment", {BANK: -1, "fees": 1})]


def test_short_money_asks_for_the_rest_with_the_same_code(till):
    attempt = till.make_attempt(500_000)
    transfer = till.pay(memo_of(attempt), 200_000)
    session = till.session(attempt["session"])
    now = session["current_attempt"]

    assert (transfer["disposition"], transfer["amount_held"]) == ("partial", 200_000)
    assert shown(session) == ("processing", "partially_paid", 200_000)
    assert (session["amount_due"], session["attempts"]) == (300_000, 0)
    assert (now["id"], now["code"], now["amount"]) == (attempt["id"], attempt["code"], 300_000)
    assert now["qr"]["payload"] != attempt["qr"]["payload"]
    assert "300000" in now["qr"]["payload"]
    assert now["transfer_details"] == attempt["transfer_details"]
    assert journals_of(transfer["id"]) == [("transfer", {BANK: -200_000, SUSPENSE: 200_000})]
    # The shopper is asked for the rest; nobody else needs to look yet.
    assert "transfer.unmatched" not in told(till)


def test_the_rest_completes_it(till):
    attempt = till.make_attempt(500_000)
    parts = [till.pay(memo_of(attempt), amount) for amount in (200_000, 50_000, 250_000)]
    session = till.session(attempt["session"])

    assert shown(session) == ("completed", "paid", 500_000)
    assert session["payment"]["amount"] == 500_000
    assert [till.transfer(part["provider_reference"])["amount_held"] for part in parts] == [0] * 3
    assert journals_of(parts[2]["id"]) == [
        ("payment", {BANK: -250_000, SUSPENSE: -250_000, BALANCE: 500_000})
    ]
    assert balances(till.shop.store.id) == {BANK: -500_000, BALANCE: 500_000}


def test_more_than_the_rest_holds_the_surplus(till):
    attempt = till.make_attempt(500_000)
    till.pay(memo_of(attempt), 200_000)
    transfer = till.pay(memo_of(attempt), 350_000)
    session = till.session(attempt["session"])

    assert (transfer["disposition"], transfer["amount_held"]) == ("over", 50_000)
    assert shown(session) == ("completed", "overpaid", 550_000)
    assert session["payment"]["amount"] == 500_000
    assert journals_of(transfer["id"]) == [
        ("payment", {BANK: -350_000, SUSPENSE: -150_000, BALANCE: 500_000})
    ]
    assert told(till, transfer["id"]) == ["transfer.unmatched"]


def test_too_much_at_once_pays_and_holds_the_surplus(till):
    transfer = till.pay(memo_of(till.make_attempt(500_000)), 600_000)

    assert (transfer["disposition"], transfer["amount_held"]) == ("over", 100_000)
    assert journals_of(transfer["id"]) == [
        ("payment", {BANK: -600_000, BALANCE: 500_000, SUSPENSE: 100_000})
    ]
    assert balances(till.shop.store.id)[SUSPENSE] == 100_000


def test_a_strict_store_fails_the_attempt_and_asks_for_everything_again(client):
    till = make_till(client, underpayment="fail")
    attempt = till.make_attempt(500_000)
    transfer = till.pay(memo_of(attempt), 400_000)
    session = till.session(attempt["session"])

    assert (transfer["disposition"], transfer["amount_held"]) == ("partial", 400_000)
    assert shown(session) == ("open", "unpaid", 0)
    assert (session["attempts"], session["amount_due"]) == (1, 500_000)
    failed = session["current_attempt"]
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "underpaid")
    assert told(till, attempt["id"], transfer["id"]) == ["payment.failed", "transfer.unmatched"]

    _, again = till.call("POST", f"/checkout/sessions/{session['id']}/retry", {})
    assert again["amount"] == 500_000
    till.pay(memo_of(again), 500_000)
    assert shown(till.session(session["id"])) == ("completed", "paid", 500_000)
    assert balances(till.shop.store.id) == {BANK: -900_000, BALANCE: 500_000, SUSPENSE: 400_000}


def test_a_success_clears_the_attempts_failure(client):
    till = make_till(client, underpayment="fail")
    attempt = till.make_attempt(500_000)
    till.pay(memo_of(attempt), 1)
    till.pay(memo_of(attempt), 500_000)

    found = till.attempt(attempt["id"])
    assert (found["status"], found["failure"]) == ("succeeded", None)


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(
    ("after_deadline", "expected", "late"),
    [
        (-timedelta(minutes=3), "matched", False),
        (-TICK, "matched", False),
        (timedelta(0), "matched", True),
        (GRACE - TICK, "matched", True),
        (GRACE, "late", None),
        (timedelta(days=3), "late", None),
    ],
)
def test_late_is_judged_by_the_banks_clock_whether_or_not_a_sweep_came(
    till, swept, after_deadline, expected, late
):
    attempt = till.make_attempt()
    till.advance(10 * 86_400)
    if swept:
        expire_in_store(till.shop.store.id)
        expire_due()
    at = deadline_of(attempt["session"]) + after_deadline
    transfer = till.pay(memo_of(attempt), 500_000, at=at)
    session = till.session(attempt["session"])

    assert transfer["disposition"] == expected
    if expected == "late":
        assert session["status"] == ("expired" if swept else "processing")
        assert transfer["amount_held"] == 500_000
        assert journals_of(transfer["id"]) == [("transfer", {BANK: -500_000, SUSPENSE: 500_000})]
        assert told(till, transfer["id"]) == ["transfer.unmatched"]
    else:
        assert shown(session) == ("completed", "paid", 500_000)
        assert (session["payment"]["late"], session["expired_reason"]) == (late, None)
        assert session["current_attempt"]["status"] == "succeeded"


def test_a_bank_whose_clock_is_ahead_makes_nothing_late(till):
    attempt = till.make_attempt()
    transfer = till.pay(memo_of(attempt), 500_000, at=till.now() + timedelta(hours=5))

    assert transfer["disposition"] == "matched"
    assert till.session(attempt["session"])["payment"]["late"] is False


def test_the_stores_own_grace(client):
    till = make_till(client, late_grace_minutes=0)
    attempt = till.make_attempt()
    till.advance_and_sweep(900)
    transfer = till.pay(memo_of(attempt), 500_000, at=deadline_of(attempt["session"]))

    assert transfer["disposition"] == "late"


def test_two_halves_within_the_grace_complete_together(till):
    attempt = till.make_attempt(500_000)
    till.advance_and_sweep(960)
    first = till.pay(memo_of(attempt), 200_000)
    half = till.session(attempt["session"])
    second = till.pay(memo_of(attempt), 300_000)
    session = till.session(attempt["session"])

    assert shown(half) == ("expired", "partially_paid", 200_000)
    assert (first["disposition"], second["disposition"]) == ("partial", "matched")
    assert told(till, first["id"]) == ["transfer.unmatched"]
    assert shown(session) == ("completed", "paid", 500_000)
    assert session["payment"]["late"] is True


def test_a_second_payment_is_a_duplicate(till):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    before = till.session(attempt["session"])
    transfer = till.pay(memo_of(attempt), 500_000)

    assert (transfer["disposition"], transfer["amount_held"]) == ("duplicate", 500_000)
    assert transfer["session"] == attempt["session"]
    assert till.session(attempt["session"]) == before
    assert balances(till.shop.store.id) == {BANK: -(10**6), BALANCE: 500_000, SUSPENSE: 500_000}


def test_the_same_notice_again_is_nothing_new(till):
    attempt = till.make_attempt()
    notice = till.notice(memo_of(attempt), 500_000)
    answers = [till.tell(notice) for _ in range(3)]
    # The provider's id decides, whatever else it says the next time.
    answers.append(till.tell(notice | {"transferAmount": 7, "content": "x"}))

    assert {(answer.status_code, answer.data) for answer in answers} == {
        (200, b'{"success": true}')
    }
    assert len(read("SELECT 1 FROM transfer")) == len(read("SELECT 1 FROM inbox")) == 1
    assert balances(till.shop.store.id) == {BANK: -500_000, BALANCE: 500_000}


@pytest.mark.parametrize("memo", ["", "tien nha", "HM AAAAAAA", "HMZZZZZZZ cam on"])
def test_money_with_an_unknown_code_is_held(till, memo):
    till.make_attempt()
    transfer = till.pay(memo, 500_000)

    assert (transfer["disposition"], transfer["amount_held"]) == ("unknown_code", 500_000)
    assert (transfer["attempt"], transfer["session"], transfer["memo"]) == (None, None, memo)
    assert journals_of(transfer["id"]) == [("transfer", {BANK: -500_000, SUSPENSE: 500_000})]
    assert told(till, transfer["id"]) == ["transfer.unmatched"]


def test_another_stores_code_is_unknown_here(till, client):
    other = make_till(client)
    attempt = other.make_attempt()
    transfer = till.pay(memo_of(attempt), 500_000)

    assert transfer["disposition"] == "unknown_code"
    assert other.session(attempt["session"])["status"] == "processing"


def test_the_other_modes_code_is_unknown_here(client):
    live = make_till(client, livemode=True)
    attempt = live.make_attempt()
    test = make_till(client)
    with unit_of_work():
        execute(
            "UPDATE rail_account SET store_id = %(store)s WHERE id = %(id)s",
            store=live.shop.store.id,
            id=test.account,
        )
    assert test.tell(test.notice(memo_of(attempt), 500_000)).status_code == 200

    row = read_one("SELECT disposition, session_id FROM transfer")
    assert (row.disposition, row.session_id) == ("unknown_code", None)
    assert live.session(attempt["session"])["status"] == "processing"


def test_between_two_codes_the_one_that_waits_for_this_is_taken(till):
    paid, waiting = till.make_attempt(500_000), till.make_attempt(500_000)
    till.pay(memo_of(paid), 500_000)
    transfer = till.pay(f"{memo_of(paid)} {memo_of(waiting)}", 500_000)

    assert (transfer["disposition"], transfer["attempt"]) == ("matched", waiting["id"])


def test_between_two_that_both_wait_nobody_guesses(till):
    one, two = till.make_attempt(500_000), till.make_attempt(500_000)
    transfer = till.pay(f"{memo_of(one)} {memo_of(two)}", 500_000)

    assert (transfer["disposition"], transfer["attempt"]) == ("unknown_code", None)


@pytest.mark.parametrize(
    "mangle", [str.lower, lambda m: f"{m[:2]} {m[2:]}", lambda m: f"CT DEN {m} GD 1"]
)
def test_a_mangled_memo_is_read(till, mangle):
    attempt = till.make_attempt()

    assert till.pay(mangle(memo_of(attempt)), 500_000)["attempt"] == attempt["id"]


def test_money_on_an_account_that_is_not_ours_is_held(till):
    attempt = till.make_attempt()
    transfer = till.pay(memo_of(attempt), 500_000, accountNumber="999888777")

    assert (transfer["disposition"], transfer["amount_held"]) == ("wrong_account", 500_000)
    assert till.session(attempt["session"])["status"] == "processing"
    assert journals_of(transfer["id"]) == [("transfer", {BANK: -500_000, SUSPENSE: 500_000})]


def test_money_in_another_currency_is_held_in_it(till):
    attempt = till.make_attempt(500)
    row = read_one("SELECT * FROM rail_account WHERE id = %(id)s", id=till.account)
    notice = Notice(
        provider_reference="usd-1",
        source="hook",
        outcome="succeeded",
        raw=b"{}",
        amount=500,
        currency="USD",
        matches=(Match("code", memo_of(attempt)),),
        occurred_at=till.now(),
    )
    with unit_of_work():
        ((inbox_id, _),) = store_notices(row, [notice])
    assert judge_now([inbox_id]) == {inbox_id: "wrong_currency"}

    transfer = till.transfer("usd-1")
    assert (transfer["currency"], transfer["amount_held"]) == ("USD", 500)
    assert till.session(attempt["session"])["status"] == "processing"
    rows = read("SELECT kind, currency, balance FROM account ORDER BY kind")
    assert [tuple(row) for row in rows] == [(BANK, "USD", -500), (SUSPENSE, "USD", 500)]


@pytest.mark.parametrize(
    "body", [b'{"id": 1}', b'{"transferType": "in", "transferAmount": "many", "id": 3}', b"{}"]
)
def test_what_is_genuine_but_not_understood_is_kept_whole(till, body):
    answer = till.client.post(
        f"/hooks/vietqr/{till.account}",
        data=body,
        headers={"Authorization": f"Apikey {till.rail['api_key']}"},
        content_type="application/json",
    )

    assert answer.status_code == 200
    row = read_one("SELECT * FROM transfer")
    transfer = till.transfer(row.provider_reference)
    assert (transfer["disposition"], transfer["amount"]) == ("unreadable", None)
    assert transfer["currency"] is None
    assert told(till, transfer["id"]) == ["transfer.unmatched"]
    assert balances(till.shop.store.id) == {}
    from checkout.core.crypto import unseal

    kept = read_one("SELECT id, raw FROM inbox")
    assert unseal(kept.raw, row=kept.id, column="inbox.raw") == body
    assert body not in bytes(kept.raw)


def test_what_is_no_notice_at_all_is_kept_and_refused(till):
    answer = till.client.post(
        f"/hooks/vietqr/{till.account}",
        data=b"hello",
        headers={"Authorization": f"Apikey {till.rail['api_key']}"},
    )

    assert (answer.status_code, answer.get_json()) == (400, {"success": False})
    assert read_one("SELECT disposition FROM transfer").disposition == "unreadable"


def test_money_going_out_is_ignored(till):
    attempt = till.make_attempt()
    answer = till.tell(till.notice(memo_of(attempt), 500_000, transferType="out"))

    assert answer.get_json() == {"success": True}
    assert read("SELECT 1 FROM transfer") == []
    assert read_one("SELECT result FROM inbox").result == "ignored"
    assert till.session(attempt["session"])["status"] == "processing"


def end_attempt(till, attempt, how):
    """Bring the attempt's session, or only the attempt, to an end."""
    session_id = attempt["session"]
    if how == "superseded":
        till.start(session_id)
    elif how == "lapsed":
        till.advance_and_sweep(15 * 60)
        assert till.attempt(attempt["id"])["status"] == "expired"
    elif how == "expired":
        till.advance_and_sweep(61 * 60)
    elif how == "abandoned":
        with unit_of_work():
            abandon_session(session_id)
    else:
        status, _ = till.call("POST", f"/checkout/sessions/{session_id}/{how}")
        assert status == 200


@pytest.mark.parametrize("how", ["superseded", "lapsed", "expired", "abandoned", "expire"])
def test_money_on_an_attempt_that_ended_still_counts(till, how):
    attempt = till.make_attempt(500_000, duration_minutes=60)
    end_attempt(till, attempt, how)
    transfer = till.pay(memo_of(attempt), 500_000)
    session = till.session(attempt["session"])

    assert transfer["disposition"] == "matched"
    assert shown(session) == ("completed", "paid", 500_000)
    assert till.attempt(attempt["id"])["status"] == "succeeded"
    assert session["payment"]["attempt"] == attempt["id"]
    assert session["payment"]["late"] is (how in ("expired", "expire"))
    if how == "superseded":
        assert session["current_attempt"]["status"] == "cancelled"


def test_money_on_a_cancelled_session_is_held(till):
    attempt = till.make_attempt()
    end_attempt(till, attempt, "cancel")
    transfer = till.pay(memo_of(attempt), 500_000)

    assert (transfer["disposition"], transfer["amount_held"]) == ("late", 500_000)
    assert shown(till.session(attempt["session"])) == ("cancelled", "unpaid", 0)


def test_short_money_on_a_superseded_code_asks_for_less_on_the_live_one(till):
    first = till.make_attempt(500_000)
    second = till.start(first["session"])
    till.pay(memo_of(first), 100_000)

    assert till.attempt(second["id"])["amount"] == 400_000
    assert till.attempt(first["id"])["amount"] == 500_000
    till.pay(memo_of(second), 400_000)
    assert shown(till.session(first["session"])) == ("completed", "paid", 500_000)


def test_a_top_up_goes_to_the_customers_wallet_without_a_fee(client):
    till = make_till(client, fee_bps=500)
    attempt = till.make_attempt(200_000, mode="topup", customer={"reference": "c-1"})
    transfer = till.pay(memo_of(attempt), 250_000)
    session = till.session(attempt["session"])

    assert journals_of(transfer["id"]) == [
        ("payment", {BANK: -250_000, "wallet": 200_000, SUSPENSE: 50_000})
    ]
    row = read_one("SELECT customer_id, balance FROM account WHERE kind = 'wallet'")
    assert (row.customer_id, row.balance) == (session["customer"], 200_000)
    assert (session["payment"]["fee"], session["payment"]["customer"]) == (0, session["customer"])


def test_an_older_prefix_of_the_store_is_still_read(till):
    from checkout.merchants.rail_accounts import forget_accounts
    from checkout.merchants.stores import change_store

    attempt = till.make_attempt()
    with unit_of_work():
        change_store(till.shop.store.id, {"code_prefix": "SHOP"}, actor="test")
    forget_accounts()

    assert till.make_attempt()["code"].startswith("SHOP-")
    assert till.pay(memo_of(attempt), 500_000)["disposition"] == "matched"


def test_new_credentials_leave_open_attempts_their_account(till):
    from tests.factories.stores import make_vietqr

    attempt = till.make_attempt()
    old = till.account
    fields = till.rail | {"account_number": "5550001", "api_key": "another-key-000000"}
    new = make_vietqr(till.shop, **fields)
    assert new != old

    assert till.pay(memo_of(attempt), 500_000)["disposition"] == "matched"
    later = till.make_attempt()
    assert later["transfer_details"]["account_number"] == "5550001"
    # The code names an attempt on the new account: money on the old one is somewhere else.
    assert till.pay(memo_of(later), 500_000)["disposition"] == "wrong_account"
