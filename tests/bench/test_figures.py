"""The arithmetic of the benchmarks; nothing here measures time."""

from __future__ import annotations

import math

import pytest

from bench.figures import (
    Figure,
    Limit,
    Report,
    at_least,
    at_most,
    per_second,
    percentile,
    ratio,
)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_a_measured_value(percent: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_percentiles_of_few_values() -> None:
    assert percentile([7.0], 99) == 7.0
    assert percentile([1.0, 9.0], 50) == 1.0
    assert percentile([1.0, 9.0], 51) == 9.0


def test_a_rank_is_not_pushed_up_by_binary_fractions() -> None:
    # 0.07 * 100 is 7.000000000000001, which must still mean the seventh value.
    assert percentile(list(range(1, 101)), 7) == 7


def test_no_values_have_no_percentile() -> None:
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize("percent", [-1, 100.1])
def test_a_percentile_beyond_the_values_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile([1.0], percent)


def test_ratios_and_rates() -> None:
    assert ratio(5, 10) == 0.5
    assert per_second(500, 2) == 250
    assert math.isnan(ratio(5, 0))
    assert math.isnan(per_second(5, 0))


@pytest.mark.parametrize(
    ("value", "target", "verdict"),
    [
        (500, at_least(500), "ok"),
        (499.9, at_least(500), "missed"),
        (40, at_most(40), "ok"),
        (40.1, at_most(40), "missed"),
        (math.nan, at_most(40), "missed"),
        (1, None, ""),
    ],
)
def test_a_verdict_follows_from_the_target(value: float, target: object, verdict: str) -> None:
    assert Figure("it", value, "ms", target).verdict == verdict  # type: ignore[arg-type]


def test_a_figure_for_programs_carries_its_limits() -> None:
    figure = Figure("calls", 250.0, "/s", at_least(500), (Limit("bare route", 1000.0),))

    assert figure.as_json() == {
        "name": "calls",
        "value": 250.0,
        "unit": "/s",
        "target": ">= 500",
        "verdict": "missed",
        "limits": [{"name": "bare route", "value": 1000.0, "ratio": 0.25}],
    }


def test_a_report_remembers_what_must_not_be() -> None:
    report = Report("settle")

    report.expect(2 + 2 == 4, "numbers are broken")
    report.expect(2 + 2 == 5, "5 expected")

    assert report.faults == ["5 expected"]
