from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from checkout.rails.base import RailError
from checkout.rails.vnpay.rail import RAIL
from checkout.rails.vnpay.signing import HASH
from checkout.rails.vnpay.url import payer_address, payment_fields
from tests.rails.kit import NOW, load_vectors
from tests.rails.vnpay.kit import RETURN_URL, ROOT, TERMINAL, make_account, make_attempt, no_http


def fields_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_the_url_says_all_that_vnpay_asks_for() -> None:
    attempt = make_attempt(payer_address="203.0.113.7", description="Trà đá & bánh", locale="vi")

    prompt = RAIL.open(attempt, make_account(), no_http, NOW)

    assert prompt.kind == "redirect"
    assert prompt.provider_reference == RAIL.reference_of(attempt, make_account()) == "HM7K2M9QX"
    assert prompt.details == {"create_date": "20261120140000"}
    assert prompt.redirect_url is not None
    assert prompt.redirect_url.startswith(f"{ROOT}/vpcpay.html?vnp_Amount=15000000&")
    fields = fields_of(prompt.redirect_url)
    assert len(fields.pop(HASH)) == 128
    assert fields == {
        "vnp_Version": "2.1.0",
        "vnp_Command": "pay",
        "vnp_TmnCode": TERMINAL,
        "vnp_Amount": "15000000",
        "vnp_CreateDate": "20261120140000",
        "vnp_CurrCode": "VND",
        "vnp_ExpireDate": "20261120141500",
        "vnp_IpAddr": "203.0.113.7",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": "Thanh toan HM7K2M9QX Tra da banh",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": RETURN_URL,
        "vnp_TxnRef": "HM7K2M9QX",
    }


@pytest.mark.parametrize("vector", load_vectors("vnpay_pay_url"), ids=lambda one: one["name"])
def test_vectors_name_no_field_that_we_do_not(vector: dict[str, Any]) -> None:
    fields = payment_fields(make_attempt(), make_account(bank_code="VNBANK").settings)

    assert set(vector["input"]["params"]) <= set(fields)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        (None, "127.0.0.1"),
        ("", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
    ],
)
def test_the_payers_address_is_ipv4_where_it_can_be(given: str | None, sent: str) -> None:
    assert payer_address(given) == sent


@pytest.mark.parametrize(("locale", "sent"), [("vi", "vn"), ("en", "en"), ("km", "en")])
def test_vnpay_speaks_two_languages(locale: str, sent: str) -> None:
    assert payment_fields(make_attempt(locale=locale), {})["vnp_Locale"] == sent


def test_a_bank_and_a_category_come_from_the_settings() -> None:
    account = make_account(bank_code="VNPAYQR", order_type="billpayment")

    fields = fields_of(RAIL.open(make_attempt(), account, no_http, NOW).redirect_url or "")

    assert (fields["vnp_BankCode"], fields["vnp_OrderType"]) == ("VNPAYQR", "billpayment")


@pytest.mark.parametrize(
    ("settings", "page", "api"),
    [
        ({}, "https://pay.vnpay.vn", "https://merchant.vnpay.vn"),
        ({"environment": "production"}, "https://pay.vnpay.vn", "https://merchant.vnpay.vn"),
        (
            {"environment": "sandbox"},
            "https://sandbox.vnpayment.vn",
            "https://sandbox.vnpayment.vn",
        ),
        (
            {"page_address": "https://a.example/x/pay", "api_address": "https://b.example:8443/y"},
            "https://a.example",
            "https://b.example:8443",
        ),
    ],
)
def test_hosts_come_from_the_settings(settings: dict[str, str], page: str, api: str) -> None:
    assert RAIL.provider_page_url(settings) == page
    assert RAIL.provider_url(settings, livemode=True) == api


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "/vpcpay.html"),
        ({"environment": "sandbox"}, "/paymentv2/vpcpay.html"),
        ({"page_address": "https://a.example/x/pay"}, "/x/pay"),
    ],
)
def test_the_path_follows_the_environment(settings: dict[str, str], path: str) -> None:
    prompt = RAIL.open(make_attempt(), make_account(**settings), no_http, NOW)

    assert (prompt.redirect_url or "").startswith(f"{ROOT}{path}?")


def test_browsers_may_go_to_the_pages_origin() -> None:
    assert RAIL.page_origins(make_account()) == ("http://127.0.0.1:8000",)


@pytest.mark.parametrize("missing", ["tmn_code", "hash_secret"])
def test_an_account_without_credentials_opens_nothing(missing: str) -> None:
    account = make_account(**{missing: None})

    assert not RAIL.can_ask(account)
    with pytest.raises(RailError) as raised:
        RAIL.open(make_attempt(), account, no_http, NOW)
    assert (raised.value.code, raised.value.temporary) == ("rail_not_configured", False)


@pytest.mark.parametrize("url", [None, "", "https://x/" + "a" * 250])
def test_an_address_to_return_to_is_needed(url: str | None) -> None:
    with pytest.raises(RailError):
        RAIL.open(make_attempt(return_url=url), make_account(), no_http, NOW)
