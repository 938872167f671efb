from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Match, Notice, Receipt, Refusal
from checkout.rails.vnpay.fake import FAKE
from checkout.rails.vnpay.rail import RAIL
from tests.rails.kit import NOW, load_vectors
from tests.rails.vnpay.kit import (
    PAID_IPN,
    TERMINAL,
    code_of,
    is_refused,
    make_account,
    make_attempt,
    no_http,
    read,
    sign,
)

VECTORS = load_vectors("vnpay_ipn")


def disposition_of(notice: Notice, order: dict[str, Any]) -> str:
    """What judging makes of a notice, in small."""
    if not order["exists"]:
        return "unknown_code"
    if notice.outcome == "failed":
        return "failed"
    if order["state"] == "paid":
        return "duplicate"
    assert notice.amount is not None
    if notice.amount == order["amount_vnd"]:
        return "matched"
    return "partial" if notice.amount < order["amount_vnd"] else "over"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_ipns_are_answered_as_published(vector: dict[str, Any]) -> None:
    given_, expected = vector["input"], vector["expected"]
    account = make_account(tmn_code=given_["tmn_code"], hash_secret=given_["secret"])

    found = RAIL.read_hook({}, given_["query"], b"", account, NOW)

    if isinstance(found, Refusal):
        answer = RAIL.refuse(found)
        assert expected["signature_valid"] is False
    else:
        assert expected["signature_valid"] is True
        (notice,) = found
        disposition = disposition_of(notice, given_["order"])
        repeated = given_["order"].get("state") == "paid"
        receipt = Receipt(True, disposition, repeated, details=notice.details)
        answer = RAIL.acknowledge([receipt])
        after = {"paid": "matched", "failed": "failed"}.get(expected["order_after"])
        assert after in (disposition, None)
    assert code_of(answer) == expected["rsp_code"]
    assert FAKE.accepted(answer.status, answer.body) == (expected["rsp_code"] in ("00", "02"))


def test_money_is_told_whole() -> None:
    notice = read(PAID_IPN)

    assert notice.outcome == "succeeded"
    assert notice.provider_reference == "14226112"
    assert (notice.amount, notice.currency) == (150_000, "VND")
    assert notice.matches == (Match("reference", "HM7K2M9QX"),)
    assert notice.account == TERMINAL
    assert notice.account in RAIL.accounts_of(make_account())
    assert notice.occurred_at == datetime(2026, 11, 20, 7, 3, 12, tzinfo=UTC)
    assert notice.memo == "Thanh toan HM7K2M9QX"
    assert b"vnp_SecureHash=" in notice.raw
    assert notice.details["bank_code"] == "NCB"


@pytest.mark.parametrize("name", sorted(PAID_IPN))
def test_a_tampered_field_is_refused(name: str) -> None:
    genuine = sign(PAID_IPN)

    for value in (f"{genuine[name]}0", genuine[name][1:], "", " ", "24", "\ud800"):
        query = genuine | {name: value}
        assert is_refused(query) == (value != genuine[name])


def test_a_signature_of_another_secret_is_refused() -> None:
    assert is_refused(sign(PAID_IPN, "another"))
    assert is_refused(sign(PAID_IPN, ""), make_account(hash_secret=None))
    assert not is_refused(sign(PAID_IPN))


def test_our_own_payment_url_is_no_notice() -> None:
    prompt = RAIL.open(make_attempt(), make_account(), no_http, NOW)
    query = dict(parse_qsl(urlsplit(str(prompt.redirect_url)).query))

    # Signed with the very secret that proves an IPN, and in every shopper's hands.
    assert is_refused(query)
    assert RAIL.read_return(query, make_account()) == "unknown"


@pytest.mark.parametrize(
    ("code", "failure_code"),
    [
        ("09", "not_enrolled"),
        ("10", "wrong_details"),
        ("11", "expired"),
        ("12", "account_locked"),
        ("13", "wrong_otp"),
        ("24", "cancelled"),
        ("51", "insufficient_funds"),
        ("65", "limit_exceeded"),
        ("75", "bank_maintenance"),
        ("79", "wrong_password"),
        ("99", "declined"),
        ("00", "declined"),
        ("zz", "declined"),
    ],
)
def test_failures_say_why(code: str, failure_code: str) -> None:
    notice = read(PAID_IPN | {"vnp_ResponseCode": code, "vnp_TransactionStatus": "02"})

    assert notice.outcome == "failed"
    assert notice.amount is None
    assert notice.details["failure_code"] == failure_code
    assert notice.details["failure_message"]
    assert notice.provider_reference == f"HM7K2M9QX:14226112:{code}:02"


@pytest.mark.parametrize(
    ("code", "status"), [("24", "00"), ("99", "00"), ("00", "01"), ("00", ""), ("", "00")]
)
def test_codes_that_contradict_each_other_move_nothing(code: str, status: str) -> None:
    notice = read(PAID_IPN | {"vnp_ResponseCode": code, "vnp_TransactionStatus": status})

    assert (notice.outcome, notice.amount) == ("pending", None)


@pytest.mark.parametrize("codes", [("07", "07"), ("07", "00"), ("00", "07")])
def test_suspected_money_waits_for_a_person(codes: tuple[str, str]) -> None:
    changed = {"vnp_ResponseCode": codes[0], "vnp_TransactionStatus": codes[1]}
    suspected = read(PAID_IPN | changed)

    assert (suspected.outcome, suspected.amount) == ("unreadable", None)
    assert suspected.details["why"] == "suspected"
    assert suspected.details["amount_told"] == "15000000"
    assert suspected.matches == (Match("reference", "HM7K2M9QX"),)
    assert suspected.provider_reference == "14226112:07"
    # Cleared later, the same money counts under its own number.
    assert read(PAID_IPN).provider_reference == "14226112"


@pytest.mark.parametrize("amount", ["", "abc", "15000050", "0", "1e9", "-100", "٣٠٠", "9" * 30])
def test_an_amount_that_cannot_be_read_waits_for_a_person(amount: str) -> None:
    notice = read(PAID_IPN | {"vnp_Amount": amount})

    assert (notice.outcome, notice.amount) == ("unreadable", None)
    receipt = Receipt(stored=True, disposition="unreadable", details=notice.details)
    assert code_of(RAIL.acknowledge([receipt])) == "04"


@pytest.mark.parametrize("number", ["", "0", "0000", "12a", "1" * 16, "١٢"])
def test_money_without_a_number_of_its_own_waits_for_a_person(number: str) -> None:
    assert read(PAID_IPN | {"vnp_TransactionNo": number}).outcome == "unreadable"


def test_a_failure_and_a_success_of_one_order_are_two_notices() -> None:
    failure = {"vnp_ResponseCode": "51", "vnp_TransactionStatus": "02"}

    failed, paid = read(PAID_IPN | failure), read(PAID_IPN | {"vnp_TransactionNo": "14226113"})

    assert (failed.outcome, paid.outcome) == ("failed", "succeeded")
    assert failed.matches == paid.matches
    assert failed.provider_reference != paid.provider_reference
    assert read(PAID_IPN | failure).provider_reference == failed.provider_reference


def test_another_terminal_is_seen_by_its_account() -> None:
    foreign = PAID_IPN | {"vnp_TmnCode": "OTHER001"}
    failure = {"vnp_ResponseCode": "51", "vnp_TransactionStatus": "02"}

    assert read(foreign).account not in RAIL.accounts_of(make_account())
    assert read(foreign | failure).outcome == "ignored"


def test_a_time_that_cannot_be_read_is_none() -> None:
    assert read(PAID_IPN | {"vnp_PayDate": "20269999999999"}).occurred_at is None


@pytest.mark.parametrize(
    ("receipt", "code"),
    [
        (Receipt(True, "matched"), "00"),
        (Receipt(True, "failed"), "00"),
        (Receipt(True, "late"), "00"),
        (Receipt(True, "unreadable", details={"why": "suspected"}), "00"),
        (Receipt(True, None), "00"),
        (Receipt(True, "ignored"), "00"),
        (Receipt(True, "matched", repeated=True), "02"),
        (Receipt(True, "failed", repeated=True), "02"),
        (Receipt(True, None, repeated=True), "02"),
        (Receipt(True, "duplicate"), "02"),
        (Receipt(True, "repeated"), "02"),
        (Receipt(True, "ignored", details={"failure_code": "declined"}), "02"),
        (Receipt(True, "unknown_code"), "01"),
        (Receipt(True, "unknown_attempt"), "01"),
        (Receipt(True, "unknown_code", repeated=True), "01"),
        (Receipt(True, "partial"), "04"),
        (Receipt(True, "partial", repeated=True), "04"),
        (Receipt(True, "over"), "04"),
        (Receipt(True, "over", repeated=True), "04"),
        (Receipt(True, "wrong_account"), "99"),
        (Receipt(False), "99"),
        (Receipt(False, "matched"), "99"),
    ],
)
def test_every_end_has_its_answer(receipt: Receipt, code: str) -> None:
    assert code_of(RAIL.acknowledge([receipt])) == code


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "done"),
        ({"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02"}, "cancelled"),
        ({"vnp_ResponseCode": "51", "vnp_TransactionStatus": "02"}, "unknown"),
        ({"vnp_TransactionStatus": "02"}, "unknown"),
        ({"vnp_ResponseCode": "07"}, "unknown"),
    ],
)
def test_a_return_says_what_the_page_may_say(changes: dict[str, str], told: str) -> None:
    query = sign(PAID_IPN | changes)

    assert RAIL.read_return(query, make_account()) == told
    assert RAIL.read_return(query | {"vnp_Amount": "1"}, make_account()) == "unknown"
    assert RAIL.read_return({}, make_account()) == "unknown"


_names = st.sampled_from([*PAID_IPN, "vnp_SecureHash", "vnp_SecureHashType", "x"]) | st.text(
    st.characters(), max_size=12
)
_values = st.text(st.characters(), max_size=140) | st.sampled_from(["00", "02", "07", "24", "0"])


@given(query=st.dictionaries(_names, _values, max_size=14))
def test_junk_is_refused_without_an_exception(query: dict[str, str]) -> None:
    assert is_refused(query)
    assert is_refused(PAID_IPN | query)
    assert RAIL.read_return(query, make_account()) == "unknown"


@given(changes=st.dictionaries(st.sampled_from(sorted(PAID_IPN)), _values, max_size=11))
def test_signed_junk_is_stored_without_an_exception(changes: dict[str, str]) -> None:
    fields = PAID_IPN | changes
    if not fields["vnp_ResponseCode"] and not fields["vnp_TransactionStatus"]:
        assert is_refused(sign(fields))
        return
    notice = read(fields)

    assert notice.provider_reference
    assert len(notice.provider_reference) <= 150
    assert (notice.outcome == "succeeded") == (notice.amount is not None)
    if notice.outcome == "succeeded":
        assert (
            changes.get("vnp_ResponseCode", "00"),
            changes.get("vnp_TransactionStatus", "00"),
        ) == (
            "00",
            "00",
        )
