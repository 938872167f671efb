from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checkout.rails.base import RailError
from checkout.rails.vietqr.payload import read_payload
from checkout.rails.vietqr.prompt import OFFERED_APPS, make_prompt
from tests.rails.kit import VIETQR_SETTINGS, make_attempt


def test_the_prompt_carries_the_transfer() -> None:
    prompt = make_prompt(make_attempt(), VIETQR_SETTINGS)

    assert prompt.kind == "transfer"
    assert prompt.transfer_details == {
        "bank_code": "VCB",
        "bank_name": "Vietcombank",
        "bank_bin": "970436",
        "account_number": "0123499999",
        "account_name": "CÔNG TY TNHH HOA MAI",
        "memo": "HM7K2M9QX",
    }
    content = read_payload(prompt.qr_payload or "")
    assert content.init_method == "12"
    assert (content.bank_bin, content.account) == ("970436", "0123499999")
    assert (content.amount, content.memo) == ("150000", "HM7K2M9QX")


def test_a_bank_that_wants_a_word_in_front_gets_it() -> None:
    settings = VIETQR_SETTINGS | {"bank": "970415", "memo_prefix": "SEVQR"}

    prompt = make_prompt(make_attempt(), settings)

    assert read_payload(prompt.qr_payload or "").memo == "SEVQR HM7K2M9QX"


def test_the_longest_prefix_and_code_still_fit_a_memo() -> None:
    attempt = make_attempt(memo="ABCDE7K2M9QX")
    settings = VIETQR_SETTINGS | {"memo_prefix": "ABCDEF"}

    details = make_prompt(attempt, settings).transfer_details or {}

    assert len(details["memo"]) == 19


def test_a_virtual_account_takes_the_place_of_the_account() -> None:
    settings = VIETQR_SETTINGS | {"virtual_account": "963NHM1"}

    prompt = make_prompt(make_attempt(), settings)

    assert read_payload(prompt.qr_payload or "").account == "963NHM1"
    assert (prompt.transfer_details or {})["account_number"] == "963NHM1"


def test_apps_that_fill_in_come_first() -> None:
    links = make_prompt(make_attempt(), VIETQR_SETTINGS).deeplinks

    fills = [link.fills for link in links]
    assert fills == sorted(fills, reverse=True)
    assert {link.app for link in links if link.fills} == {"icb", "acb", "bidv", "mb", "ocb"}
    assert {"tpb", "vcb", "tcb", "mb", "acb", "bidv"} <= {link.app for link in links}
    assert len(links) == len(OFFERED_APPS)


def test_a_deep_link_carries_the_transfer_and_the_way_back() -> None:
    link = make_prompt(make_attempt(), VIETQR_SETTINGS).deeplinks[0]

    assert link.url.startswith("https://dl.vietqr.io/pay?app=mb&ba=0123499999@vcb&am=150000")
    assert "+" not in link.url
    assert parse_qs(urlsplit(link.url).query) == {
        "app": ["mb"],
        "ba": ["0123499999@vcb"],
        "am": ["150000"],
        "tn": ["HM7K2M9QX"],
        "bn": ["CONG TY TNHH HOA MAI"],
        "url": ["https://shop.example/return?order=1&x=2"],
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bank": "nowhere"}, "rail_not_configured"),
        ({"bank": None}, "rail_not_configured"),
        ({"account_number": ""}, "rail_not_configured"),
        ({"memo_prefix": "TOOLONGPREFIX"}, "memo_too_long"),
    ],
)
def test_settings_that_cannot_serve_are_a_rail_error(change: dict[str, Any], code: str) -> None:
    with pytest.raises(RailError) as raised:
        make_prompt(make_attempt(), VIETQR_SETTINGS | change)

    assert raised.value.code == code
    assert not raised.value.temporary
