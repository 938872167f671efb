from __future__ import annotations

import re

import pytest

from checkout.rails.zalopay.rail import RAIL
from tests.rails.zalopay.samples import SETTINGS, make_account


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://openapi.zalopay.vn"),
        ({"environment": "production"}, "https://openapi.zalopay.vn"),
        ({"environment": "sandbox"}, "https://sb-openapi.zalopay.vn"),
        ({"base_url": "https://proxy.example.vn/zalo/"}, "https://proxy.example.vn/zalo"),
    ],
)
def test_the_settings_choose_the_system(settings: dict[str, str], url: str) -> None:
    assert RAIL.provider_url(settings, livemode=True) == url


def test_browsers_may_go_to_the_systems_own_gateway() -> None:
    live, sandbox = (
        RAIL.page_origins(make_account(livemode=True, environment=environment))
        for environment in ("production", "sandbox")
    )

    assert live == ("https://gateway.zalopay.vn",)
    assert "https://qcgateway.zalopay.vn" in sandbox
    assert RAIL.provider_page_url({"environment": "production"}) in live
    assert RAIL.provider_page_url({"environment": "sandbox"}) in sandbox
    assert RAIL.page_origins(make_account()) == ("http://localhost:8000",)


@pytest.mark.parametrize(
    ("changes", "able"), [({}, True), ({"app_id": None}, False), ({"key1": None}, False)]
)
def test_asking_needs_the_app_and_its_key(changes: dict[str, None], able: bool) -> None:
    assert RAIL.can_ask(make_account(**changes)) is able


def test_money_arrives_on_the_app() -> None:
    assert RAIL.accounts_of(make_account()) == {"2553"}
    assert RAIL.accounts_of(make_account(app_id=None)) == frozenset()


def test_every_setting_has_a_sample() -> None:
    assert {setting.name for setting in RAIL.settings} == set(SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("payment_methods", "vietqr", True),
        ("payment_methods", "vietqr, zalopay_wallet,account", True),
        ("payment_methods", "vietqr,", False),
        ("payment_methods", "cash", False),
        ("bank_code", "zalopayapp", True),
        ("bank_code", "x" * 21, False),
        ("base_url", "https://sb-openapi.zalopay.vn", True),
        ("base_url", "https://proxy.example.vn:8443/zalo", True),
        ("base_url", "http://openapi.zalopay.vn", False),
        ("base_url", "https://user@openapi.zalopay.vn", False),
        ("key1", "with blank", False),
    ],
)
def test_settings_are_checked_by_their_shape(name: str, value: str, fits: bool) -> None:
    pattern = next(setting.pattern for setting in RAIL.settings if setting.name == name)

    assert (re.fullmatch(pattern or "", value) is not None) is fits
