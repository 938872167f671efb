"""Figures: a value, what it should reach, and what the machine could do at most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "missed", ""]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure keeps (`<=`) or reaches (`>=`)."""

    sign: Literal["<=", ">="]
    value: float

    def is_met(self, value: float) -> bool:
        """Whether a value is on the right side; exactly the bound is."""
        return value <= self.value if self.sign == "<=" else value >= self.value


def at_least(value: float) -> Target:
    return Target(">=", value)


def at_most(value: float) -> Target:
    return Target("<=", value)


@dataclass(frozen=True, slots=True)
class Limit:
    """What something simpler reached in the same run, in the figure's unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    limits: tuple[Limit, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if self.target is None:
            return ""
        return "ok" if self.target.is_met(self.value) else "missed"

    def as_json(self) -> dict[str, Any]:
        """The figure for programs."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": f"{self.target.sign} {self.target.value:g}" if self.target else None,
            "verdict": self.verdict or None,
            "limits": [
                {
                    "name": limit.name,
                    "value": limit.value,
                    "ratio": ratio(self.value, limit.value),
                }
                for limit in self.limits
            ],
        }


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What must not be, whatever the figures: lost or doubled effects, failed calls."""

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        target: Target | None = None,
        *limits: Limit,
    ) -> None:
        """Append one figure."""
        self.figures.append(Figure(name, value, unit, target, limits))

    def expect(self, holds: bool, fault: str) -> None:
        """Remember `fault` when what must hold does not."""
        if not holds:
            self.faults.append(fault)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` % of the values do not exceed; NaN for none.

    No value is made up between two measured ones, so a p99 is something that happened.
    """
    if not values:
        return math.nan
    if not 0 <= percent <= 100:
        raise ValueError("a percentile lies between 0 and 100")
    ordered = sorted(values)
    # Rounded first, because 0.07 * 100 is a little more than 7 in binary fractions.
    rank = math.ceil(round(percent / 100 * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def ratio(value: float, limit: float) -> float:
    """How much of the limit was reached; NaN where there is no limit to speak of."""
    return value / limit if limit else math.nan


def per_second(count: float, seconds: float) -> float:
    """A rate; NaN for no time at all."""
    return count / seconds if seconds > 0 else math.nan
