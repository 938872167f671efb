from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import HttpAnswer, RailError
from checkout.rails.zalopay.mac import CREATE, join_fields, make_mac
from checkout.rails.zalopay.orders import order_fields
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import (
    KEY1,
    NOW,
    PAGES,
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
    if vector["input"]["api"] == "create"
}
ORDER_URL = "https://qcgateway.zalopay.vn/openinapp?order=x"


def _open(answer: HttpAnswer, **account: Any) -> Any:
    return RAIL.open(make_attempt(), make_account(**account), Says(answer), NOW)


def _fields(attempt: dict[str, Any] | None = None, **account: Any) -> dict[str, Any]:
    return order_fields(make_attempt(**(attempt or {})), make_account(**account), NOW)


def test_an_order_says_what_zalopay_asks_for() -> None:
    fields = _fields()

    assert fields == {
        "app_id": 2553,
        "app_user": "cs_01JCX4Q5T9Z8Y7W6V5U4T3S2R1",
        "app_trans_id": TRANS_ID,
        "app_time": 1_795_158_000_000,
        "expire_duration_seconds": 900,
        "amount": 150_000,
        "item": "[]",
        "embed_data": '{"redirecturl":"https://pay.example.vn/return/zalopay/att_1"}',
        "description": "Homestay Mây · HM-7K2M9QX",
        "bank_code": "",
        "mac": make_mac(KEY1, join_fields(fields, CREATE)),
    }


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(minutes=15), 900),
        (timedelta(minutes=7, milliseconds=1), 421),
        (timedelta(minutes=2), 300),
        (timedelta(seconds=-5), 300),
        (timedelta(days=90), 2_592_000),
    ],
)
def test_an_order_lives_as_long_as_its_attempt_within_zalopays_bounds(
    left: timedelta, seconds: int
) -> None:
    assert _fields({"expires_at": NOW + left})["expire_duration_seconds"] == seconds


def test_the_ways_to_pay_are_the_settings_choice() -> None:
    fields = _fields(payment_methods="vietqr, zalopay_wallet", bank_code="zalopayapp")

    assert json.loads(fields["embed_data"])["preferred_payment_method"] == [
        "vietqr",
        "zalopay_wallet",
    ]
    assert fields["bank_code"] == "zalopayapp"


@pytest.mark.parametrize(
    ("hook_url", "told"),
    [("https://pay.example.vn/hooks/zalopay/ra_1", True), ("http://localhost/hooks", False)],
)
def test_zalopay_is_told_where_to_call_only_over_https(hook_url: str, told: bool) -> None:
    assert ("callback_url" in _fields(hook_url=hook_url)) is told


@pytest.mark.parametrize(
    ("attempt", "description"),
    [
        ({"description": "", "reference": "BK-2031"}, "BK-2031 · HM-7K2M9QX"),
        ({"description": "", "reference": None}, "HM-7K2M9QX"),
        ({"description": "a\x00b\r\n c\ud800"}, "a b c · HM-7K2M9QX"),
    ],
)
def test_the_payer_reads_what_it_is_for(attempt: dict[str, Any], description: str) -> None:
    assert _fields(attempt)["description"] == description


def test_a_long_description_leaves_room_for_the_code() -> None:
    description = _fields({"description": "ồ" * 900})["description"]

    assert len(description) <= 256
    assert description.endswith(" · HM-7K2M9QX")


def test_an_opened_order_is_a_redirect_with_a_code_and_an_app_button() -> None:
    prompt = _open(says(**ANSWERS["create_ok"]))

    assert prompt.kind == "redirect"
    assert prompt.redirect_url == ORDER_URL
    assert prompt.qr_payload == "0002..."
    assert prompt.provider_reference == TRANS_ID
    assert [(link.app, link.url, link.fills) for link in prompt.deeplinks] == [
        ("zalopay", ORDER_URL, True)
    ]
    assert prompt.details == {
        "order_url": ORDER_URL,
        "zp_trans_token": "T",
        "order_token": "T",
    }


@pytest.mark.parametrize("qr_code", [None, 7, "", "a\nb", "9" * 1001])
def test_without_a_code_of_zalopays_the_orders_address_is_scanned(qr_code: object) -> None:
    prompt = _open(says(return_code=1, order_url=ORDER_URL, qr_code=qr_code))

    assert prompt.qr_payload == ORDER_URL


@pytest.mark.parametrize(
    ("name", "code", "temporary"),
    [
        ("create_duplicate", "provider_rejected", False),
        ("create_bad_mac", "provider_rejected", False),
        ("create_rate_limited", "provider_unavailable", True),
    ],
)
def test_answers_are_read_as_the_table_says(name: str, code: str, temporary: bool) -> None:
    with pytest.raises(RailError) as caught:
        _open(says(**ANSWERS[name]))

    assert (caught.value.code, caught.value.temporary) == (code, temporary)


@pytest.mark.parametrize("body", [{"return_code": 2}, {"return_code": 2, "sub_return_code": -5}])
def test_a_refused_order_is_our_own_mistake(body: dict[str, Any]) -> None:
    with pytest.raises(RailError) as caught:
        _open(says(**body))

    assert not caught.value.temporary


@pytest.mark.parametrize(
    "body",
    [
        {"return_code": 3},
        {"return_code": 1},
        {"return_code": 1, "order_url": None},
        {"return_code": 1, "order_url": ["https://x"]},
        {"return_code": 1, "order_url": ""},
        {"return_code": 1, "order_url": "javascript:alert(1)"},
        {"return_code": 1, "order_url": "http://gateway.zalopay.vn/"},
        {"return_code": 1, "order_url": "https://x/" + "y" * 2000},
        {"return_code": 1, "order_url": "https://x/\n"},
    ],
)
def test_an_answer_without_a_usable_address_says_nothing(body: dict[str, Any]) -> None:
    with pytest.raises(RailError) as caught:
        _open(says(**body))

    assert caught.value.temporary


def test_the_pretend_page_is_only_for_test_accounts() -> None:
    answer = says(return_code=1, order_url=f"{PAGES}/gateway?order=1")

    assert _open(answer).redirect_url == f"{PAGES}/gateway?order=1"
    with pytest.raises(RailError):
        _open(answer, livemode=True)


@pytest.mark.parametrize("hook_url", ["", "https://pay.example.vn/hooks/zalopay/ra_1"])
def test_the_pretend_zalopay_takes_our_orders(hook_url: str) -> None:
    pretend = Pretend(hook_url=hook_url, payment_methods="vietqr")

    attempt = pretend.open()

    assert attempt.provider_reference == TRANS_ID
    assert attempt.details["order_url"] == f"{PAGES}/gateway?order={TRANS_ID}"
    with pytest.raises(RailError) as caught:
        pretend.open()
    assert "id has been used" in caught.value.message
