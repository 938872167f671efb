from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Notice, RailError
from checkout.rails.vnpay.api import REQUEST_NAMES
from checkout.rails.vnpay.fake import FAKE
from checkout.rails.vnpay.rail import RAIL
from checkout.rails.vnpay.signing import is_genuine_message
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf, load_vectors
from tests.rails.vnpay.kit import (
    PAID_ANSWER,
    PAID_IPN,
    SECRET,
    TERMINAL,
    Scripted,
    make_account,
    make_attempt,
    read,
)

MEANINGS = {
    "paid": "succeeded",
    "paid with promotion": "succeeded",
    "not finished: keep waiting": None,
    "no such transaction": None,
}
VECTORS = [one for one in load_vectors("vnpay_api_response") if one["input"]["call"] == "querydr"]


def ask(provider: Any, **changes: Any) -> Notice | None:
    notices = RAIL.check([make_attempt(**changes)], make_account(), provider, NOW)
    assert len(notices) <= 1
    return notices[0] if notices else None


def fault(provider: Any) -> RailError:
    with pytest.raises(RailError) as raised:
        ask(provider)
    return raised.value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_answers_are_read_as_published(vector: dict[str, Any]) -> None:
    given_, expected = vector["input"], vector["expected"]
    provider = Scripted(given_["body"], secret=None)

    if not expected["signature_valid"]:
        with pytest.raises(RailError) as raised:
            ask(provider, provider_reference="ORD1")
        assert raised.value.temporary
        return
    notice = ask(provider, provider_reference="ORD1")
    assert (notice.outcome if notice else None) == MEANINGS[expected["meaning"]]
    if notice is not None:
        assert (notice.amount, notice.provider_reference) == (150_000, "14226112")


def test_the_question_is_signed_and_names_the_payment_as_its_url_did() -> None:
    provider = Scripted(PAID_ANSWER)
    later = NOW + timedelta(hours=3)

    ask(provider)
    ask(provider, created_at=later, details={"create_date": "20261120140000"})

    first, second = provider.asked
    for asked in provider.asked:
        assert is_genuine_message(asked, REQUEST_NAMES["querydr"], SECRET)
        assert (asked["vnp_Command"], asked["vnp_Version"]) == ("querydr", "2.1.0")
        assert (asked["vnp_TmnCode"], asked["vnp_TxnRef"]) == (TERMINAL, "HM7K2M9QX")
        assert asked["vnp_TransactionDate"] == asked["vnp_CreateDate"] == "20261120140000"
        assert 1 <= len(asked["vnp_RequestId"]) <= 32
    assert first["vnp_RequestId"] != second["vnp_RequestId"]


def test_hook_and_query_tell_of_one_movement() -> None:
    told, asked = read(PAID_IPN), ask(Scripted(PAID_ANSWER))

    assert asked is not None
    assert asked.source == "list"
    for field in ("provider_reference", "fingerprint", "amount", "currency", "occurred_at"):
        assert getattr(asked, field) == getattr(told, field)
    assert (asked.matches, asked.account) == (told.matches, told.account)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"vnp_TransactionStatus": "01"}, None),
        ({"vnp_TransactionStatus": "02"}, "failed"),
        ({"vnp_TransactionStatus": "04"}, "unreadable"),
        ({"vnp_TransactionStatus": "07"}, "unreadable"),
        ({"vnp_TransactionStatus": "05"}, None),
        ({"vnp_TransactionStatus": "09"}, None),
        ({"vnp_TransactionStatus": ""}, None),
        ({"vnp_TransactionType": ""}, "succeeded"),
        ({"vnp_TransactionType": "02"}, None),
        ({"vnp_TransactionType": "03", "vnp_TransactionStatus": "02"}, None),
        ({"vnp_Amount": "x"}, "unreadable"),
    ],
)
def test_only_a_plain_state_is_believed(changes: dict[str, str], outcome: str | None) -> None:
    notice = ask(Scripted(PAID_ANSWER | changes))

    assert (notice.outcome if notice else None) == outcome


def test_the_same_failure_asked_for_twice_is_one_notice() -> None:
    answers = [PAID_ANSWER | {"vnp_TransactionStatus": "02", "vnp_ResponseId": id_} for id_ in "ab"]

    first, second = (ask(Scripted(answer)) for answer in answers)

    assert first is not None
    assert second is not None
    assert first.provider_reference == second.provider_reference == "HM7K2M9QX:14226112:02"
    assert first.details["failure_code"] == "declined"


def test_suspected_money_has_one_reference_from_hook_and_query() -> None:
    codes = {"vnp_ResponseCode": "07", "vnp_TransactionStatus": "07"}

    asked = ask(Scripted(PAID_ANSWER | {"vnp_TransactionStatus": "07"}))

    assert asked is not None
    assert asked.provider_reference == read(PAID_IPN | codes).provider_reference


@pytest.mark.parametrize("name", sorted(set(PAID_ANSWER) - {"vnp_Message", "vnp_ResponseId"}))
def test_a_tampered_answer_is_no_information(name: str) -> None:
    class Tampering(Scripted):
        def _body(self) -> bytes:
            return (
                super()
                ._body()
                .replace(f'"{name}": "{PAID_ANSWER[name]}"'.encode(), f'"{name}": "1"'.encode())
            )

    error = fault(Tampering(PAID_ANSWER))
    assert (error.code, error.temporary) == ("provider_unavailable", True)


@pytest.mark.parametrize(
    "provider",
    [
        Scripted(PAID_ANSWER, secret=None),
        Scripted(PAID_ANSWER, secret="another"),
        Scripted(PAID_ANSWER | {"vnp_TxnRef": "OTHER"}),
        Scripted(PAID_ANSWER | {"vnp_TmnCode": "OTHER001"}),
        Scripted(PAID_ANSWER | {"vnp_Command": "refund"}),
        Scripted(PAID_ANSWER | {"vnp_ResponseCode": "97"}, secret=None),
        Scripted(PAID_ANSWER | {"vnp_ResponseCode": "99"}),
        Scripted(PAID_ANSWER | {"vnp_ResponseCode": "94"}),
        Scripted(PAID_ANSWER, status=500),
        Scripted(PAID_ANSWER, status=502),
        Scripted(PAID_ANSWER, status=429),
        Scripted(PAID_ANSWER, status=403),
        Scripted(b""),
        Scripted(b"<html>Service unavailable</html>"),
        Scripted(b'{"vnp_ResponseCode": "00"'),
        Scripted(b"[]"),
        Scripted(b"null"),
        Scripted(b'{"vnp_ResponseCode": ["00"]}'),
        Scripted(b"[" * 100_000),
        Scripted(b'{"vnp_Amount": ' + b"9" * 5000 + b"}"),
        Scripted(b"\xff\xfe"),
    ],
)
def test_no_information_is_a_temporary_error(provider: Scripted) -> None:
    error = fault(provider)

    assert (error.code, error.temporary) == ("provider_unavailable", True)


@pytest.mark.parametrize("echoed", [{}, {"vnp_TxnRef": ""}, {"vnp_TxnRef": "", "vnp_TmnCode": ""}])
def test_a_signed_no_may_leave_out_what_it_is_about(echoed: dict[str, str]) -> None:
    no = {"vnp_ResponseId": "r", "vnp_Command": "querydr", "vnp_ResponseCode": "91"}
    asked = {"vnp_TxnRef": "HM7K2M9QX", "vnp_TmnCode": TERMINAL}

    assert ask(Scripted(no | asked | echoed)) is None
    fault(Scripted(no | asked | echoed | {"vnp_ResponseCode": "00", "vnp_TxnRef": ""}))


def test_numbers_are_read_as_the_text_that_was_signed() -> None:
    class Numbers(Scripted):
        def _body(self) -> bytes:
            return super()._body().replace(b'"15000000"', b"15000000")

    notice = ask(Numbers(PAID_ANSWER))

    assert notice is not None
    assert notice.amount == 150_000


def test_a_provider_that_asks_to_wait_is_heard() -> None:
    assert fault(Scripted(PAID_ANSWER, status=429)).retry_after_seconds == 7
    assert fault(Scripted(PAID_ANSWER | {"vnp_ResponseCode": "94"})).retry_after_seconds == 30


@pytest.mark.parametrize("code", ["02", "03", "97"])
def test_a_rejected_question_is_our_own_mistake(code: str) -> None:
    error = fault(Scripted(PAID_ANSWER | {"vnp_ResponseCode": code}))

    assert (error.code, error.temporary) == ("provider_rejected", False)


@given(body=st.binary(max_size=200))
def test_any_answer_is_read_or_a_rail_error(body: bytes) -> None:
    with pytest.raises(RailError):
        ask(Scripted(body))


def test_the_probe_knows_right_credentials() -> None:
    account = make_account()
    http = HttpIntoFake(FAKE, account, MemoryShelf())

    assert "knows" in RAIL.probe(account, http, NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"hash_secret": "another"}, "97"), ({"tmn_code": "OTHER001"}, "02")],
)
def test_the_probe_says_which_credentials_are_wrong(changes: dict[str, str], code: str) -> None:
    http = HttpIntoFake(FAKE, make_account(), MemoryShelf())

    with pytest.raises(RailError) as raised:
        RAIL.probe(make_account(**changes), http, NOW)

    assert (raised.value.code, raised.value.temporary) == ("provider_rejected", False)
    assert code in raised.value.message


@pytest.mark.parametrize("answer", [{"vnp_ResponseCode": "91"}, PAID_ANSWER])
def test_the_probe_believes_no_unproven_success(answer: dict[str, str]) -> None:
    with pytest.raises(RailError):
        RAIL.probe(make_account(), Scripted(answer, secret=None), NOW)


def test_the_probe_needs_the_answer_that_nobody_is_there() -> None:
    class Found(Scripted):
        def _body(self) -> bytes:
            self.fields = PAID_ANSWER | {"vnp_TxnRef": self.asked[-1]["vnp_TxnRef"]}
            return super()._body()

    with pytest.raises(RailError):
        RAIL.probe(make_account(), Found(PAID_ANSWER), NOW)
