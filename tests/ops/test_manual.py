"""The manuals name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from checkout.merchants.cli import read_changes
from tests.factories.books import read
from tests.factories.till import make_till, memo_of
from tests.support.source import python_files

MANUAL = Path("docs/operate.md").read_text()
MANUALS = [
    Path("README.md"),
    *sorted(Path("docs").rglob("*.md")),
    *sorted(Path("checkout").rglob("*.md")),
]


def test_every_log_line_that_it_names_is_written_somewhere():
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)*_(?:failed|renewed|crashed))`", MANUAL))
    sources = "\n".join(path.read_text() for path in python_files())

    assert len(named) > 4
    assert [name for name in sorted(named) if f'"{name}"' not in sources] == []


@pytest.mark.parametrize("path", MANUALS, ids=str)
def test_every_command_that_they_name_exists(app, path):
    named = set(re.findall(r"flask ([a-z]+)(?: ([a-z-]+))?", path.read_text()))

    for group, command in sorted(named):
        found = app.cli.commands.get(group)
        assert found is not None, group
        if command:
            assert command in found.commands, f"{group} {command}"


def test_the_manuals_that_name_commands_are_read():
    naming = [str(path) for path in MANUALS if "flask " in path.read_text()]

    assert {"README.md", "docs/integrate.md", "docs/operate.md"} <= set(naming)


def test_every_setting_that_they_set_can_be_set():
    texts = "\n".join(path.read_text() for path in MANUALS)
    words = re.findall(r"flask store set \S+ (\w+=[^\s`,]+)", texts)

    assert words
    for word in words:
        assert read_changes((word,))


def test_a_part_is_told_as_the_manual_shows(client):
    shown = json.loads(
        re.search(
            r"<!-- event: part -->\n```json\n(.*?)```",
            Path("docs/integrate.md").read_text(),
            re.DOTALL,
        )[1]
    )
    till = make_till(client)
    attempt = till.make_attempt(500_000, reference="order-2031")
    till.pay(memo_of(attempt), 200_000)

    told = json.loads(read("SELECT body FROM outbox ORDER BY id")[-1].body)

    assert told["type"] == shown["type"]
    assert shown["data"]["object"].items() <= told["data"]["object"].items()
    assert told["data"]["previous"] == shown["data"]["previous"]


def test_a_part_in_a_strict_store_is_told_as_the_manual_says(client):
    till = make_till(client, underpayment="fail")
    till.pay(memo_of(till.make_attempt(500_000)), 200_000)

    failed, held = (
        json.loads(row.body) for row in read("SELECT body FROM outbox ORDER BY id")[-2:]
    )

    assert failed["type"] == "payment.failed"
    assert failed["data"]["object"]["failure"]["code"] == "underpaid"
    assert held["type"] == "transfer.unmatched"


def test_a_surplus_is_told_as_the_manual_says(client):
    till = make_till(client)
    till.pay(memo_of(till.make_attempt(500_000)), 600_000)

    types = {row.type for row in read("SELECT type FROM outbox")}

    assert {"checkout.session.completed", "payment.completed", "transfer.unmatched"} <= types
