"""Another server's wish to be left alone: in seconds or as a date, and nonsense is none."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from checkout.core.retry_after import read_wait, retry_after_seconds

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("-5", 0),
        ("1.5", 0),
        ("١٢", 0),
        ("soon", 0),
        ("9" * 40, 999_999_999),
        ("Fri, 20 Nov 2026 12:01:30 GMT", 90),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Friday, 20-Nov-26 12:01:30 GMT", 90),
        ("Fri, 99 Nov 2026 12:01:30 GMT", 0),
        ("Fri, 20 Nov 2026 12:01:30 +0700", 0),
    ],
)
def test_reading_retry_after(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


def test_an_answer_s_wish_in_whole_seconds():
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)

    assert 118 <= (read_wait({"retry-after": date}) or 0) <= 120
    assert read_wait({"retry-after": "9999999"}) == 9_999_999
    for nothing in ({}, {"retry-after": "-7"}, {"retry-after": "0"}, {"retry-after": "soon"}):
        assert read_wait(nothing) is None
