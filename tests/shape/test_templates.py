"""Templates: safe names, nothing inline, fragments that answer under their URL."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.source import PACKAGE, TEMPLATES, python_files, read_tree

INLINE = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    # A shop's colour is data, so it cannot be in a file; it carries the page's nonce.
    "a style element": re.compile(r"<style\b(?! nonce=\"{{ csp_nonce\(\) }}\")", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>]*\s(on[a-z]+|hx-on[\w:-]*)\s*=", re.IGNORECASE),
    "a script address": re.compile(r"[\"'](javascript|js):", re.IGNORECASE),
    "a script without src": re.compile(
        r"<script\b(?![^>]*\bsrc=)(?![^>]*type=\"application/(ld\+)?json\")", re.IGNORECASE
    ),
    "autoescape off": re.compile(r"autoescape\s+false|\|\s*safe\b"),
}
COMMENT = re.compile(r"{#.*?#}", re.DOTALL)
STATEMENT = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)
FIRST_ELEMENT = re.compile(r"<([a-z][a-z0-9-]*)([^>]*)>", re.DOTALL)


def pages() -> list[Path]:
    """Every template that a browser gets; mail readers know only inline styles."""
    return sorted(path for path in TEMPLATES.rglob("*.html") if "mail" not in path.parts)


def short(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


def test_names_end_in_html_because_flask_escapes_only_those():
    others = [short(path) for path in TEMPLATES.rglob("*") if path.is_file()]
    assert [name for name in others if not name.endswith((".html", "mail/"))] == [
        name for name in others if name.startswith("mail/") and name.endswith(".txt")
    ]


@pytest.mark.parametrize("path", pages(), ids=short)
def test_nothing_inline(path):
    text = COMMENT.sub("", path.read_text())
    found = [what for what, pattern in INLINE.items() if pattern.search(text)]
    assert not found


def drawn_fragments() -> list[tuple[str, str]]:
    """(file, template) for every `_fragment.html` that a view names."""
    return [
        (path.name, node.value)
        for path in python_files(PACKAGE)
        if path.name.endswith("_views.py")
        for node in ast.walk(read_tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[\w/]+/_\w+\.html", node.value)
    ]


def test_a_fragment_drawn_by_a_view_has_its_url(session_app):
    rules = [rule.rule for rule in session_app.url_map.iter_rules() if "GET" in rule.methods]
    for file, template in drawn_fragments():
        surface, _, name = template.rpartition("/")
        noun = name.removeprefix("_").removesuffix(".html").replace("_", "-")
        place = surface.split("/")[0]
        assert any(rule.startswith(f"/{place}/") and rule.endswith(f"/{noun}") for rule in rules), (
            f"{file} draws {template}, but no URL of /{place} ends in /{noun}"
        )


def test_a_fragment_drawn_by_a_view_has_its_name_as_id():
    for file, template in drawn_fragments():
        name = template.rpartition("/")[2].removeprefix("_").removesuffix(".html")
        text = STATEMENT.sub("", (TEMPLATES / template).read_text())
        element = FIRST_ELEMENT.search(text)
        assert element is not None, template
        assert f'id="{name.replace("_", "-")}"' in element[2], f"{template}, drawn by {file}"
