from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import HttpAnswer, RailError, Refusal
from checkout.rails.khqr.payload import md5_of, milliseconds
from checkout.rails.khqr.rail import RAIL
from checkout.rails.khqr.reading import find_fault, read_payload
from tests.rails.khqr.sample import (
    ACCOUNT_ID,
    HASH,
    MD5,
    PAGES,
    SETTINGS,
    Scripted,
    make_account,
    make_attempt,
    make_token,
    no_http,
    show,
    told,
    transaction,
)
from tests.rails.kit import NOW

LIST = "/v1/check_transaction_by_md5_list"
SINGLE = "/v1/check_transaction_by_md5"
ACCOUNT = "/v1/check_bakong_account"
RENEW = "/v1/renew_token"
MERCHANT = {"kind": "merchant", "merchant_id": "100200300", "acquiring_bank": "ACLEDA Bank"}


def shown(count: int) -> list[Any]:
    """So many attempts, each with an MD5 of its own: 000…0, 000…1, …"""
    return [
        make_attempt(id=f"att_{number}", provider_reference=f"{number:032x}")
        for number in range(count)
    ]


def listed(*md5s: str) -> HttpAnswer:
    """A list in which these are paid."""
    return told(
        [{"md5": md5, "status": "SUCCESS", "data": transaction(hash=f"{md5:>064}")} for md5 in md5s]
    )


def test_the_prompt_is_a_sound_code_for_ten_minutes() -> None:
    attempt = make_attempt(reference="ORDER 17")

    prompt = RAIL.open(attempt, make_account(), no_http, NOW)

    assert prompt.qr_payload is not None
    content = read_payload(prompt.qr_payload)
    assert find_fault(prompt.qr_payload, milliseconds(NOW)) is None
    assert (content.amount, content.currency, content.init_method) == ("10.50", "USD", "12")
    assert (content.bill_number, content.purpose) == ("HM7K2M9QX", "ORDER 17")
    assert content.created_ms == str(milliseconds(NOW))
    assert content.expires_ms == str(milliseconds(NOW + timedelta(minutes=10)))
    assert prompt.expires_at == NOW + timedelta(minutes=10)
    assert prompt.provider_reference == md5_of(prompt.qr_payload)
    assert prompt.kind == "transfer"
    assert prompt.transfer_details == {
        "bank_code": "",
        "bank_name": "Bakong",
        "bank_bin": "",
        "account_number": ACCOUNT_ID,
        "account_name": "Sok Dara",
        "memo": "HM7K2M9QX",
    }


@pytest.mark.parametrize("minutes", [1, 10])
def test_a_code_never_outlives_its_attempt(minutes: int) -> None:
    attempt = make_attempt(expires_at=NOW + timedelta(minutes=minutes))

    prompt = RAIL.open(attempt, make_account(), no_http, NOW)

    assert prompt.expires_at is None
    assert read_payload(prompt.qr_payload or "").expires_ms == str(milliseconds(attempt.expires_at))


def test_opening_again_makes_another_code_with_the_same_bill() -> None:
    first = show(make_attempt(), make_account())

    second = show(first, make_account(), NOW + timedelta(milliseconds=1))

    assert first.provider_reference != second.provider_reference
    assert read_payload(second.details["qr"]).bill_number == "HM7K2M9QX"


def test_a_merchants_code_in_riel_with_a_khmer_name() -> None:
    account = make_account(**MERCHANT, local_name="ហាងកាហ្វេ", store_label="Store 01")
    attempt = make_attempt(amount=20_500, currency="KHR")

    content = read_payload(RAIL.open(attempt, account, no_http, NOW).qr_payload or "")

    assert (content.kind, content.merchant_id, content.acquiring_bank) == (
        "merchant",
        "100200300",
        "ACLEDA Bank",
    )
    assert (content.amount, content.currency) == ("20500", "KHR")
    assert (content.language, content.local_name) == ("km", "ហាងកាហ្វេ")
    assert content.store_label == "Store 01"


@pytest.mark.parametrize("reference", [None, "", "x" * 26, "đơn hàng", "a\nb", "😀"])
def test_a_reference_that_does_not_fit_is_left_out(reference: str | None) -> None:
    prompt = RAIL.open(make_attempt(reference=reference), make_account(), no_http, NOW)

    assert read_payload(prompt.qr_payload or "").purpose is None


@pytest.mark.parametrize("change", [{"currency": "VND"}, {"expires_at": NOW - timedelta(hours=1)}])
def test_what_no_code_can_carry_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RailError) as raised:
        RAIL.open(make_attempt(**change), make_account(), no_http, NOW)

    assert not raised.value.temporary


@given(
    st.sampled_from(RAIL.currencies).flatmap(
        lambda currency: st.tuples(
            st.just(currency), st.integers(min_value=1, max_value=RAIL.maximum[currency])
        )
    )
)
def test_every_amount_of_the_rail_has_a_code(money: tuple[str, int]) -> None:
    currency, amount = money

    prompt = RAIL.open(make_attempt(amount=amount, currency=currency), make_account(), no_http, NOW)

    assert find_fault(prompt.qr_payload or "", milliseconds(NOW)) is None


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        (MERCHANT, []),
        ({"local_name": "ហាងកាហ្វេ", "local_city": "ភ្នំពេញ"}, []),
        ({"kind": "merchant"}, ["merchant_id"]),
        ({**MERCHANT, "acquiring_bank": None}, ["acquiring_bank"]),
        ({"bakong_account_id": None}, ["bakong_account_id"]),
        ({"merchant_name": "Sok 😀"}, ["merchant_name"]),
        ({"local_city": "ភ្នំពេញ"}, ["local_name"]),
        ({**MERCHANT, "merchant_id": "x" * 32, "acquiring_bank": "y" * 32}, []),
        (
            {
                "bakong_account_id": "n" * 27 + "@bank",
                "account_information": "x" * 32,
                "acquiring_bank": "y" * 32,
            },
            ["acquiring_bank"],
        ),
    ],
)
def test_settings_are_checked_together(change: dict[str, Any], fields: list[str]) -> None:
    assert [field for field, _ in RAIL.check_settings(SETTINGS | change)] == fields


def test_bakong_can_be_asked_only_with_a_token() -> None:
    assert RAIL.can_ask(make_account())
    assert not RAIL.can_ask(make_account(token=None))


def test_there_is_no_hook() -> None:
    assert isinstance(RAIL.read_hook({}, {}, b"{}", make_account(), NOW), Refusal)


def test_the_live_address_is_a_setting() -> None:
    assert RAIL.provider_url(SETTINGS, livemode=True) == "https://api-bakong.nbc.gov.kh"
    own = {**SETTINGS, "base_url": "https://relay.shop.example/"}
    assert RAIL.provider_url(own, livemode=True) == "https://relay.shop.example"


def test_a_found_payment_names_its_attempt_by_the_md5() -> None:
    http = Scripted(told(transaction()))
    attempt = make_attempt(provider_reference=MD5.upper())

    (notice,) = RAIL.check([attempt], make_account(), http, NOW)

    assert http.calls == [(SINGLE, {"md5": MD5})]
    assert notice.provider_reference == notice.fingerprint == HASH
    assert [(match.kind, match.value) for match in notice.matches] == [("reference", MD5)]
    assert (notice.amount, notice.currency) == (1050, "USD")
    assert notice.account in RAIL.accounts_of(make_account())
    assert notice.occurred_at == NOW
    assert notice.source == "list"
    assert json.loads(notice.raw)["hash"] == HASH


@pytest.mark.parametrize("error", [1, 2, 3])
def test_nothing_paid_yet_is_no_notice(error: int) -> None:
    http = Scripted(told(error=error))

    assert RAIL.check([make_attempt(provider_reference=MD5)], make_account(), http, NOW) == []


def test_attempts_without_a_code_are_not_asked_about() -> None:
    assert RAIL.check([make_attempt()], make_account(), no_http, NOW) == []
    assert RAIL.check([], make_account(), no_http, NOW) == []


def test_many_are_asked_about_in_one_call() -> None:
    http = Scripted(listed(f"{3:032X}", f"{49:032x}", "f" * 32))

    notices = RAIL.check(shown(50), make_account(), http, NOW)

    assert [path for path, _ in http.calls] == [LIST]
    assert http.calls[0][1] == [f"{number:032x}" for number in range(50)]
    found = [match.value for notice in notices for match in notice.matches]
    assert found == [f"{3:032x}", f"{49:032x}"]


def test_one_attempt_may_have_shown_several_codes() -> None:
    attempts = [replace(make_attempt(), provider_reference=f"{one}" * 32) for one in "ab"]
    http = Scripted(listed("a" * 32))

    (notice,) = RAIL.check(attempts, make_account(), http, NOW)

    assert notice.matches[0].value == "a" * 32


def test_a_list_is_never_longer_than_bakong_bears() -> None:
    http = Scripted(listed(), listed(), told(error=1))

    RAIL.check(shown(101), make_account(), http, NOW)

    assert [len(body) for path, body in http.calls if path == LIST] == [50, 50]
    assert http.calls[-1][0] == SINGLE


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_closed_list_falls_back_to_single_checks(status: int) -> None:
    closed = HttpAnswer(status, {}, b"<html>")
    http = Scripted(closed, *[told(error=1)] * 3, told(transaction()), *[told(error=1)] * 6)

    (notice,) = RAIL.check(shown(10), make_account(), http, NOW)

    assert [path for path, _ in http.calls] == [LIST, *[SINGLE] * 10]
    assert notice.matches[0].value == http.calls[4][1]["md5"]


def test_single_checks_give_everybody_a_turn_in_some_round() -> None:
    asked: set[str] = set()
    for _ in range(60):
        http = Scripted(HttpAnswer(403, {}, b""), *[told(error=1)] * 15)
        RAIL.check(shown(50), make_account(), http, NOW)
        asked |= {body["md5"] for path, body in http.calls if path == SINGLE}

    assert asked == {f"{number:032x}" for number in range(50)}


def test_what_was_found_before_the_answers_broke_off_is_kept() -> None:
    http = Scripted(HttpAnswer(403, {}, b""), told(transaction()), HttpAnswer(429, {}, b""))

    assert len(RAIL.check(shown(10), make_account(), http, NOW)) == 1


@pytest.mark.parametrize(
    ("answer", "code", "temporary"),
    [
        (HttpAnswer(401, {}, b""), "token_expired", False),
        (told(error=6), "token_expired", False),
        (HttpAnswer(429, {"retry-after": "9"}, b""), "provider_rate_limited", True),
        (HttpAnswer(500, {}, b"oops"), "provider_unavailable", True),
        (HttpAnswer(504, {}, b""), "provider_unavailable", True),
        (HttpAnswer(200, {}, b"<html>"), "provider_unavailable", True),
        (told(None), "provider_unavailable", True),
        (told(error=5, status=400), "provider_rejected", False),
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_answers_without_news_are_errors(
    answer: HttpAnswer, code: str, temporary: bool, count: int
) -> None:
    with pytest.raises(RailError) as raised:
        RAIL.check(shown(count), make_account(), Scripted(answer), NOW)

    assert (raised.value.code, raised.value.temporary) == (code, temporary)


def test_everything_refused_is_told_to_the_operator() -> None:
    http = Scripted(*[HttpAnswer(403, {}, b"<html>")] * 2)

    with pytest.raises(RailError) as raised:
        RAIL.check(shown(3), make_account(), http, NOW)

    assert raised.value.code == "provider_forbidden"
    assert raised.value.temporary


def test_an_app_link_is_made_for_the_very_string_that_is_shown() -> None:
    attempt = show(make_attempt(), make_account())
    http = Scripted(told({"shortLink": "https://bakong.page.link/abc"}))

    (link,) = RAIL.find_links(attempt, make_account(), http)

    assert http.calls == [("/v1/generate_deeplink_by_qr", {"qr": attempt.details["qr"]})]
    assert (link.app, link.url, link.fills) == ("bakong", "https://bakong.page.link/abc", True)


def test_a_bank_app_is_told_the_way_back_only_as_a_whole() -> None:
    icon = "https://shop.example/icon.png"
    account = make_account(app_icon_url=icon)
    answer = told({"shortLink": "https://bakong.page.link/abc"})
    with_way, without = Scripted(answer), Scripted(answer)

    RAIL.find_links(show(make_attempt(), account), account, with_way)
    RAIL.find_links(show(make_attempt(return_url=None), account), account, without)

    assert with_way.calls[0][1]["sourceInfo"] == {
        "appIconUrl": icon,
        "appName": "Sok Dara",
        "appDeepLinkCallback": "https://pay.example/return/khqr/att_1",
    }
    assert "sourceInfo" not in without.calls[0][1]


def test_without_a_code_there_is_no_link_to_ask_for() -> None:
    assert RAIL.find_links(make_attempt(), make_account(), no_http) == ()


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "http://bakong.example/x", "https://a b", "https://", PAGES]
)
def test_a_link_that_is_none_is_not_shown(link: str) -> None:
    account = replace(make_account(), livemode=True)

    with pytest.raises(RailError):
        RAIL.find_links(
            show(make_attempt(), account),
            replace(account, provider_page_url=PAGES.replace("https", "http")),
            Scripted(told({"shortLink": link.replace(PAGES, "http://pay.example/fake")})),
        )


def test_a_probe_asks_whether_the_account_exists() -> None:
    http = Scripted(told(None))
    account = make_account(token=make_token(NOW + timedelta(days=90)))

    line = RAIL.probe(account, http, NOW)

    assert http.calls == [(ACCOUNT, {"accountId": ACCOUNT_ID})]
    assert ACCOUNT_ID in line
    assert "2027-02-18" in line


@pytest.mark.parametrize("error", [11, 12])
def test_a_probe_says_that_the_account_is_unknown(error: int) -> None:
    with pytest.raises(RailError) as raised:
        RAIL.probe(make_account(), Scripted(told(error=error)), NOW)

    assert raised.value.code == "account_unknown"


def test_a_payment_is_found_by_the_hash_on_the_receipt() -> None:
    full, short = Scripted(told(transaction())), Scripted(told(transaction()))

    by_hash = RAIL.find_by_hash(HASH, make_account(), full)
    by_short = RAIL.find_by_hash(HASH[:8], make_account(), short, amount="10.50", currency="USD")

    assert by_hash == by_short
    assert by_hash is not None
    assert by_hash.provider_reference == HASH
    assert by_hash.matches == ()
    assert short.calls == [
        (
            "/v1/check_transaction_by_short_hash",
            {"hash": HASH[:8], "amount": 10.5, "currency": "USD"},
        )
    ]
    assert RAIL.find_by_hash(HASH, make_account(), Scripted(told(error=1))) is None


def test_a_good_token_stays() -> None:
    http = Scripted(told(None))

    assert RAIL.renew_settings(make_account(), http, NOW) == {}
    assert [path for path, _ in http.calls] == [ACCOUNT]


def test_a_token_about_to_run_out_is_renewed() -> None:
    http = Scripted(told({"token": "fresh"}))
    account = make_account(token=make_token(NOW + timedelta(days=4)))

    assert RAIL.renew_settings(account, http, NOW) == {"token": "fresh"}
    assert http.calls == [(RENEW, {"email": "owner@shop.example"})]


def test_a_refused_token_is_renewed_once() -> None:
    http = Scripted(HttpAnswer(401, {}, b""), told({"token": "fresh"}))

    assert RAIL.renew_settings(make_account(), http, NOW) == {"token": "fresh"}
    assert [path for path, _ in http.calls] == [ACCOUNT, RENEW]


@pytest.mark.parametrize(
    ("answers", "code", "email"),
    [
        ([HttpAnswer(401, {}, b"")], "token_expired", None),
        ([told(error=6), told(error=10)], "not_registered", "a@b"),
        ([told(error=6), told({})], "token_not_returned", "a@b"),
        ([HttpAnswer(500, {}, b"")], "provider_unavailable", "a@b"),
        ([told(error=6), told(error=7)], "provider_unavailable", "a@b"),
    ],
)
def test_a_token_that_cannot_be_renewed_is_told_to_the_operator(
    answers: list[HttpAnswer], code: str, email: str | None
) -> None:
    with pytest.raises(RailError) as raised:
        RAIL.renew_settings(make_account(email=email), Scripted(*answers), NOW)

    assert raised.value.code == code


def test_an_unknown_account_says_nothing_against_the_token() -> None:
    assert RAIL.renew_settings(make_account(), Scripted(told(error=11)), NOW) == {}
