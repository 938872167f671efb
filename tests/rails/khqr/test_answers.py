from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import HttpAnswer, Notice, RailError
from checkout.rails.khqr.answers import Status, read_data, read_list, read_status
from checkout.rails.khqr.bakong import Bakong
from checkout.rails.khqr.movement import clean_account, make_notice, read_amount, read_time
from tests.rails.khqr.sample import MD5, Scripted, make_attempt, told, transaction
from tests.rails.kit import load_vectors

VECTORS = {vector["name"]: vector for vector in load_vectors("bakong_answers")}
STATUSES = {
    "md5_paid": "paid",
    "md5_not_found": "not_found",
    "md5_failed": "failed",
    "md5_of_static_code": "untracked",
    "hash_paid": "paid",
    "short_hash_not_found": "not_found",
}
"""Answers that say something of one payment."""
SILENT = {
    "md5_unauthorized_code": ("token_expired", False),
    "md5_http_401": ("token_expired", False),
    "md5_missing_field": ("provider_rejected", False),
    "md5_http_500": ("provider_unavailable", True),
    "md5_http_429": ("provider_rate_limited", True),
    "md5_http_403_html": ("provider_forbidden", True),
}
"""Answers that say nothing of any payment: the error's code, and whether it passes."""
DIFFERENT = {
    "md5_amount_differs": "amount",
    "md5_currency_differs": "currency",
    "md5_account_differs": "account",
}
"""Money that is not what was asked for."""
OTHERS = {
    *("list_mixed", "account_exists", "account_missing", "deeplink_ok"),
    *("renew_ok", "renew_not_registered"),
}


def answer_of(name: str) -> HttpAnswer:
    given_input = VECTORS[name]["input"]
    body = given_input["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    return HttpAnswer(
        given_input["http_status"], {"content-type": given_input["content_type"]}, text.encode()
    )


def notice_of(name: str) -> Notice:
    data = read_status(answer_of(name)).data
    assert data is not None
    return make_notice(data, MD5, None)


def find_notice(answer: HttpAnswer) -> Notice | None:
    """The notice of a told transaction; None where the answer is no information."""
    try:
        data = read_status(answer).data or {}
        return make_notice(data, MD5, make_attempt())
    except RailError:
        return None


def asked(name: str) -> tuple[int, str, str]:
    order = VECTORS[name]["input"]["order"]
    amount = int(Decimal(order["amount"]).scaleb(2))
    return amount, order["currency"], clean_account(order["account"])


def bakong(*answers: HttpAnswer) -> Bakong:
    return Bakong("http://bakong/ra_1", "token", Scripted(*answers))


def test_every_published_answer_is_read_below() -> None:
    assert {*STATUSES, *SILENT, *DIFFERENT, *OTHERS} == set(VECTORS)


@pytest.mark.parametrize("name", STATUSES)
def test_answers_that_say_something(name: str) -> None:
    status = read_status(answer_of(name))

    assert status.verdict == STATUSES[name]
    assert (status.data is not None) == (status.verdict == "paid")


@pytest.mark.parametrize("name", ["md5_paid", "hash_paid"])
def test_money_that_agrees_with_the_order(name: str) -> None:
    notice = notice_of(name)

    assert notice.outcome == "succeeded"
    assert (notice.amount, notice.currency, notice.account) == asked(name)
    assert notice.provider_reference == transaction()["hash"]
    assert notice.occurred_at is not None
    assert notice.occurred_at.timestamp() == 1_795_132_860
    assert notice.payer == {"account": "rieu_dhqj_1984@devb"}
    assert notice.memo == "testing bakong generator"


@pytest.mark.parametrize("name", DIFFERENT)
def test_money_that_differs_is_told_as_it_is(name: str) -> None:
    notice = notice_of(name)

    assert notice.outcome == "succeeded"
    facts = dict(zip(("amount", "currency", "account"), asked(name), strict=True))
    if DIFFERENT[name] == "currency":
        del facts["amount"]
    different = {field for field, value in facts.items() if getattr(notice, field) != value}
    assert different == {DIFFERENT[name]}


@pytest.mark.parametrize("name", SILENT)
def test_answers_that_say_nothing(name: str) -> None:
    with pytest.raises(RailError) as raised:
        read_status(answer_of(name))

    assert (raised.value.code, raised.value.temporary) == SILENT[name]


def test_a_list_is_read_item_by_item() -> None:
    found = read_list(answer_of("list_mixed"))

    verdicts = {md5: status.verdict for md5, status in found.items()}
    assert verdicts == {
        MD5: "paid",
        "1" * 32: "not_found",
        "2" * 32: "failed",
        "3" * 32: "untracked",
    }


def test_accounts_exist_or_not() -> None:
    bakong(answer_of("account_exists")).find_account("sok@abaa")

    with pytest.raises(RailError) as raised:
        bakong(answer_of("account_missing")).find_account("sok@abaa")
    assert (raised.value.code, raised.value.temporary) == ("account_unknown", False)


def test_links_and_tokens_are_taken_from_the_data() -> None:
    link = VECTORS["deeplink_ok"]["input"]["body"]["data"]["shortLink"]
    token = VECTORS["renew_ok"]["input"]["body"]["data"]["token"]

    assert bakong(answer_of("deeplink_ok")).make_link("qr", None) == link
    assert bakong(answer_of("renew_ok")).renew_token("a@b") == token


def test_an_address_that_is_not_registered_is_the_operators() -> None:
    with pytest.raises(RailError) as raised:
        bakong(answer_of("renew_not_registered")).renew_token("a@b")

    assert (raised.value.code, raised.value.temporary) == ("not_registered", False)


@pytest.mark.parametrize(
    "data",
    [
        *(None, {}, {"token": None}, {"token": 5}, {"token": "a\nb"}),
        # What no token can be must not take the place of the one there is.
        *({"token": ""}, {"token": "  "}, {"token": "Sent by mail"}, {"token": "x" * 4001}),
    ],
)
def test_a_token_that_is_only_mailed_is_the_operators(data: object) -> None:
    with pytest.raises(RailError) as raised:
        bakong(told(data)).renew_token("a@b")

    assert (raised.value.code, raised.value.temporary) == ("token_not_returned", False)


@pytest.mark.parametrize("data", [None, [], "", {"shortLink": 1}, {"link": "https://x"}])
def test_an_answer_without_a_link_is_none(data: object) -> None:
    with pytest.raises(RailError) as raised:
        bakong(told(data)).make_link("qr", None)

    assert raised.value.temporary


@pytest.mark.parametrize(
    "answer",
    [
        told(None),
        told([]),
        told("paid"),
        told(transaction(), status=201),
        told(transaction(), status=302),
        told(error=4),
        told(error=7),
        told(error=9),
        told(error=99),
        HttpAnswer(200, {}, b""),
        HttpAnswer(200, {}, b"<html>"),
        HttpAnswer(200, {}, b"[]"),
        HttpAnswer(200, {}, b"[" * 100_000),
        HttpAnswer(200, {}, b'{"responseCode": 0, "data": {"hash"'),
        HttpAnswer(200, {}, b'{"responseCode": false, "data": {}}'),
        HttpAnswer(200, {}, b'{"responseCode": 1, "errorCode": null}'),
        HttpAnswer(200, {}, b'{"responseCode": 1, "errorCode": true}'),
        HttpAnswer(200, {}, b'{"responseCode": 2, "errorCode": 1}'),
        HttpAnswer(200, {}, b'{"responseCode": 0, "data": {"amount": 1e9999999999999999999}}'),
        HttpAnswer(502, {}, b""),
        HttpAnswer(504, {}, b"{}"),
    ],
)
def test_what_is_no_plain_answer_is_no_information(answer: HttpAnswer) -> None:
    with pytest.raises(RailError) as raised:
        read_status(answer)

    assert raised.value.temporary
    assert raised.value.code == "provider_unavailable"


def test_numbers_may_be_texts() -> None:
    body = b'{"responseCode": "1", "errorCode": "1", "data": null}'

    assert read_status(HttpAnswer(200, {}, body)) == Status("not_found")


def test_a_wait_that_is_asked_for_is_passed_on() -> None:
    for text, seconds in (("7", 7), ("9999999", 9_999_999), ("soon", None), ("", None)):
        for status in (429, 503):
            with pytest.raises(RailError) as raised:
                read_data(HttpAnswer(status, {"retry-after": text}, b""))
            assert raised.value.retry_after_seconds == seconds


def test_list_items_that_say_nothing_are_left_out() -> None:
    items = [
        {"md5": "A" * 32, "status": "success", "data": transaction()},
        {"md5": "b" * 32, "status": "SUCCESS", "data": None},
        {"md5": "c" * 32, "status": "ON_ITS_WAY"},
        {"md5": "d" * 32, "status": None},
        {"md5": 7, "status": "FAILED"},
        {"status": "FAILED"},
        "FAILED",
        None,
    ]

    assert list(read_list(told(items))) == ["a" * 32]
    assert read_list(told(error=1)) == {}
    with pytest.raises(RailError):
        read_list(told({"items": items}))


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        (1, "USD", 100),
        ("1.0", "USD", 100),
        (Decimal("0.01"), "USD", 1),
        (Decimal("10.499999999999999"), "USD", 1050),
        (Decimal("0.30000000000000004"), "USD", 30),
        ("25.99", "USD", 2599),
        (50000, "KHR", 50_000),
        (Decimal("50000.0"), "KHR", 50_000),
        (Decimal("5E+4"), "KHR", 50_000),
        ("1.0E2", "KHR", 100),
    ],
)
def test_amounts_become_minor_units(value: object, currency: str, minor: int) -> None:
    assert read_amount(value, currency) == minor


@pytest.mark.parametrize(
    "change",
    [
        {"amount": None},
        {"amount": True},
        {"amount": "a lot"},
        {"amount": -1},
        {"amount": 0},
        {"amount": "0.001"},
        {"amount": "NaN"},
        {"amount": "1,000.00"},
        {"amount": 10**30},
        {"amount": [1]},
        {"currency": "VND"},
        {"currency": None},
        {"toAccountId": None},
        {"toAccountId": " "},
    ],
)
def test_money_that_is_not_understood_waits_for_a_person(change: dict[str, Any]) -> None:
    notice = make_notice(transaction(**change), MD5, make_attempt())

    assert notice.outcome == "unreadable"
    assert notice.details["unreadable"]
    told_whole = make_notice(transaction(), MD5, make_attempt())
    # A garbled answer does not stand in the way of the same money told whole.
    assert notice.provider_reference != told_whole.provider_reference == transaction()["hash"]


@pytest.mark.parametrize("value", [None, "", 5, "x" * 64, "a" * 63, ["a"]])
def test_money_without_a_sound_hash_is_no_information(value: object) -> None:
    unsound = transaction(hash=value)
    items = [
        {"md5": "a" * 32, "status": "SUCCESS", "data": unsound},
        {"md5": "b" * 32, "status": "SUCCESS", "data": transaction()},
    ]

    assert list(read_list(told(items))) == ["b" * 32]
    for answer, read in ((told(unsound), read_status), (told(items[:1]), read_list)):
        with pytest.raises(RailError) as raised:
            read(answer)
        assert raised.value.temporary


@pytest.mark.parametrize(("seconds", "outcome"), [(-61, "unreadable"), (-59, "succeeded")])
def test_money_older_than_its_attempt_waits_for_a_person(seconds: int, outcome: str) -> None:
    attempt = make_attempt()
    moment = attempt.created_at + timedelta(seconds=seconds)

    notice = make_notice(transaction(createdDateMs=int(moment.timestamp() * 1000)), MD5, attempt)

    assert notice.outcome == outcome
    assert notice.details.get("unreadable", "older").find("older") >= 0


@pytest.mark.parametrize("value", [None, "soon", 0, 1_795_132_860, 10**15, True, "1.6E12.5"])
def test_times_that_are_none(value: object) -> None:
    assert read_time(value) is None


@pytest.mark.parametrize(
    "value", [1_795_132_860_000, "1795132860000", Decimal("1.79513286E12"), "1.79513286E12"]
)
def test_times_in_milliseconds(value: object) -> None:
    moment = read_time(value)

    assert moment is not None
    assert moment.timestamp() == 1_795_132_860


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(transaction())), _values))
def test_any_transaction_becomes_a_notice_or_no_information(changes: dict[str, Any]) -> None:
    notice = find_notice(told(transaction(**changes)))

    if notice is None:
        return
    assert notice.outcome in ("succeeded", "unreadable")
    json.dumps([notice.details, notice.memo, notice.payer], ensure_ascii=False).encode()
    assert "\x00" not in notice.memo


@given(st.binary(max_size=300), st.integers(min_value=100, max_value=599))
def test_any_answer_is_read_or_is_no_information(body: bytes, status: int) -> None:
    errors = []
    for read in (read_status, read_list, read_data):
        try:
            read(HttpAnswer(status, {}, body))
        except RailError as error:
            errors.append(error)

    assert all(error.temporary or status == 401 for error in errors)
