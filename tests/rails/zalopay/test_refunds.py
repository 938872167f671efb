from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import HttpAnswer, RailError, Refund, RefundResult
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import (
    NOW,
    Pretend,
    Says,
    make_account,
    make_refund,
    says,
)

ANSWERS = {vector["name"]: vector["input"]["body"] for vector in load_vectors("zalopay_answers")}
MUCH_LATER = NOW + timedelta(minutes=21)


def _send(**body: Any) -> RefundResult:
    return RAIL.refund(make_refund(), make_account(), Says(says(**body)), NOW)


def _ask(now: Any = NOW, **body: Any) -> RefundResult:
    return RAIL.check_refund(make_refund(), make_account(), Says(says(**body)), now)


def _paid(pretend: Pretend) -> Refund:
    attempt = pretend.open()
    (call,) = pretend.pay(attempt)
    return make_refund(provider_reference=pretend.hear(call).provider_reference)


def test_a_refund_that_zalopay_has_taken_is_pending() -> None:
    result = _send(**ANSWERS["refund_processing"])

    assert result.status == "pending"
    assert result.provider_reference == "261121000000001"
    assert result.details == {
        "m_refund_id": "261120_2553_01JCX4Q5T9Z8Y7W6V5U4T3S2R1",
        "refund_id": "261121000000001",
    }


def test_a_refund_is_done_only_when_the_question_says_so() -> None:
    assert _send(return_code=1).status == "pending"
    assert _ask(**ANSWERS["query_refund_done"]).status == "done"


@pytest.mark.parametrize(
    ("sub_code", "status", "code"),
    [
        (-13, "refused", "refund_too_late"),
        (-14, "refused", "refund_amount_invalid"),
        (-23, "pending", "refund_id_used"),
        (-24, "refused", "refund_id_invalid"),
        (-25, "refused", "refund_id_invalid"),
        (-26, "refused", "refund_id_invalid"),
        (-101, "refused", "refund_payment_unknown"),
        (-999, "refused", "refund_refused"),
    ],
)
def test_refusals_of_a_refund(sub_code: int, status: str, code: str) -> None:
    result = _send(return_code=2, sub_return_code=sub_code)

    assert (result.status, result.code) == (status, code)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"return_code": 1}, "done"),
        ({"return_code": 3}, "pending"),
        ({"return_code": 2, "sub_return_code": -101}, "refused"),
    ],
)
def test_an_id_of_yesterday_is_asked_about_before_it_counts_as_refused(
    state: dict[str, int], status: str
) -> None:
    http = Says(says(return_code=2, sub_return_code=-25), says(**state))

    result = RAIL.refund(make_refund(), make_account(), http, NOW + timedelta(days=1))

    assert result.status == status
    assert [call["url"].rsplit("/", 1)[1] for call in http.sent] == ["refund", "query_refund"]


@pytest.mark.parametrize(
    ("return_code", "sub_code", "status", "code"),
    [
        (2, 0, "refused", "refund_failed"),
        (2, -13, "refused", "refund_too_late"),
        (2, -14, "refused", "refund_amount_invalid"),
        (2, -32, "refused", "refund_not_possible"),
        (2, -101, "refused", "refund_unknown"),
        (2, -7, "pending", "refund_unclear"),
        (3, 2, "pending", ""),
        (3, -16, "pending", ""),
        (3, -1, "pending", "refund_at_provider_operations"),
    ],
)
def test_how_a_refund_stands(return_code: int, sub_code: int, status: str, code: str) -> None:
    result = _ask(MUCH_LATER, return_code=return_code, sub_return_code=sub_code)

    assert (result.status, result.code) == (status, code)


def test_a_refund_that_may_still_arrive_is_not_unknown() -> None:
    assert (
        _ask(NOW + timedelta(minutes=19), return_code=2, sub_return_code=-101).status == "pending"
    )


@pytest.mark.parametrize("verb", ["refund", "check_refund"])
@pytest.mark.parametrize(
    ("answer", "temporary"),
    [
        (HttpAnswer(500, {}, b""), True),
        (HttpAnswer(200, {}, b"<html>"), True),
        (says(return_code=-429), True),
        (says(return_code=-500), True),
        (says(return_code=-999), True),
        (says(return_code=-401), False),
        (says(return_code=-402), False),
    ],
)
def test_no_answer_moves_nothing(verb: str, answer: HttpAnswer, temporary: bool) -> None:
    with pytest.raises(RailError) as caught:
        getattr(RAIL, verb)(make_refund(), make_account(), Says(answer), NOW)

    assert caught.value.temporary is temporary


def test_every_try_has_the_same_id() -> None:
    http = Says(says(return_code=3))

    for minutes in (0, 60 * 24):
        RAIL.refund(make_refund(), make_account(), http, NOW + timedelta(minutes=minutes))

    assert len({call["fields"]["m_refund_id"] for call in http.sent}) == 1
    assert len({call["fields"]["timestamp"] for call in http.sent}) == 2


@pytest.mark.parametrize(
    ("reason", "description"),
    [("a\n\ud800b" + "c" * 200, "a b" + "c" * 97), ("", f"Refund {make_refund().id}")],
)
def test_a_description_is_one_line(reason: str, description: str) -> None:
    http = Says(says(return_code=3))

    RAIL.refund(make_refund(reason=reason), make_account(), http, NOW)

    assert http.sent[0]["fields"]["description"] == description


def test_only_zalopays_own_payments_can_be_refunded() -> None:
    with pytest.raises(RailError) as caught:
        RAIL.refund(make_refund(provider_reference="raw:1"), make_account(), Says(), NOW)

    assert not caught.value.temporary


def test_the_pretend_zalopay_gives_back_part_by_part_and_never_too_much() -> None:
    pretend = Pretend()
    first = _paid(pretend)
    facts = {"provider_reference": first.provider_reference}
    rest = make_refund(id="re_2", amount=100_000, **facts)
    more = make_refund(id="re_3", amount=1, **facts)

    assert RAIL.refund(first, pretend.account, pretend.http, NOW).status == "pending"
    assert RAIL.check_refund(first, pretend.account, pretend.http, NOW).status == "pending"
    assert RAIL.check_refund(first, pretend.account, pretend.http, NOW).status == "done"
    assert RAIL.refund(rest, pretend.account, pretend.http, NOW).status == "pending"
    assert RAIL.refund(more, pretend.account, pretend.http, NOW).code == "refund_amount_invalid"


def test_the_pretend_zalopay_knows_a_repeated_refund() -> None:
    pretend = Pretend()
    refund = _paid(pretend)

    RAIL.refund(refund, pretend.account, pretend.http, NOW)

    assert RAIL.refund(refund, pretend.account, pretend.http, NOW).code == "refund_id_used"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider_reference": "7"}, "refund_payment_unknown"),
        ({"created_at": NOW - timedelta(days=1)}, "refund_unknown"),
        ({"amount": 150_001}, "refund_amount_invalid"),
    ],
)
def test_the_pretend_zalopay_checks_a_refund(changes: dict[str, Any], code: str) -> None:
    pretend = Pretend()
    facts = {"provider_reference": _paid(pretend).provider_reference} | changes

    result = RAIL.refund(make_refund(**facts), pretend.account, pretend.http, NOW)

    assert (result.status, result.code) == ("refused", code)


def test_the_pretend_zalopay_checks_time_key_and_app() -> None:
    pretend = Pretend()
    refund = _paid(pretend)

    def send(now: Any = NOW, **settings: Any) -> RefundResult:
        return RAIL.refund(refund, make_account(**settings), pretend.http, now)

    assert send(NOW - timedelta(minutes=16)).code == "refund_too_late"
    assert send(app_id=99).code == "refund_id_invalid"
    for verb in (RAIL.refund, RAIL.check_refund):
        with pytest.raises(RailError):
            verb(refund, make_account(key1="wrong"), pretend.http, NOW)


def test_a_refund_that_never_arrived_is_unknown() -> None:
    pretend = Pretend()

    result = RAIL.check_refund(make_refund(), pretend.account, pretend.http, MUCH_LATER)

    assert (result.status, result.code) == ("refused", "refund_unknown")
