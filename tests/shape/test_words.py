"""Nothing half done, and the documents know every setting."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.source import PACKAGE, ROOT, python_files, read_tree, tracked_files

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
TEXT = {".py", ".html", ".css", ".js", ".md", ".toml", ".yml", ".sh", ".in", ".json", ""}


def test_nothing_is_left_to_be_done():
    found = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in TEXT and "vendor" not in path.parts
        if UNFINISHED.search(path.read_text(errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_error_is_swallowed(path):
    for node in ast.walk(read_tree(path)):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or is_broad(node.type)):
            assert not all(isinstance(step, ast.Pass) for step in node.body), node.lineno


def is_broad(kind: ast.expr) -> bool:
    return isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")


def variables_read() -> set[str]:
    """The names that the product asks the environment for."""
    files = [
        PACKAGE / "core" / "config.py",
        PACKAGE / "ops" / "gunicorn_worker.py",
        ROOT / "gunicorn.conf.py",
        ROOT / "bin" / "stack" / "run.py",
    ]
    return {
        node.value
        for path in files
        for call in ast.walk(read_tree(path))
        if isinstance(call, ast.Call) and reads_environment(call)
        for node in call.args
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z][A-Z_]{3,}", node.value)
    }


def reads_environment(call: ast.Call) -> bool:
    return "environ" in ast.unparse(call)


def test_the_readme_explains_every_variable():
    text = (ROOT / "README.md").read_text()
    explained = set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))
    assert variables_read() - {"INFO"} == explained
