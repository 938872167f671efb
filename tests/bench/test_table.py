from __future__ import annotations

import math

import pytest

from bench.figures import Limit, Report, at_least
from bench.table import draw_report, show, show_ratio


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123, "0.12"),
        (3, "3"),
        (9.999, "10.00"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1_234_567.8, "1 234 568"),
        (math.nan, "?"),
    ],
)
def test_three_digits_that_mean_something(value: float, shown: str) -> None:
    assert show(value) == shown


def test_a_missing_limit_has_no_ratio() -> None:
    assert show_ratio(math.nan) == "?"
    assert show_ratio(0.5) == "0.50 x"


def test_a_report_shows_figures_notes_and_faults() -> None:
    report = Report("create a session")
    limits = (Limit("insert and commit", 4000), Limit("bare route", 2000))
    report.add("sessions", 400, "/s", at_least(500), *limits)
    report.notes.append("the client itself took little")
    report.faults.append("one was lost")

    lines = draw_report(report).splitlines()

    assert lines[0] == "create a session"
    assert lines[1].split() == ["what", "figure", "target", "limit", "of", "limit"]
    assert lines[3].split() == [
        *("sessions", "400", "/s", ">=", "500", "insert", "and", "commit", "4", "000"),
        *("0.10", "x", "missed"),
    ]
    assert lines[4].split() == ["bare", "route", "2", "000", "0.20", "x"]
    assert lines[5:] == ["  note: the client itself took little", "  FAULT: one was lost"]
