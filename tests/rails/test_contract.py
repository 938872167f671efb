"""What every registered rail keeps, whichever it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout import rails
from checkout.rails import registry
from checkout.rails.base import Account, Answer, Receipt, Refusal
from tests.rails.kit import NOW

FORBIDDEN_IMPORTS = ("flask", "sqlalchemy", "jinja2", "redis", "rq", "psycopg", "requests")

every_rail = pytest.mark.parametrize("name", registry.folders())


def _defaults(name: str) -> dict[str, Any]:
    return {setting.name: setting.default for setting in registry.get_rail(name).settings}


def _unconfigured(name: str) -> Account:
    return Account("ra_x", False, _defaults(name), ("HM",), "http://127.0.0.1/fake")


@every_rail
def test_a_rail_names_itself_as_its_folder(name: str) -> None:
    rail = registry.get_rail(name)

    assert rail.name == name
    assert rail.label
    assert rail.currencies
    assert all(re.fullmatch(r"[A-Z]{3}", currency) for currency in rail.currencies)
    assert rail.default_minutes >= 1


@every_rail
def test_limits_are_for_currencies_of_the_rail(name: str) -> None:
    rail = registry.get_rail(name)

    assert set(rail.minimum) | set(rail.maximum) <= set(rail.currencies)
    for currency in set(rail.minimum) & set(rail.maximum):
        assert 1 <= rail.minimum[currency] <= rail.maximum[currency]


@every_rail
def test_settings_are_well_formed(name: str) -> None:
    settings = registry.get_rail(name).settings

    assert len({setting.name for setting in settings}) == len(settings)
    for setting in settings:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", setting.name)
        assert setting.help
        assert bool(setting.choices) == (setting.kind == "choice")
        assert setting.kind != "secret" or setting.default is None
        if setting.pattern is not None:
            re.compile(setting.pattern)
        if setting.kind == "choice":
            assert setting.default is None or setting.default in setting.choices
        if setting.kind == "integer" and isinstance(setting.default, int):
            assert setting.minimum is None or setting.default >= setting.minimum
            assert setting.maximum is None or setting.default <= setting.maximum


@every_rail
def test_settings_faults_name_declared_fields(name: str) -> None:
    rail = registry.get_rail(name)
    declared = {setting.name for setting in rail.settings}

    for settings in ({}, _defaults(name)):
        for field, message in rail.check_settings(settings):
            assert field in declared
            assert message


@every_rail
def test_the_live_provider_is_reached_over_https(name: str) -> None:
    rail = registry.get_rail(name)

    assert rail.provider_url(_defaults(name), livemode=True).startswith("https://")


_header_names = st.sampled_from(
    ["authorization", "content-type", "x-sepay-timestamp", "x-sepay-signature", "stripe-signature"]
)


@every_rail
@given(
    headers=st.dictionaries(_header_names, st.text(max_size=80)),
    query=st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=5),
    body=st.binary(max_size=300),
)
def test_a_rail_without_secrets_refuses_every_notice(
    name: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> None:
    rail = registry.get_rail(name)

    answer = rail.read_hook(headers, query, body, _unconfigured(name), NOW)

    assert isinstance(answer, Refusal)
    assert answer.reason
    assert isinstance(rail.refuse(answer), Answer | None)


@every_rail
@pytest.mark.parametrize("disposition", [None, "matched", "ignored", "repeated", "unreadable"])
def test_every_receipt_has_an_answer(name: str, disposition: str | None) -> None:
    rail = registry.get_rail(name)

    stored = rail.acknowledge([Receipt(stored=True, disposition=disposition)])
    lost = rail.acknowledge([Receipt(stored=False)])

    assert isinstance(stored, Answer)
    assert isinstance(lost, Answer)
    assert registry.get_fake(name).accepted(stored.status, stored.body)
    assert not registry.get_fake(name).accepted(lost.status, lost.body)


@every_rail
def test_retry_waits_are_minutes_in_order(name: str) -> None:
    waits = registry.get_fake(name).retry_minutes

    assert all(wait >= 1 for wait in waits)
    assert list(waits) == sorted(waits)


@every_rail
def test_a_rail_sees_no_database_request_or_template(name: str) -> None:
    folder = Path(next(iter(rails.__path__))) / name

    for file in folder.glob("*.py"):
        for imported in _imports_of(file):
            assert imported.split(".")[0] not in FORBIDDEN_IMPORTS, file
            if imported.startswith("checkout."):
                own = (
                    *(f"checkout.rails.{name}", "checkout.rails.base", "checkout.rails.emv"),
                    "checkout.core.",
                )
                assert imported.startswith(own), file
                assert imported not in ("checkout.core.db", "checkout.core.models"), file


@every_rail
def test_a_rail_has_a_readme(name: str) -> None:
    folder = Path(next(iter(rails.__path__))) / name

    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")


def _imports_of(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found
