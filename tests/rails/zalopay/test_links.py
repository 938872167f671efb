from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from checkout.rails.base import Answer, Deeplink, FakeRequest
from checkout.rails.zalopay.fake import FAKE
from checkout.rails.zalopay.mac import BANK_LINKS, join_fields, make_mac
from checkout.rails.zalopay.rail import RAIL
from tests.rails.zalopay.samples import (
    KEY1,
    NOW,
    PAGES,
    Pretend,
    Says,
    make_account,
    make_attempt,
    says,
)

ORDER_URL = "https://gateway.zalopay.vn/openinapp?order=x"
ROW = {
    "bank_code": "BIDV",
    "short_name": "BIDV",
    "deep_link": "https://bidv.vn/a",
    "is_auto_fill": True,
}


def _find(*rows: Any, **body: Any) -> tuple[Deeplink, ...]:
    attempt = make_attempt(details={"order_url": ORDER_URL, "order_token": "T"})
    http = Says(says(**({"return_code": 1, "data": list(rows)} | body)))
    return RAIL.find_links(attempt, make_account(bank_links=True), http)


def test_nobody_is_asked_unless_the_settings_say_so() -> None:
    assert Pretend().open().details["order_token"]
    assert RAIL.find_links(make_attempt(), make_account(), Says()) == ()
    assert RAIL.find_links(make_attempt(), make_account(bank_links=True), Says()) == ()


def test_banks_stand_behind_zalopays_own_button() -> None:
    pretend = Pretend(bank_links=True)
    attempt = pretend.open()

    links = RAIL.find_links(attempt, pretend.account, pretend.http)

    assert [(link.app, link.name, link.fills) for link in links] == [
        ("zalopay", "ZaloPay", True),
        ("bidv", "BIDV", True),
        ("vtb", "VietinBank", False),
        ("vcb-ios", "Vietcombank (iOS)", False),
        ("vcb-android", "Vietcombank (Android)", False),
    ]
    assert links[0].url == attempt.details["order_url"]
    assert "pay" in pretend.choices(links[1].url)


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        {},
        ROW | {"deep_link": "bidv://pay"},
        ROW | {"deep_link": "javascript:alert(1)"},
        ROW | {"deep_link": None},
        ROW | {"bank_code": ""},
        ROW | {"bank_code": None},
    ],
    ids=repr,
)
def test_a_row_without_a_usable_link_is_left_out(row: object) -> None:
    assert [link.app for link in _find(row, ROW)] == ["zalopay", "bidv"]


@pytest.mark.parametrize("body", [{"return_code": 2}, {"data": None}, {"data": {}}])
def test_without_links_zalopays_own_button_stays(body: dict[str, Any]) -> None:
    assert [link.app for link in _find(ROW, **body)] == ["zalopay"]


def test_a_name_is_shortened_and_falls_back_to_the_code() -> None:
    assert _find(ROW | {"short_name": None})[1].name == "BIDV"
    assert len(_find(ROW | {"short_name": "x" * 99})[1].name) == 40


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"os_type": "palm"}, -6102),
        ({"bank_codes": "NOPE"}, -6105),
        ({"mac": "0" * 64}, -6103),
        ({"bank_codes": "BIDV,VTB"}, None),
    ],
)
def test_the_pretend_zalopay_checks_what_it_is_asked(
    changes: dict[str, str], code: int | None
) -> None:
    pretend = Pretend()
    fields = {"app_id": 2553, "bank_codes": "", "os_type": "ios", "order_token": ""} | changes
    fields = {"mac": make_mac(KEY1, join_fields(fields, BANK_LINKS))} | fields
    request = FakeRequest(
        "POST", "/zps/api/v2/get_bank_deep_link", {}, {}, json.dumps(fields).encode()
    )

    answer = FAKE.serve(request, pretend.account, pretend.shelf, now=NOW, sent_at=NOW).answer

    assert isinstance(answer, Answer)
    told = json.loads(answer.body)
    if code is None:
        assert [row["bank_code"] for row in told["data"]] == ["BIDV", "VTB"]
    else:
        assert (told["return_code"], told["sub_return_code"]) == (2, code)


def test_links_in_test_mode_lead_to_the_pretend_pages_only() -> None:
    attempt = make_attempt(details={"order_url": ORDER_URL})
    row = ROW | {"deep_link": f"{PAGES}/gateway?order=1"}
    http = Says(says(return_code=1, data=[row]))
    account = make_account(bank_links=True)

    assert len(RAIL.find_links(attempt, account, http)) == 2
    assert len(RAIL.find_links(attempt, replace(account, livemode=True), http)) == 1
