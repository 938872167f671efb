"""Tables for spreadsheets: UTF-8 that they recognise, texts that they do not compute."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from checkout.core.money import exponent

BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take UTF-8 for the machine's old code page."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell."""
SPLIT = re.compile(r"([;\t\r\n]\s*)(?=[=+\-@＝＋－＠])")
"""Where a decimal comma is written, as in Vietnam, spreadsheets split lines at semicolons, and pay
no heed to quotation marks that stand within a cell: the rest of a text is a cell of its own.
"""

Cell = str | int | Decimal | None


def safe_text(value: str) -> str:
    """A text that no spreadsheet takes for a formula, however it is indented and split."""
    value = SPLIT.sub(r"\1'", value)
    if value.startswith(FORMULA) or value.lstrip().startswith(FORMULA):
        return "'" + value
    return value


def decimal_amount(amount: int, currency: str) -> Decimal:
    """An amount in minor units as the number that people write."""
    return Decimal(amount).scaleb(-exponent(currency))


def csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as CSV (RFC 4180). Texts are made safe; numbers stay numbers."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([safe_text(cell) if isinstance(cell, str) else cell for cell in row])
    return buffer.getvalue()
