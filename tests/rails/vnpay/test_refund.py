from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import RailError, Refund, RefundResult
from checkout.rails.vnpay.api import ANSWER_NAMES, REQUEST_NAMES, make_message
from checkout.rails.vnpay.fake import FAKE
from checkout.rails.vnpay.rail import RAIL
from checkout.rails.vnpay.refund import refund_fields, request_id
from checkout.rails.vnpay.signing import HASH, is_genuine_message, message_text, sign_message
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf, load_vectors
from tests.rails.vnpay.kit import (
    PAID_ANSWER,
    SECRET,
    Scripted,
    deliver,
    make_account,
    make_attempt,
    open_page,
)

TOMORROW = NOW + timedelta(days=1)
ACCEPTED = PAID_ANSWER | {
    "vnp_Command": "refund",
    "vnp_TransactionType": "02",
    "vnp_TransactionStatus": "05",
}


class Refunding(Scripted):
    """A provider that signs its answers as a refund's."""

    def _body(self) -> bytes:
        if isinstance(self.fields, bytes) or self.secret is None:
            return super()._body()
        fields = dict(self.fields)
        fields[HASH] = sign_message(fields, ANSWER_NAMES["refund"], self.secret)
        return Scripted(fields, secret=None)._body()


def make_refund(**changes: Any) -> Refund:
    refund = Refund(
        id="re_01kbcdefghjkmnpqrstvwxyz23",
        amount=150_000,
        currency="VND",
        payment_amount=150_000,
        refunded_before=0,
        provider_reference="14226112",
        attempt_reference="HM7K2M9QX",
        attempt_created_at=NOW,
        paid_at=NOW,
        created_at=NOW,
        reason="Đổi trả",
    )
    return replace(refund, **changes)


def paid_shelf(account: Any) -> tuple[HttpIntoFake, Refund]:
    """A pretend VNPay on which the attempt is paid, and the refund of it."""
    shelf = MemoryShelf()
    (ipn,) = open_page(shelf, account=account).choose("pay").calls
    return HttpIntoFake(FAKE, account, shelf), make_refund(
        provider_reference=deliver(ipn, account).provider_reference
    )


def send(provider: Any, refund: Refund | None = None, now: Any = NOW) -> RefundResult:
    return RAIL.refund(refund or make_refund(), make_account(), provider, now)


@pytest.mark.parametrize(
    "vector",
    [one for one in load_vectors("vnpay_api") if one["input"]["call"] == "refund"],
    ids=lambda vector: vector["name"],
)
def test_a_refund_names_every_field_of_the_vectors(vector: dict[str, Any]) -> None:
    fields = refund_fields(make_refund(amount=vector["input"]["amount_vnd"]), NOW)

    assert set(vector["input"]["fields"]) - {"vnp_Locale"} <= set(fields)
    assert fields["vnp_Amount"] == vector["input"]["fields"]["vnp_Amount"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("refund_response_accepted", "pending", "05"),
        ("refund_response_rejected_95", "refused", "95"),
    ],
)
def test_answers_are_read_as_published(name: str, status: str, code: str) -> None:
    vectors = {one["name"]: one for one in load_vectors("vnpay_api_response")}
    provider = Scripted(vectors[name]["input"]["body"], secret=None)

    result = send(provider, make_refund(attempt_reference="ORD1"))

    assert (result.status, result.code) == (status, code)


def test_the_request_is_signed_to_the_byte() -> None:
    message = make_message(refund_fields(make_refund(), TOMORROW), make_account())

    assert is_genuine_message(message, REQUEST_NAMES["refund"], SECRET)
    assert message_text(message, REQUEST_NAMES["refund"]) == (
        "re01kbcdefghjkmnpqrstvwxyz23|2.1.0|refund|DEVTMN01|02|HM7K2M9QX|15000000|14226112|"
        "20261120140000|checkout|20261121140000|127.0.0.1|Hoan tien HM7K2M9QX Doi tra"
    )


@pytest.mark.parametrize(
    ("changes", "type_"),
    [
        ({}, "02"),
        ({"amount": 50_000}, "03"),
        ({"amount": 100_000, "refunded_before": 50_000}, "03"),
        ({"refunded_before": 1}, "03"),
    ],
)
def test_a_refund_is_full_or_partial(changes: dict[str, int], type_: str) -> None:
    assert refund_fields(make_refund(**changes), NOW)["vnp_TransactionType"] == type_


def test_the_id_of_a_request_follows_from_the_refund() -> None:
    assert request_id("re_01kbcdefghjkmnpqrstvwxyz23") == "re01kbcdefghjkmnpqrstvwxyz23"
    assert len(request_id("re_" + "x" * 60)) == 32


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pending"),
        ({"vnp_TransactionStatus": "06"}, "pending"),
        ({"vnp_TransactionStatus": ""}, "pending"),
        ({"vnp_TransactionStatus": "00"}, "done"),
        ({"vnp_TransactionStatus": "09"}, "refused"),
        ({"vnp_ResponseCode": "94"}, "pending"),
        ({"vnp_ResponseCode": "95"}, "refused"),
        ({"vnp_ResponseCode": "91"}, "refused"),
    ],
)
def test_codes_say_how_it_stands(changes: dict[str, str], status: str) -> None:
    assert send(Refunding(ACCEPTED | changes)).status == status


@pytest.mark.parametrize(
    ("provider", "temporary"),
    [
        (Refunding(ACCEPTED | {"vnp_ResponseCode": "99"}), True),
        (Refunding(ACCEPTED, secret=None), True),
        (Refunding(ACCEPTED, secret="another"), True),
        (Refunding(ACCEPTED, status=504), True),
        (Refunding(b"<html>"), True),
        (Refunding(ACCEPTED | {"vnp_ResponseCode": "97"}), False),
        (Refunding(ACCEPTED | {"vnp_ResponseCode": "02"}), False),
        (Refunding(ACCEPTED | {"vnp_ResponseCode": "03"}), False),
    ],
)
def test_what_proves_nothing_is_an_error(provider: Refunding, temporary: bool) -> None:
    with pytest.raises(RailError) as raised:
        send(provider)

    assert raised.value.temporary == temporary


def test_a_refund_goes_through_its_states_until_it_is_done() -> None:
    account = make_account()
    http, refund = paid_shelf(account)

    asked = RAIL.refund(refund, account, http, NOW)
    seen = [RAIL.check_refund(refund, account, http, TOMORROW) for _ in range(3)]

    assert [asked.status, *(one.status for one in seen)] == ["pending", "pending", "done", "done"]
    assert asked.provider_reference == seen[-1].provider_reference


def test_a_refund_may_be_refused_in_the_end() -> None:
    account = make_account()
    http, refund = paid_shelf(account)
    refund = replace(refund, reason="please refuse")

    RAIL.refund(refund, account, http, NOW)
    states = [RAIL.check_refund(refund, account, http, NOW).status for _ in range(2)]

    assert states == ["pending", "refused"]


@pytest.mark.parametrize("day", [NOW, TOMORROW])
def test_the_same_refund_is_never_taken_twice(day: Any) -> None:
    account = make_account()
    http, refund = paid_shelf(account)

    RAIL.refund(replace(refund, amount=50_000), account, http, NOW)
    again = RAIL.refund(replace(refund, amount=50_000), account, http, day)

    assert again.status == "pending"
    (order,) = http.shelf.list("order")
    assert len(order["refunds"]) == 1


def test_a_refund_begun_yesterday_that_nobody_saw_is_sent() -> None:
    account = make_account()
    http, refund = paid_shelf(account)

    assert RAIL.check_refund(refund, account, http, TOMORROW).code == "not_seen"
    assert RAIL.refund(refund, account, http, TOMORROW).code == "05"


def test_more_than_was_paid_is_refused() -> None:
    account = make_account()
    http, refund = paid_shelf(account)
    first = replace(refund, id="re_1", amount=100_000)
    second = replace(refund, id="re_2", amount=100_000, refunded_before=100_000)

    assert RAIL.refund(first, account, http, NOW).status == "pending"
    assert RAIL.refund(second, account, http, NOW).status == "refused"


def test_two_equal_refunds_of_a_payment_are_told_apart_by_number() -> None:
    account = make_account()
    http, refund = paid_shelf(account)
    first = replace(refund, id="re_1", amount=50_000)
    RAIL.refund(first, account, http, NOW)
    second = replace(refund, id="re_2", amount=50_000, refunded_before=50_000)

    # VNPay still shows the first one, which looks just like the second.
    assert RAIL.check_refund(second, account, http, NOW).code == "another_refund"

    asked = RAIL.refund(second, account, http, NOW)
    known = replace(second, known=asked.details)
    assert RAIL.check_refund(known, account, http, NOW).code == "06"


def test_a_second_refund_whose_answer_was_lost_is_not_sent_again_the_next_day() -> None:
    account = make_account()
    http, refund = paid_shelf(account)
    first, second = (replace(refund, id=f"re_{number}", amount=50_000) for number in (1, 2))
    second = replace(second, refunded_before=50_000)
    for one in (first, second):
        RAIL.refund(one, account, http, NOW)

    again = RAIL.refund(second, account, http, TOMORROW)

    assert (again.status, again.code) == ("pending", "another_refund")
    assert len(http.shelf.list("order")[0]["refunds"]) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_TransactionType": "01"}, "not_seen"),
        ({"vnp_Amount": "100"}, "another_refund"),
        ({"vnp_ResponseCode": "91"}, "not_seen"),
    ],
)
def test_an_answer_about_something_else_leaves_it_open(changes: dict[str, str], code: str) -> None:
    provider = Scripted(
        PAID_ANSWER | {"vnp_TransactionType": "02", "vnp_TransactionStatus": "00"} | changes
    )

    result = RAIL.check_refund(make_refund(), make_account(), provider, NOW)

    assert (result.status, result.code) == ("pending", code)


def test_a_payment_without_an_order_at_vnpay_has_no_refund() -> None:
    with pytest.raises(RailError) as raised:
        send(Scripted(PAID_ANSWER), make_refund(attempt_reference=None))
    assert not raised.value.temporary


def test_a_refunded_payment_is_no_payment_any_more() -> None:
    account = make_account()
    http, refund = paid_shelf(account)
    RAIL.refund(refund, account, http, NOW)

    assert RAIL.check([make_attempt()], account, http, NOW) == []
