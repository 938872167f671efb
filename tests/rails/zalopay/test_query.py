from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import HttpAnswer, Match, Notice, RailError
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import (
    NOW,
    TRANS_ID,
    Pretend,
    Says,
    make_account,
    make_attempt,
    says,
)

ANSWERS = {
    vector["name"]: vector["input"]["body"]
    for vector in load_vectors("zalopay_answers")
    if vector["input"]["api"] == "query"
}
LATER = NOW + timedelta(minutes=2)
AFTER = NOW + timedelta(minutes=16)
PAID = ANSWERS["query_paid"]


def _check(*answers: HttpAnswer, count: int = 1, now: Any = LATER) -> list[Notice]:
    attempts = [
        make_attempt(provider_reference=f"{TRANS_ID}{number or ''}") for number in range(count)
    ]
    return list(RAIL.check(attempts, make_account(), Says(*answers), now))


def test_a_paid_order_is_the_movement_that_its_callback_tells_of() -> None:
    (notice,) = _check(says(**PAID))

    assert (notice.outcome, notice.source) == ("succeeded", "list")
    assert notice.provider_reference == "261120000000123"
    assert notice.matches == (Match("reference", TRANS_ID),)
    assert (notice.amount, notice.currency) == (50_000, "VND")
    assert notice.account == "2553"
    assert notice.occurred_at is not None


def test_an_order_is_asked_about_by_its_reference_or_by_what_it_must_be() -> None:
    http = Says(says(return_code=3))

    RAIL.check([make_attempt(), make_attempt(provider_reference="x")], make_account(), http, NOW)

    assert [call["fields"]["app_trans_id"] for call in http.sent] == [TRANS_ID, "x"]
    assert set(http.sent[0]["fields"]) == {"app_id", "app_trans_id", "mac"}


@pytest.mark.parametrize(
    "body",
    [
        ANSWERS["query_processing"],
        {"return_code": 3, "sub_return_code": -54},
        {"return_code": 2, "sub_return_code": -54, "is_processing": True},
        {"return_code": 2, "sub_return_code": -54, "is_processing": None},
        {"return_code": 2, "sub_return_code": -54, "is_processing": {}},
        *(
            {"return_code": 2, "sub_return_code": code}
            for code in (-63, -217, -332, -333, -1330, -1333, -1340, -1343)
        ),
    ],
    ids=repr,
)
def test_what_is_not_final_is_no_news(body: dict[str, Any]) -> None:
    assert _check(says(**body)) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (ANSWERS["query_expired"], "expired"),
        ({"return_code": 2, "sub_return_code": -54, "is_processing": False}, "expired"),
        ({"return_code": 2, "sub_return_code": -49}, "cancelled"),
        ({"return_code": 2, "sub_return_code": -92}, "provider_rejected"),
        ({"return_code": 2, "sub_return_code": -101}, "provider_rejected"),
        ({"return_code": 2}, "declined"),
    ],
    ids=repr,
)
def test_a_final_failure_ends_the_attempt(body: dict[str, Any], code: str) -> None:
    (notice,) = _check(says(**body))

    assert notice.outcome == "failed"
    assert notice.provider_reference == f"{TRANS_ID}:failed"
    assert notice.matches == (Match("reference", TRANS_ID),)
    assert notice.amount is None
    assert notice.details["failure_code"] == code
    assert notice.details["failure_message"].startswith("ZaloPay says")


@pytest.mark.parametrize(
    ("sub_code", "code"),
    [(-63, "insufficient_funds"), (-217, "declined"), (-1331, "limit_exceeded")],
)
def test_what_one_payer_could_not_do_is_final_when_the_order_is_over(
    sub_code: int, code: str
) -> None:
    (notice,) = _check(says(return_code=2, sub_return_code=sub_code), now=AFTER)

    assert notice.details["failure_code"] == code


def test_an_order_that_is_just_being_made_has_not_failed() -> None:
    unknown = says(return_code=2, sub_return_code=-101)

    assert _check(unknown, now=NOW + timedelta(seconds=20)) == []


@pytest.mark.parametrize("changes", [{"amount": "x"}, {"zp_trans_id": 0}, {"amount": {"value": 1}}])
def test_a_paid_order_without_its_facts_is_no_news(changes: dict[str, Any]) -> None:
    with pytest.raises(RailError) as caught:
        _check(says(**(PAID | changes)))

    assert caught.value.temporary


@pytest.mark.parametrize("status", [429, 500, 502])
def test_a_provider_in_trouble_is_asked_no_more_questions(status: int) -> None:
    http = Says(HttpAnswer(status, {}, b""))

    with pytest.raises(RailError) as caught:
        RAIL.check([make_attempt(), make_attempt()], make_account(), http, NOW)

    assert caught.value.temporary
    assert len(http.sent) == 1


def test_one_garbled_answer_hides_nobody_elses_money() -> None:
    assert len(_check(HttpAnswer(200, {}, b"<html>"), says(**PAID), count=2)) == 1


def test_what_was_found_before_the_trouble_is_kept() -> None:
    found = _check(says(**PAID), HttpAnswer(503, {}, b""), says(**PAID), count=3)

    assert len(found) == 1


def test_a_refused_signature_is_told() -> None:
    with pytest.raises(RailError) as caught:
        _check(says(return_code=-402))

    assert not caught.value.temporary


def test_a_query_and_a_callback_tell_of_one_movement() -> None:
    pretend = Pretend()
    attempt = pretend.open()
    assert pretend.check(attempt) == []

    (call,) = pretend.pay(attempt)
    heard, (found,) = pretend.hear(call), pretend.check(attempt)

    assert heard.provider_reference == found.provider_reference
    assert heard.matches == found.matches
    assert (heard.amount, heard.account) == (found.amount, found.account)
    assert heard.occurred_at == found.occurred_at == NOW


def test_a_probe_says_what_came_back() -> None:
    pretend = Pretend()

    assert "does not know a made-up order" in RAIL.probe(pretend.account, pretend.http, NOW)
    with pytest.raises(RailError) as caught:
        RAIL.probe(make_account(key1="wrong"), pretend.http, NOW)
    assert caught.value.code == "provider_rejected"
    assert "says" in RAIL.probe(make_account(), Says(says(return_code=3)), NOW)
