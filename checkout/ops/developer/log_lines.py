"""The log files of `bin/run`, together in the order of time, for reading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

COLOURS = {"debug": "bright_black", "warning": "yellow", "error": "red", "critical": "red"}
SHOWN_APART = ("at", "level", "event", "trace")
TAIL_BYTES = 256 * 1024


@dataclass
class LogFile:
    """One process's log, read from the end."""

    path: Path
    position: int = 0

    @property
    def process(self) -> str:
        return self.path.stem

    def read_tail(self) -> list[str]:
        """The last lines there are now, of the last 256 KiB."""
        size = self.path.stat().st_size
        self.position = max(0, size - TAIL_BYTES)
        lines = self.read_new()
        return lines[1:] if size > TAIL_BYTES else lines

    def read_new(self) -> list[str]:
        """The whole lines that came since; a file that was begun anew is read from its start."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.position:
                    self.position = 0
                file.seek(self.position)
                data = file.read()
        except OSError:
            return []
        whole, found, _ = data.rpartition(b"\n")
        self.position += len(whole) + len(found)
        return whole.decode("utf-8", "replace").split("\n") if found else []


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log; a program's own words have no fields."""

    process: str
    text: str
    fields: dict[str, Any] | None

    @property
    def at(self) -> str:
        return str((self.fields or {}).get("at", ""))

    @property
    def is_trouble(self) -> bool:
        return self.fields is not None and self.fields.get("level") in ("warning", "error")

    def shown(self) -> str:
        """For people: time, process, name, then the fields."""
        if self.fields is None:
            return f"{'':<12}  {self.process:<9}  {self.text}"
        level = str(self.fields.get("level", ""))
        name = click.style(str(self.fields.get("event", "")), fg=COLOURS.get(level), bold=True)
        rest = "  ".join(
            f"{key}={value}" for key, value in self.fields.items() if key not in SHOWN_APART
        )
        trace = "".join(f"\n{'':<25}{frame}" for frame in self.fields.get("trace", ()))
        return f"{self.at[11:23]:<12}  {self.process:<9}  {name}  {rest}{trace}"


def find_files(folder: Path) -> list[LogFile]:
    """Every log in the folder, by name."""
    return [LogFile(path) for path in sorted(folder.glob("*.log"))]


def read_last(files: list[LogFile], count: int) -> list[Line]:
    """The last lines of all files, in the order of time.

    What has no time of its own belongs to the line before it.
    """
    found: list[tuple[str, Line]] = []
    for file in files:
        at = ""
        for line in parse(file, file.read_tail()):
            at = line.at or at
            found.append((at, line))
    found.sort(key=lambda pair: pair[0])
    return [line for _, line in found[-count:]] if count else []


def parse(file: LogFile, texts: list[str]) -> Iterator[Line]:
    """Lines of a file, with their fields where they have any."""
    for text in texts:
        if not text.strip():
            continue
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        yield Line(file.process, text, fields if isinstance(fields, dict) else None)
