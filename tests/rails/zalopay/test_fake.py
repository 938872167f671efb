from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import Answer, FakePage, FakeRequest, Match
from checkout.rails.emv import has_valid_crc
from checkout.rails.zalopay.fake import FAKE
from checkout.rails.zalopay.fake_qr import make_qr
from checkout.rails.zalopay.mac import CREATE, join_fields, make_mac
from checkout.rails.zalopay.orders import order_fields
from checkout.rails.zalopay.query import query_order
from checkout.rails.zalopay.rail import RAIL
from tests.rails.zalopay.samples import (
    KEY1,
    NOW,
    PAGES,
    TRANS_ID,
    Pretend,
    make_account,
    make_attempt,
    query_of,
)

AFTER = NOW + timedelta(minutes=16)


def _serve(pretend: Pretend, path: str, body: bytes, method: str = "POST") -> Answer:
    request = FakeRequest(method, path, {}, {}, body)
    answer = FAKE.serve(request, pretend.account, pretend.shelf, now=NOW, sent_at=NOW).answer
    assert isinstance(answer, Answer)
    return answer


def _create(changes: Mapping[str, Any], *, key: str = KEY1) -> tuple[int, str]:
    fields = order_fields(make_attempt(), make_account(), NOW) | changes
    fields = {name: value for name, value in fields.items() if value is not None}
    fields["mac"] = make_mac(key, join_fields(fields, CREATE))
    told = json.loads(_serve(Pretend(), "/v2/create", json.dumps(fields).encode()).body)
    return told["return_code"], told.get("sub_return_message", "")


def _url(pretend: Pretend) -> str:
    return str(pretend.open().details["order_url"])


@pytest.mark.parametrize(
    ("changes", "at_fault"),
    [
        ({"app_user": ""}, "app_user"),
        ({"app_user": "x" * 51}, "app_user"),
        ({"app_trans_id": "261119_1"}, "app_trans_id"),
        ({"app_trans_id": "261120"}, "app_trans_id"),
        ({"app_trans_id": "261120_" + "x" * 34}, "app_trans_id"),
        ({"app_time": 1_795_158_000}, "app_time"),
        ({"app_time": 1_795_158_000_000 - 901_000}, "app_time"),
        ({"app_time": "1795158000000"}, "app_time"),
        ({"amount": 0}, "amount"),
        ({"amount": "150000"}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"expire_duration_seconds": 299}, "expire_duration_seconds"),
        ({"expire_duration_seconds": 2_592_001}, "expire_duration_seconds"),
        ({"embed_data": "[]"}, "embed_data"),
        ({"embed_data": "{"}, "embed_data"),
        ({"item": None}, "item"),
        ({"item": json.dumps(["x" * 2050])}, "item"),
        ({"description": ""}, "description"),
        ({"description": "x" * 257}, "description"),
        ({"bank_code": "x" * 21}, "bank_code"),
        ({"callback_url": "http://shop.example/hook"}, "callback_url"),
    ],
    ids=repr,
)
def test_an_order_is_checked_field_by_field(changes: dict[str, Any], at_fault: str) -> None:
    assert _create(changes) == (-401, f"{at_fault} is not valid")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"app_time": 1_795_158_000_000 + 899_000},
        {"expire_duration_seconds": None},
        {"bank_code": None},
        {"callback_url": "https://shop.example/hook"},
    ],
    ids=repr,
)
def test_a_right_order_is_made(changes: dict[str, Any]) -> None:
    assert _create(changes)[0] == 1


def test_an_order_of_another_app_or_key_is_refused() -> None:
    assert _create({"app_id": 1})[0] == -402
    assert _create({}, key="wrong")[0] == -402


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert json.loads(_serve(Pretend(), "/v2/create", body).body)["return_code"] == -401


def test_other_paths_are_not_there() -> None:
    assert _serve(Pretend(), "/v1/create", b"{}").status == 404
    assert json.loads(_serve(Pretend(), "/v2/query", b"{}", "GET").body)["return_code"] == -401


def test_a_query_of_another_key_is_refused() -> None:
    pretend = Pretend()
    wrong = make_account(key1="wrong")

    with pytest.raises(Exception, match="-402"):
        query_order(TRANS_ID, wrong, pretend.http)


def test_the_code_of_an_order_is_one_that_banks_scan() -> None:
    text = make_qr(amount=150_000, reference=TRANS_ID)

    assert text.startswith("000201010212")
    assert "5406150000" in text
    assert TRANS_ID in text
    assert has_valid_crc(text)


def test_an_open_order_shows_its_page() -> None:
    pretend = Pretend()
    url = _url(pretend)

    page = pretend.browse(url).answer

    assert isinstance(page, FakePage)
    assert (page.brand, page.amount, page.currency) == ("ZaloPay", 150_000, "VND")
    assert page.reference == TRANS_ID
    assert f"{PAGES}{page.action}" == url
    assert pretend.choices(url) == ["pay", "twice", "decline", "cancel", "leave"]


def test_an_unknown_order_has_no_page() -> None:
    pretend = Pretend()

    for reply in (pretend.browse(f"{PAGES}/gateway"), pretend.browse(f"{PAGES}/gateway?order=1")):
        assert isinstance(reply.answer, Answer)
        assert reply.answer.status == 404


def test_paying_tells_us_before_the_browser_comes_back() -> None:
    pretend = Pretend()
    attempt = pretend.open()
    url = str(attempt.details["order_url"])

    reply = pretend.browse(url, "pay")
    (call,) = reply.calls

    assert call.path == "/hooks/zalopay/ra_1"
    assert pretend.hear(call).matches == (Match("reference", TRANS_ID),)
    assert RAIL.read_return(query_of(reply), pretend.account) == "done"
    assert isinstance(reply.answer, Answer)
    assert reply.answer.headers["Location"].startswith(f"{attempt.return_url}?appid=2553&")
    assert pretend.check(attempt)[0].outcome == "succeeded"
    # A paid order is not paid again on its page.
    assert pretend.choices(url) == ["leave"]
    again = pretend.browse(url, "pay")
    assert again.calls == ()
    assert RAIL.read_return(query_of(again), pretend.account) == "done"


def test_paying_and_telling_twice_is_one_movement() -> None:
    pretend = Pretend()

    reply = pretend.browse(_url(pretend), "twice")

    assert len(reply.calls) == 2
    assert len({pretend.hear(call).provider_reference for call in reply.calls}) == 1


@pytest.mark.parametrize(
    ("choice", "returned", "code"),
    [("decline", "unknown", "declined"), ("cancel", "cancelled", "cancelled")],
)
def test_a_failure_has_no_callback_and_is_found_by_asking(
    choice: str, returned: str, code: str
) -> None:
    pretend = Pretend()
    attempt = pretend.open()
    url = str(attempt.details["order_url"])

    reply = pretend.browse(url, choice)

    assert reply.calls == ()
    assert RAIL.read_return(query_of(reply), pretend.account) == returned
    (notice,) = pretend.check(attempt)
    assert (notice.outcome, notice.details["failure_code"]) == ("failed", code)
    assert pretend.choices(url) == ["leave"]
    assert pretend.browse(url, "pay").calls == ()


@pytest.mark.parametrize("choice", ["leave", "unheard-of"])
def test_who_leaves_brings_nothing_back_and_may_return(choice: str) -> None:
    pretend = Pretend()
    attempt = pretend.open()
    url = str(attempt.details["order_url"])

    reply = pretend.browse(url, choice)

    assert query_of(reply) == {}
    assert RAIL.read_return({}, pretend.account) == "unknown"
    assert pretend.check(attempt) == []
    assert len(pretend.browse(url, "pay").calls) == 1


def test_an_order_that_has_run_out_is_not_paid_on_its_page() -> None:
    pretend = Pretend()
    attempt = pretend.open()
    url = str(attempt.details["order_url"])

    reply = pretend.browse(url, "pay", now=AFTER)

    assert pretend.choices(url, now=AFTER) == ["leave"]
    assert reply.calls == ()
    assert query_of(reply)["status"] == "-54"


def test_an_order_without_a_way_back_says_that_all_is_done() -> None:
    pretend = Pretend()
    attempt = pretend.open(return_url=None)

    reply = pretend.browse(str(attempt.details["order_url"]), "pay")

    assert isinstance(reply.answer, Answer)
    assert reply.answer.status == 200
    assert len(reply.calls) == 1


def test_a_way_back_keeps_its_own_query() -> None:
    pretend = Pretend()
    attempt = pretend.open(return_url="https://pay.example.vn/r?a=1")

    reply = pretend.browse(str(attempt.details["order_url"]), "pay")

    assert query_of(reply)["a"] == "1"
    assert RAIL.read_return(query_of(reply), pretend.account) == "done"


def test_the_simulator_pays_what_it_is_told() -> None:
    pretend = Pretend()
    attempt = pretend.open()

    (call,) = pretend.pay(attempt, amount=100_000)

    assert pretend.hear(call).amount == 100_000
    assert pretend.check(attempt)[0].amount == 100_000


def test_the_simulator_needs_no_order() -> None:
    pretend = Pretend()
    attempt = make_attempt()

    (call,) = pretend.pay(attempt)

    assert pretend.hear(call).matches == (Match("reference", TRANS_ID),)
    assert pretend.check(attempt)[0].provider_reference == pretend.hear(call).provider_reference


def test_each_payment_is_a_movement_of_its_own() -> None:
    pretend = Pretend()
    attempt = pretend.open()

    calls = [*pretend.pay(attempt), *pretend.pay(attempt)]

    first, second = (pretend.hear(call).provider_reference for call in calls)
    assert first != second
    assert pretend.check(attempt)[0].provider_reference == first


def test_money_may_come_late() -> None:
    pretend = Pretend()
    attempt = pretend.open()
    assert pretend.check(attempt) == []

    (call,) = pretend.pay(attempt, now=AFTER)

    assert pretend.hear(call).occurred_at == AFTER


def test_money_may_name_nobody() -> None:
    pretend = Pretend()
    attempt = pretend.open()

    (call,) = pretend.pay(attempt, memo="MBVCB.3278. hm7k 2m9qx chuyển tiền")

    assert pretend.hear(call).matches[0].value != TRANS_ID
    assert pretend.check(attempt) == []


def test_a_simulated_failure_calls_nobody_and_undoes_no_success() -> None:
    pretend = Pretend()
    attempt, other = pretend.open(), make_attempt(memo="HM2222222")

    assert pretend.pay(attempt, outcome="failure") == []
    assert pretend.pay(other, outcome="failure") == []
    assert [notice.outcome for notice in pretend.check(attempt, other)] == ["failed", "failed"]

    pretend.pay(attempt)
    pretend.pay(attempt, outcome="failure")
    assert [notice.outcome for notice in pretend.check(attempt)] == ["succeeded"]


def test_an_expired_order_says_so_when_it_is_asked_about() -> None:
    pretend = Pretend()
    attempt = pretend.open()
    order = pretend.shelf.get("order", TRANS_ID) or {}
    pretend.shelf.put("order", TRANS_ID, order | {"expires_at": NOW.isoformat()})

    (notice,) = pretend.check(attempt)

    assert notice.details["failure_code"] == "expired"


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"return_code": 1}', True),
        (200, b'{"return_code": 2}', True),
        (200, b'{"return_code": -1}', True),
        (200, b'{"return_code": 0}', False),
        (500, b'{"return_code": 1}', False),
        (200, b'{"return_code": "1"}', False),
        (200, b"", False),
        (200, b"[]", False),
        (0, b"", False),
    ],
)
def test_zalopay_calls_again_only_when_it_is_asked_to(
    status: int, body: bytes, accepted: bool
) -> None:
    assert FAKE.accepted(status, body) is accepted
    assert len(FAKE.retry_minutes) == 3


def test_a_retry_is_the_same_callback() -> None:
    pretend = Pretend()
    (call,) = pretend.pay(pretend.open())

    assert FAKE.renew(call, pretend.account, pretend.shelf, AFTER) == call


def test_the_demo_account_is_complete() -> None:
    settings = FAKE.demo_settings(lambda: "secret")

    needed = {setting.name for setting in RAIL.settings if setting.required}
    assert needed <= set(settings) <= {setting.name for setting in RAIL.settings}
