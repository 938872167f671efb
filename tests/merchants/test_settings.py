from __future__ import annotations

import pytest

from checkout.core.errors import Problem
from checkout.merchants.settings import StoreSettings, changed_settings, read_settings


def test_the_defaults_are_the_contracts():
    settings = read_settings({})

    assert (settings.code_prefix, settings.duration_minutes, settings.max_attempts) == ("HM", 15, 3)
    assert (settings.underpayment, settings.late_grace_minutes) == ("wait", 15)
    assert (settings.fee_bps, settings.rate_limit_per_minute) == (0, 100)
    bounds = settings.topup_bounds["VND"]
    assert (bounds.min, bounds.max) == (100_000, 50_000_000)


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"code_prefix": "H"}, "invalid_value", "code_prefix"),
        ({"code_prefix": "hm"}, "invalid_value", "code_prefix"),
        ({"code_prefix": "ABCDEF"}, "invalid_value", "code_prefix"),
        ({"code_prefix": "HM\n"}, "invalid_value", "code_prefix"),
        ({"duration_minutes": 0}, "invalid_value", "duration_minutes"),
        ({"duration_minutes": "15"}, "invalid_type", "duration_minutes"),
        ({"max_attempts": 11}, "invalid_value", "max_attempts"),
        ({"late_grace_minutes": 43_201}, "invalid_value", "late_grace_minutes"),
        ({"underpayment": "keep"}, "invalid_value", "underpayment"),
        ({"fee_bps": 10_001}, "invalid_value", "fee_bps"),
        ({"bounds": {"VND": {"min": 5, "max": 4}}}, "invalid_value", "bounds.VND"),
        ({"bounds": {"XYZ": {"min": 5}}}, "invalid_currency", "bounds"),
        ({"allowed_hosts": ["https://x"]}, "invalid_value", "allowed_hosts"),
        ({"allowed_hosts": ["*.x.vn"]}, "invalid_value", "allowed_hosts"),
        ({"locale": "fr"}, "invalid_value", "locale"),
        ({"brand_color": "red"}, "invalid_value", "brand_color"),
        ({"colour": "red"}, "unknown_field", "colour"),
    ],
)
def test_each_mistake_names_its_field(changes, code, param):
    with pytest.raises(Problem) as raised:
        changed_settings(StoreSettings(), changes)

    assert (raised.value.code, raised.value.param) == (code, param)


def test_an_abandoned_prefix_is_remembered():
    first = changed_settings(StoreSettings(), {"code_prefix": "AB"})
    second = changed_settings(first, {"code_prefix": "CD"})
    back = changed_settings(second, {"code_prefix": "HM"})

    assert first.code_prefixes == ("AB", "HM")
    assert second.code_prefixes == ("CD", "AB", "HM")
    assert back.code_prefixes == ("HM", "CD", "AB")


def test_what_is_stored_is_read_again():
    settings = changed_settings(
        StoreSettings(),
        {"allowed_hosts": ["shop.vn", "localhost:3000"], "bounds": {"VND": {"min": 1000}}},
    )

    assert read_settings(settings.model_dump(exclude_defaults=True)) == settings
