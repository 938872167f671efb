"""Reading an XLSX file as spreadsheets do, as far as tests need it."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def read_book(data: bytes) -> list[list[list[str | float]]]:
    """The sheets of a file: rows of texts and numbers; what is empty is an empty text."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        return [_read_sheet(ElementTree.fromstring(book.read(name))) for name in names]


def _read_sheet(sheet: ElementTree.Element) -> list[list[str | float]]:
    rows = [
        {_column(cell.get("r", "")): _value(cell) for cell in row}
        for row in sheet.iter(f"{SPACE}row")
    ]
    width = max((max(row) for row in rows), default=-1) + 1
    return [[row.get(place, "") for place in range(width)] for row in rows]


def _column(name: str) -> int:
    letters = name.rstrip("0123456789")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element) -> str | float:
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{SPACE}t"))
    number = float(cell.findtext(f"{SPACE}v", "0"))
    return int(number) if number.is_integer() else number
