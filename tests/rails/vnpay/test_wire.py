from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.core.i18n import LOCALES, catalogue
from checkout.rails.vnpay.wire import (
    AMOUNT_LIMIT,
    FAILURES,
    judge_codes,
    read_wire_amount,
    read_wire_time,
    to_plain_text,
    to_wire_amount,
    to_wire_time,
)


@given(st.integers(min_value=1, max_value=AMOUNT_LIMIT))
def test_amounts_go_and_come_back(amount: int) -> None:
    assert len(to_wire_amount(amount)) <= 12
    assert read_wire_amount(to_wire_amount(amount)) == amount


@pytest.mark.parametrize(
    "text", ["", "0", "000", "150", "1501", "-100", "+100", " 100", "1e2", "100.00", "٣٠٠", "abc"]
)
def test_what_is_no_amount_is_none(text: str) -> None:
    assert read_wire_amount(text) is None
    assert read_wire_amount("1" * 11 + "00") is None


def test_times_are_vietnams() -> None:
    moment = datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC)

    assert to_wire_time(moment) == "20261121013005"
    assert read_wire_time("20261121013005") == moment


@pytest.mark.parametrize(
    "text", ["", "20261332000000", "2026112001300", "2026-11-21 01:30", "٢٠٢٦١١٢١٠١٣٠٠٥", "0" * 14]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_wire_time(text) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Đơn hàng số 12: trà đá (2 ly)!", "Don hang so 12 tra da 2 ly"),
        ("it's *~ok~*", "it s ok"),
        ("ការបញ្ជាទិញ 5", "5"),
        ("A-1.5", "A-1.5"),
        ("", ""),
    ],
)
def test_order_texts_are_plain(text: str, plain: str) -> None:
    assert to_plain_text(text) == plain


@given(st.text(max_size=400))
def test_any_text_becomes_plain_and_short(text: str) -> None:
    plain = to_plain_text(text)

    assert plain.isascii()
    assert len(plain) <= 255
    assert not set(plain) & set("*~!'()&=+%")


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        ("00", "00", "paid"),
        ("00", None, "paid"),
        ("00", "24", "open"),
        ("00", "", "open"),
        ("02", "00", "failed"),
        ("02", "24", "failed"),
        ("02", None, "failed"),
        ("", "24", "failed"),
        ("", "00", "open"),
        ("", None, "open"),
        ("01", "00", "open"),
        ("01", None, "open"),
        ("04", None, "reversed"),
        ("04", "00", "reversed"),
        ("07", None, "suspected"),
        ("07", "00", "suspected"),
        ("00", "07", "suspected"),
        ("05", None, "open"),
        ("zz", "zz", "open"),
    ],
)
def test_both_codes_must_say_paid(status: str, code: str | None, verdict: str) -> None:
    assert judge_codes(status, code) == verdict


@pytest.mark.parametrize("locale", LOCALES)
def test_every_failure_has_a_text(locale: str) -> None:
    for code, _ in FAILURES.values():
        assert catalogue(locale)[f"failure.{code}"]
