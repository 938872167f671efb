"""The operator's manual names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.source import python_files

MANUAL = Path("docs/operate.md").read_text()


def test_every_log_line_that_it_names_is_written_somewhere():
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)*_(?:failed|renewed|crashed))`", MANUAL))
    sources = "\n".join(path.read_text() for path in python_files())

    assert len(named) > 4
    assert [name for name in sorted(named) if f'"{name}"' not in sources] == []


def test_every_command_that_it_names_exists(app):
    named = set(re.findall(r"flask ([a-z]+)(?: ([a-z-]+))?", MANUAL))

    for group, command in sorted(named):
        found = app.cli.commands.get(group)
        assert found is not None, group
        if command:
            assert command in found.commands, f"{group} {command}"
