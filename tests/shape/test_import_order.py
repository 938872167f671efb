"""Looking back only: who may import whom."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from checkout.areas import AREAS
from tests.support.source import LEAVES, PACKAGE, ROOT, imported_modules, module_name, python_files

CONTRACT = ("checkout.rails.base", "checkout.rails.client", "checkout.rails.registry")
# What several rails share, and nobody else knows.
FOR_RAILS = ("checkout.rails.emv",)
# The launcher works before there is an environment; these two run inside it.
NEEDS_ENVIRONMENT = ("bin.stack.browser", "bin.stack.prepare")


def refusal(importer: str, imported: str) -> str | None:
    """Why `importer` may not import `imported`; None when it may."""
    if not imported.startswith("checkout."):
        return None
    home, target = importer.split(".")[1], imported.split(".")[1]
    if target == "core" or imported in CONTRACT:
        known = home != "core" or target == "core"
        return None if known else "core knows nobody"
    if home == "core":
        return "core knows nobody"
    if home == "rails":
        return None if own_rail(importer, imported) else "a rail knows core and the contract"
    if target == "rails":
        return "an area knows rails through the contract"
    return refusal_between_areas(home, target, imported)


def own_rail(importer: str, imported: str) -> bool:
    own = importer.split(".")[:3] == imported.split(".")[:3]
    return own or importer in CONTRACT or imported in FOR_RAILS


def refusal_between_areas(home: str, target: str, imported: str) -> str | None:
    if target not in AREAS:
        return f"{target} is not an area"
    if AREAS.index(target) > AREAS.index(home):
        return f"{target} comes after {home}"
    last = imported.rpartition(".")[2]
    if target != home and (last in LEAVES or last.endswith("_views")):
        return "views, jobs and commands are leaves"
    return None


def area_files() -> list[Path]:
    """All but the few files at the top, which put the areas together."""
    return [path for path in python_files() if path.parent != PACKAGE]


@pytest.mark.parametrize("path", area_files(), ids=module_name)
def test_imports_look_back_only(path):
    importer = module_name(path)
    breaches = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}: {reason}"
        for line, imported in imported_modules(path)
        if (reason := refusal(importer, imported))
    ]
    assert not breaches, "\n".join(breaches)


def test_the_rule_itself():
    assert refusal("checkout.core.db", "checkout.ledger.post") == "core knows nobody"
    assert refusal("checkout.core.db", "checkout.rails.base") == "core knows nobody"
    assert refusal("checkout.ledger.post", "checkout.payments.settle")
    assert refusal("checkout.payments.settle", "checkout.sessions.pay_views")
    assert refusal("checkout.payments.settle", "checkout.rails.vietqr.memo")
    assert refusal("checkout.rails.khqr.rail", "checkout.rails.vietqr.memo")
    assert refusal("checkout.rails.khqr.payload", "checkout.rails.emv") is None
    assert refusal("checkout.payments.settle", "checkout.rails.emv")
    assert refusal("checkout.payments.settle", "checkout.ledger.post") is None
    assert refusal("checkout.payments.settle", "checkout.rails.base") is None


def test_every_folder_is_an_area():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= {*AREAS, "core", "rails"}


def test_the_launcher_needs_the_standard_library_only():
    breaches = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in python_files(ROOT / "bin")
        if module_name(path) not in NEEDS_ENVIRONMENT
        for line, imported in imported_modules(path)
        if imported.split(".")[0] not in {*sys.stdlib_module_names, "bin"}
        or imported in NEEDS_ENVIRONMENT
    ]
    assert not breaches, "\n".join(breaches)
