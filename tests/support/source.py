"""The project's own files, for the tests that check its shape."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "checkout"
TEMPLATES = ROOT / "templates"
LEAVES = ("jobs", "cli", "views")


@cache
def read_tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(), str(path))


def python_files(folder: Path = PACKAGE) -> list[Path]:
    """Every Python file below a folder, sorted."""
    return sorted(folder.rglob("*.py"))


def module_name(path: Path) -> str:
    """`checkout/ledger/post.py` as `checkout.ledger.post`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) for every import of a file, those inside functions too.

    `from checkout.core import db` counts as `checkout.core.db`, since a module is meant.
    """
    for node in ast.walk(read_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if _is_module(full) else node.module


def calls_of(name: str) -> Iterator[tuple[Path, ast.Call]]:
    """Every call of `name(...)` or `something.name(...)` in the package."""
    for path in python_files():
        for node in ast.walk(read_tree(path)):
            if isinstance(node, ast.Call):
                called = node.func
                found = called.attr if isinstance(called, ast.Attribute) else ""
                if isinstance(called, ast.Name):
                    found = called.id
                if found == name:
                    yield path, node


def tracked_files() -> list[Path]:
    """What belongs to the project: files that git knows or would add."""
    answer = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / line for line in answer.stdout.splitlines())
    return [path for path in paths if path.is_file()]


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
