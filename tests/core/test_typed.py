"""Amounts as people type them: every usual way of writing, nothing guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.core import typed
from checkout.core.i18n import LOCALES
from checkout.core.money import MAXIMUM, format_money
from checkout.core.typed import read_amount, read_percent, show_percent


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50 USD", "USD", 1250),
        ("$12.50", "USD", 1250),
        ("12,5", "USD", 1250),
        ("US$ 7", "USD", 700),
        ("1,234.56", "USD", 123_456),
        ("1.234,56", "USD", 123_456),
        ("1.234", "USD", 123_400),
        ("1,234", "USD", 123_400),
        ("1 234 567,8", "USD", 123_456_780),
        ("500.000 ₫", "VND", 500_000),
        ("500,000đ", "VND", 500_000),
        ("500000", "VND", 500_000),
        ("VND 1.500.000", "VND", 1_500_000),
        ("4,000 ៛", "KHR", 4000),
        ("4000 riel", "KHR", 4000),
        ("1.234", "KWD", 1234),
    ],
)
def test_usual_ways_of_writing(text, currency, minor):
    assert read_amount(text, currency) == minor


def test_where_both_are_possible_the_language_decides():
    assert read_amount("1,234", "KWD", "vi") == 1234
    assert read_amount("1,234", "KWD", "en") == 1_234_000


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"),
        ("USD", "USD"),
        ("-5", "USD"),
        ("12.50", "VND"),
        ("50.00", "VND"),
        ("1.23.456", "VND"),
        ("1,23,456.50", "USD"),
        ("5 EUR", "USD"),
        ("1e3", "USD"),
        ("٥", "USD"),
        ("5.", "USD"),
        (".5", "USD"),
        ("9" * 16, "VND"),
        (str(MAXIMUM + 1), "VND"),
    ],
)
def test_what_is_no_amount_is_refused(text, currency):
    with pytest.raises(ValueError, match=r"amount|more"):
        read_amount(text, currency)


def test_of_what_is_no_currency_nothing_is_kept():
    kept = typed._signs.cache_info().currsize

    with pytest.raises(KeyError):
        read_amount("5", "NO SUCH CURRENCY")

    assert typed._signs.cache_info().currsize == kept


@given(
    amount=st.integers(0, MAXIMUM),
    currency=st.sampled_from(("VND", "USD", "KHR", "EUR", "KWD")),
    locale=st.sampled_from(LOCALES),
)
def test_what_is_shown_can_be_typed(amount, currency, locale):
    assert read_amount(format_money(amount, currency, locale), currency, locale) == amount


@pytest.mark.parametrize(
    ("text", "bps"), [("1.5", 150), ("2,25 %", 225), ("0", 0), ("100", 10_000)]
)
def test_a_share(text, bps):
    assert read_percent(text) == bps


@pytest.mark.parametrize("text", ["", "x", "1.555", "-1", "1.", "1000", "٥"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match="percentage"):
        read_percent(text)


@given(bps=st.integers(0, 10_000), locale=st.sampled_from(LOCALES))
def test_a_shown_share_can_be_typed(bps, locale):
    assert read_percent(show_percent(bps, locale)) == bps
