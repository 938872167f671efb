"""A person gives held money a home: every action on every kind, and what the ledger says."""

from __future__ import annotations

import json

import pytest

from tests.factories.books import balances, events_of, journals_of, read_one
from tests.factories.stores import make_shop
from tests.factories.till import Till, deadline_of, make_till, memo_of
from tests.factories.wallets import (
    make_customer,
    make_session,
    offer_wallet,
    pay_from_wallet,
    wallet_of,
)

BANK, BALANCE, SUSPENSE = "clearing:vietqr", "store_balance", "suspense"
DISPOSITIONS = (
    "partial",
    "over",
    "late",
    "cancelled",
    "duplicate",
    "unknown_code",
    "wrong_account",
)


def held(till, what, amount=300_000, due=500_000):
    """A transfer of `amount` that is held for this reason; `over` holds that much surplus."""
    attempt = till.make_attempt(due)
    memo = memo_of(attempt)
    if what == "over":
        return till.pay(memo, due + amount)
    if what == "late":
        till.advance_and_sweep(86_400)
    elif what == "cancelled":
        till.call("POST", f"/checkout/sessions/{attempt['session']}/cancel")
    elif what == "duplicate":
        till.pay(memo, due)
    elif what == "unknown_code":
        return till.pay("tien an", amount)
    elif what == "wrong_account":
        return till.pay(memo, amount, accountNumber="999888777")
    return till.pay(memo, amount)


def resolved(till, transfer, action, **fields):
    status, answer = till.resolve(transfer["id"], action, **fields)
    assert status == 200, answer
    return answer


def refused(till, transfer, action, **fields):
    """A refusal changes nothing and is told with its code and field."""
    before = (till.transfer(transfer["provider_reference"]), balances(till.shop.store.id))
    status, answer = till.resolve(transfer["id"], action, **fields)
    assert status >= 400, answer
    assert (till.transfer(transfer["provider_reference"]), balances(till.shop.store.id)) == before
    return status, answer["error"]["code"]


def last_journal(transfer):
    return journals_of(transfer["id"])[-1]


# write_off


@pytest.mark.parametrize("what", DISPOSITIONS)
def test_writing_off_takes_it_back_to_the_bank(till, what):
    transfer = held(till, what)
    before = till.session(transfer["session"]) if transfer["session"] else None
    answer = resolved(till, transfer, "write_off")

    assert answer["amount_held"] == 0
    assert answer["disposition"] == transfer["disposition"]
    resolution = answer["resolution"]
    assert (resolution["action"], resolution["note"]) == ("write_off", "n")
    assert resolution["by"] == f"key:{till.shop.key_id}"
    assert last_journal(transfer) == ("write_off", {SUSPENSE: -300_000, BANK: 300_000})
    assert SUSPENSE not in balances(till.shop.store.id)
    assert refused(till, transfer, "write_off") == (409, "transfer_already_resolved")
    assert refused(till, transfer, "accept") == (409, "transfer_already_resolved")
    if before is not None and what != "partial":
        assert till.session(transfer["session"])["status"] == before["status"]


def test_a_part_that_is_written_off_is_asked_for_again(till):
    transfer = held(till, "partial")
    resolved(till, transfer, "write_off")
    session = till.session(transfer["session"])

    assert (session["status"], session["payment_status"]) == ("processing", "unpaid")
    assert (session["amount_received"], session["amount_due"]) == (0, 500_000)
    assert session["current_attempt"]["amount"] == 500_000


def test_what_nobody_can_read_can_only_be_written_off(till):
    till.client.post(
        f"/hooks/vietqr/{till.account}",
        json={"id": 5},
        headers={"Authorization": f"Apikey {till.rail['api_key']}"},
    )
    row = read_one("SELECT id, provider_reference FROM transfer")
    transfer = till.transfer(row.provider_reference)

    assert refused(till, transfer, "accept") == (422, "action_not_available")
    target = till.make_session()["id"]
    assert refused(till, transfer, "assign", session=target) == (422, "action_not_available")
    assert resolved(till, transfer, "write_off")["resolution"]["action"] == "write_off"
    assert refused(till, transfer, "write_off") == (409, "transfer_already_resolved")
    assert balances(till.shop.store.id) == {}


# accept


@pytest.mark.parametrize("what", ["over", "duplicate", "unknown_code", "wrong_account"])
def test_accepting_what_no_session_waits_for_is_the_stores_income(till, what):
    transfer = held(till, what)
    before = till.session(transfer["session"]) if transfer["session"] else None
    answer = resolved(till, transfer, "accept")

    assert (answer["amount_held"], answer["disposition"]) == (0, transfer["disposition"])
    assert last_journal(transfer) == ("adjustment", {SUSPENSE: -300_000, BALANCE: 300_000})
    if before is not None:
        assert till.session(transfer["session"]) == before | {
            "remaining_seconds": till.session(transfer["session"])["remaining_seconds"]
        }


@pytest.mark.parametrize(
    ("what", "amount", "surplus"),
    [
        ("partial", 300_000, 0),
        *((what, 300_000, 0) for what in ("late", "cancelled")),
        *((what, 500_000, 0) for what in ("late", "cancelled")),
        *((what, 800_000, 300_000) for what in ("late", "cancelled")),
    ],
)
def test_accepting_completes_the_session_that_the_money_named(till, what, amount, surplus):
    transfer = held(till, what, amount)
    answer = resolved(till, transfer, "accept")
    session = till.session(transfer["session"])

    paid = amount - surplus
    assert (session["status"], session["amount_received"]) == ("completed", amount)
    assert session["payment_status"] == ("overpaid" if surplus else "paid")
    assert session["payment"]["amount"] == paid
    assert session["payment"]["late"] is (what != "partial")
    assert session["current_attempt"]["status"] == "succeeded"
    assert answer["amount_held"] == surplus
    expected = {SUSPENSE: -paid, BALANCE: paid}
    assert last_journal(transfer) == ("payment", expected)
    history = till.call("GET", f"/checkout/sessions/{session['id']}/history")[1]["data"]
    assert (history[-1]["event"], history[-1]["to"]) == ("accepted", "completed")
    if surplus:
        # The surplus is still held, and open for another decision.
        assert resolved(till, transfer, "write_off")["amount_held"] == 0
    assert refused(till, transfer, "accept") == (409, "transfer_already_resolved")


def test_accepting_one_part_takes_all_parts_with_it(till):
    attempt = till.make_attempt(500_000)
    parts = [till.pay(memo_of(attempt), amount) for amount in (100_000, 150_000)]
    resolved(till, parts[0], "accept")
    session = till.session(attempt["session"])

    assert (session["status"], session["payment"]["amount"]) == ("completed", 250_000)
    assert balances(till.shop.store.id) == {BANK: -250_000, BALANCE: 250_000}
    assert refused(till, parts[1], "accept") == (409, "transfer_already_resolved")


def test_accepting_late_money_takes_the_parts_before_it_too(till):
    attempt = till.make_attempt(500_000)
    till.pay(memo_of(attempt), 200_000)
    till.advance_and_sweep(86_400)
    late = till.pay(memo_of(attempt), 300_000)

    assert late["disposition"] == "late"
    resolved(till, late, "accept")
    session = till.session(attempt["session"])
    assert (session["status"], session["payment"]["amount"]) == ("completed", 500_000)
    assert balances(till.shop.store.id) == {BANK: -500_000, BALANCE: 500_000}


def test_accepting_short_money_of_a_strict_store(client):
    till = make_till(client, underpayment="fail")
    transfer = held(till, "partial")
    resolved(till, transfer, "accept")
    session = till.session(transfer["session"])

    assert (session["status"], session["amount_received"]) == ("completed", 300_000)
    assert (session["current_attempt"]["status"], session["current_attempt"]["failure"]) == (
        "succeeded",
        None,
    )


def test_the_fee_is_taken_of_accepted_money(client):
    till = make_till(client, fee_bps=1000)
    transfer = held(till, "late")
    resolved(till, transfer, "accept")

    assert last_journal(transfer) == (
        "payment",
        {SUSPENSE: -300_000, BALANCE: 270_000, "fees": 30_000},
    )


def test_late_money_for_a_session_that_was_paid_meanwhile_is_income(till):
    attempt = till.make_attempt(500_000)
    till.advance_and_sweep(86_400)
    first, second = till.pay(memo_of(attempt), 500_000), till.pay(memo_of(attempt), 500_000)
    resolved(till, first, "accept")
    resolved(till, second, "accept")

    assert last_journal(second) == ("adjustment", {SUSPENSE: -500_000, BALANCE: 500_000})


# assign


@pytest.mark.parametrize("what", DISPOSITIONS)
def test_assigning_settles_another_session(till, what):
    transfer = held(till, what)
    target = till.make_attempt(300_000)
    answer = resolved(till, transfer, "assign", session=target["session"])
    session = till.session(target["session"])

    assert (session["status"], session["payment_status"]) == ("completed", "paid")
    assert session["payment"]["attempt"] == target["id"]
    assert (answer["amount_held"], answer["session"]) == (0, target["session"])
    assert answer["resolution"]["session"] == target["session"]
    assert last_journal(transfer) == ("payment", {SUSPENSE: -300_000, BALANCE: 300_000})
    assert refused(till, transfer, "accept") == (409, "transfer_already_resolved")
    if what == "partial":
        origin = till.session(transfer["session"])
        assert (origin["amount_received"], origin["payment_status"]) == (0, "unpaid")
        assert origin["current_attempt"]["amount"] == 500_000


def test_assigning_to_a_session_without_an_attempt(till):
    transfer = held(till, "unknown_code")
    target = till.make_session(300_000)
    resolved(till, transfer, "assign", session=target["id"])
    session = till.session(target["id"])

    assert (session["status"], session["current_attempt"]) == ("completed", None)
    assert session["payment"]["attempt"] is None


def test_assigning_too_little_makes_it_a_part_and_keeps_it_open(till):
    transfer = held(till, "unknown_code")
    target = till.make_attempt(500_000)
    answer = resolved(till, transfer, "assign", session=target["session"])
    session = till.session(target["session"])

    assert (answer["disposition"], answer["amount_held"]) == ("partial", 300_000)
    assert (session["status"], session["amount_received"]) == ("processing", 300_000)
    assert session["current_attempt"]["amount"] == 200_000
    # Held money stays in the inbox of what a person may still decide.
    _, page = till.call("GET", "/transfers?resolved=false")
    assert [item["id"] for item in page["data"]] == [transfer["id"]]
    assert refused(till, transfer, "assign", session=session["id"]) == (422, "invalid_value")


def test_a_part_that_was_assigned_finds_another_home_when_its_session_ends(till):
    transfer = held(till, "unknown_code")
    first, second = till.make_attempt(500_000), till.make_attempt(300_000, duration_minutes=5000)
    resolved(till, transfer, "assign", session=first["session"])
    till.advance_and_sweep(86_400)
    resolved(till, transfer, "assign", session=second["session"])

    assert till.session(first["session"])["amount_received"] == 0
    assert till.session(second["session"])["status"] == "completed"
    assert balances(till.shop.store.id) == {BANK: -300_000, BALANCE: 300_000}


def test_assigning_too_much_holds_the_surplus(till):
    transfer = held(till, "duplicate")
    target = till.make_attempt(100_000)
    answer = resolved(till, transfer, "assign", session=target["session"])

    assert (answer["disposition"], answer["amount_held"]) == ("over", 200_000)
    assert till.session(target["session"])["payment_status"] == "overpaid"
    another = till.make_attempt(200_000)
    assert resolved(till, transfer, "assign", session=another["session"])["amount_held"] == 0
    assert till.session(another["session"])["status"] == "completed"


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_an_ended_session_is_completed_or_nothing(till, end):
    transfer = held(till, "unknown_code")
    small, large = till.make_attempt(300_000), till.make_attempt(300_001)
    for attempt in (small, large):
        till.call("POST", f"/checkout/sessions/{attempt['session']}/{end}")

    found = refused(till, transfer, "assign", session=large["session"])
    assert found == (422, "amount_too_small")
    resolved(till, transfer, "assign", session=small["session"])
    session = till.session(small["session"])
    assert (session["status"], session["payment"]["late"]) == ("completed", True)


def test_where_it_cannot_be_assigned(till, client):
    transfer = held(till, "unknown_code")
    paid = till.make_attempt(100_000)
    till.pay(memo_of(paid), 100_000)
    stranger = make_till(client).make_session()["id"]

    assert refused(till, transfer, "assign", session=paid["session"]) == (409, "session_not_active")
    for target in (stranger, "cs_x", transfer["id"], "cs_" + "0" * 28):
        assert refused(till, transfer, "assign", session=target) == (404, "resource_missing")
    assert refused(till, transfer, "assign") == (422, "missing_required_field")
    for action in ("accept", "write_off"):
        found = refused(till, transfer, action, session=paid["session"])
        assert found == (422, "invalid_value")


def test_a_session_in_another_currency_does_not_get_it(till):
    from checkout.core.db import execute, unit_of_work

    transfer = held(till, "unknown_code")
    target = till.make_session()
    with unit_of_work():
        execute("UPDATE checkout_session SET currency = 'USD' WHERE id = %(id)s", id=target["id"])

    assert refused(till, transfer, "assign", session=target["id"]) == (422, "wrong_currency")


# credit_wallet


@pytest.mark.parametrize("what", DISPOSITIONS)
def test_crediting_a_wallet_gives_it_to_the_customer(till, what):
    transfer, customer = held(till, what), make_customer(till.shop)
    answer = resolved(till, transfer, "credit_wallet", customer=customer)

    assert (answer["amount_held"], answer["disposition"]) == (0, transfer["disposition"])
    resolution = answer["resolution"]
    assert (resolution["action"], resolution["customer"]) == ("credit_wallet", customer)
    assert last_journal(transfer) == ("adjustment", {SUSPENSE: -300_000, "wallet": 300_000})
    assert SUSPENSE not in balances(till.shop.store.id)
    assert wallet_of(till, customer) == {"VND": 300_000}
    again = refused(till, transfer, "credit_wallet", customer=customer)
    assert again == (409, "transfer_already_resolved")
    assert [type_ for type_ in events_of(till.shop.store.id) if type_.startswith("wallet.")] == [
        "wallet.credited"
    ]


def test_a_part_that_went_to_a_wallet_is_asked_for_again(till):
    transfer = held(till, "partial")
    resolved(till, transfer, "credit_wallet", customer=make_customer(till.shop))
    session = till.session(transfer["session"])

    assert (session["status"], session["payment_status"]) == ("processing", "unpaid")
    assert session["current_attempt"]["amount"] == 500_000


def test_a_wallet_needs_its_customer(till):
    transfer = held(till, "duplicate")
    live = make_shop(True, till.shop.store)

    assert refused(till, transfer, "credit_wallet") == (422, "missing_required_field")
    for stranger in (make_customer(make_shop()), make_customer(live), "cus_x", transfer["id"]):
        found = refused(till, transfer, "credit_wallet", customer=stranger)
        assert found == (404, "resource_missing")
    target = till.make_session()["id"]
    customer = make_customer(till.shop)
    given = {"customer": customer, "session": target}
    assert refused(till, transfer, "credit_wallet", **given) == (422, "invalid_value")
    assert refused(till, transfer, "accept", customer=customer) == (422, "invalid_value")


def test_what_a_wallet_paid_with_is_not_held(till):
    customer = make_customer(till.shop)
    offer_wallet(till.shop)
    resolved(till, held(till, "duplicate", 500_000), "credit_wallet", customer=customer)
    session_id = make_session(till, customer)
    pay_from_wallet(till, session_id)
    (transfer,) = till.call("GET", f"/transfers?session={session_id}")[1]["data"]

    for action, fields in (("write_off", {}), ("credit_wallet", {"customer": customer})):
        status, answer = till.resolve(transfer["id"], action, **fields)
        assert (status, answer["error"]["code"]) == (409, "transfer_already_resolved")


# who, and what is told


def test_actions_of_later_areas_are_refused_cleanly(till):
    assert refused(till, held(till, "duplicate"), "refund") == (422, "action_not_available")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "accept"},
        {"note": "n"},
        {"action": "keep", "note": "n"},
        {"action": "accept", "note": ""},
        {"action": "accept", "note": "n" * 501},
        {"action": "accept", "note": "n", "amount": 5},
        {"action": None, "note": "n"},
        {"action": "accept", "note": "n", "customer": "cus_1"},
    ],
)
def test_bad_decisions_are_refused_at_their_field(till, body):
    transfer = held(till, "duplicate")
    status, answer = till.call("POST", f"/transfers/{transfer['id']}/resolve", body)

    assert status == 422
    assert answer["error"]["param"] in ("action", "note", "amount", "customer")
    assert till.transfer(transfer["provider_reference"])["amount_held"] == 300_000


def test_matched_money_needs_no_decision(till):
    transfer = till.pay(memo_of(till.make_attempt()), 500_000)

    assert refused(till, transfer, "accept") == (409, "transfer_already_resolved")


def test_a_stranger_resolves_nothing(till, client):
    transfer = held(till, "duplicate")
    strangers = (make_shop(), make_shop(True, till.shop.store))
    for shop in strangers:
        status, answer = Till(client, shop, "").resolve(transfer["id"], "accept")
        assert (status, answer["error"]["code"]) == (404, "resource_missing")

    assert till.transfer(transfer["provider_reference"])["amount_held"] == 300_000


def test_the_world_hears_of_a_resolution(till):
    transfer = held(till, "late", 500_000)
    resolved(till, transfer, "accept")

    assert events_of(till.shop.store.id, transfer["id"]) == [
        "transfer.unmatched",
        "transfer.resolved",
    ]
    body = read_one("SELECT body FROM outbox WHERE type = 'transfer.resolved'").body
    data = json.loads(body)["data"]
    assert data["object"] == till.transfer(transfer["provider_reference"])
    assert data["previous"] == {"disposition": "late", "amount_held": 500_000}
    assert "checkout.session.completed" in events_of(till.shop.store.id, transfer["session"])
    assert deadline_of(transfer["session"]) is not None
