"""Tables as files for spreadsheets, however many rows: CSV as it is read, XLSX row by row.

An XLSX file is a zip with its index at the end, so it is written to a temporary file first, of
which never more than a row is in memory, and then sent piece by piece.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import xlsxwriter
from flask import Response, stream_with_context

from checkout.core.aside import run_aside
from checkout.core.csv import BYTE_ORDER_MARK, Cell, csv_lines

Format = Literal["csv", "xlsx"]
TYPES: dict[Format, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_PER_SHEET = 1_048_576
"""No spreadsheet has more, the header among them; the rest goes onto the next sheet."""
LONGEST_CELL = 32_767
PIECE = 64 * 1024

Row = Sequence[Cell]
Batches = Iterable[Sequence[Row]]
"""Rows, some at a time: each step may be a transaction of its own."""


def send_table(name: str, format_: Format, columns: Sequence[str], batches: Batches) -> Response:
    """A download of `name`.csv or `name`.xlsx, streamed; texts are never formulas."""
    stream = stream_csv if format_ == "csv" else stream_xlsx
    return Response(
        stream_with_context(stream(columns, batches)),
        mimetype=TYPES[format_],
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{format_}"',
            "Cache-Control": "no-store",
        },
    )


def stream_csv(columns: Sequence[str], batches: Batches) -> Iterator[str]:
    """The header, then each batch as lines."""
    yield BYTE_ORDER_MARK + csv_lines([columns])
    for rows in batches:
        yield csv_lines(rows)


def stream_xlsx(columns: Sequence[str], batches: Batches) -> Iterator[bytes]:
    """The finished file, some at a time. What it needs on disk is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "table.xlsx"
        write_xlsx(path, columns, batches, folder)
        with path.open("rb") as file:
            yield from _pieces(file)


def write_xlsx(path: Path, columns: Sequence[str], batches: Batches, folder: str) -> None:
    """Write a file with constant memory; what it needs meanwhile lies in `folder`."""
    book = xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "tmpdir": folder,
            # A text is a text, whatever it begins with.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    sheets = _Sheets(book, columns)
    for rows in batches:
        # Away from the loop that serves other requests meanwhile.
        run_aside(partial(sheets.add, rows))
    run_aside(book.close)


class _Sheets:
    """Sheets of one book, one after the other."""

    def __init__(self, book: Any, columns: Sequence[str]) -> None:
        self.book = book
        self.columns = columns
        self._open()

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self.line == ROWS_PER_SHEET:
                self._open()
            self._write(row)

    def _open(self) -> None:
        self.sheet = self.book.add_worksheet()
        self.line = 0
        self._write(self.columns)

    def _write(self, row: Row) -> None:
        for place, cell in enumerate(row):
            if isinstance(cell, (int, Decimal)):
                self.sheet.write_number(self.line, place, cell)
            elif cell is not None:
                self.sheet.write_string(self.line, place, cell[:LONGEST_CELL])
        self.line += 1


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
