"""Reports as plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.figures import Figure, Report, ratio

_HEAD = ("what", "figure", "target", "limit", "of limit", "")


def draw_report(report: Report) -> str:
    """The benchmark's table with its notes below."""
    rows = [row for figure in report.figures for row in _rows(figure)]
    lines = [report.title, *draw_table(_HEAD, rows)]
    lines += [f"  note: {note}" for note in report.notes]
    lines += [f"  FAULT: {fault}" for fault in report.faults]
    return "\n".join(lines)


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; the first is aligned left, numbers right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if column in (0, 3, 5) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _rows(figure: Figure) -> list[tuple[str, ...]]:
    """A line for the figure, and one more for every limit after the first."""
    target = f"{figure.target.sign} {show(figure.target.value)}" if figure.target else ""
    limits = [
        (f"{limit.name} {show(limit.value)}", show_ratio(ratio(figure.value, limit.value)))
        for limit in figure.limits
    ] or [("", "")]
    shown = f"{show(figure.value)} {figure.unit}".rstrip()
    first = (figure.name, shown, target, *limits[0], figure.verdict)
    return [first, *(("", "", "", *limit, "") for limit in limits[1:])]


def show(value: float) -> str:
    """Three digits that mean something, thousands set apart by blanks."""
    if math.isnan(value):
        return "?"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show_ratio(value: float) -> str:
    return "?" if math.isnan(value) else f"{show(value)} x"
