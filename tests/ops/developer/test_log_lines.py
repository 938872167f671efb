from __future__ import annotations

import json

import pytest

from checkout.ops.developer.log_lines import TAIL_BYTES, find_files, parse, read_last


@pytest.fixture
def logs(tmp_path):
    """`logs("web", line, …)` appends to that process's log."""
    (tmp_path / "log").mkdir()

    def write(process: str, *lines: object) -> None:
        with (tmp_path / "log" / f"{process}.log").open("a") as file:
            for line in lines:
                file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")

    write.folder = tmp_path / "log"
    return write


def line(at: str, event: str, level: str = "info", **fields: object) -> dict[str, object]:
    return {"at": f"2026-11-21T08:00:{at}.000+00:00", "level": level, "event": event, **fields}


def test_all_processes_in_the_order_of_time(logs):
    logs("web", "a word before", line("01", "one", path="/pay"), "its own words", line("03", "c"))
    logs("worker", line("02", "two", "error", trace=["file.py:1 run"], error="KeyError"))

    found = read_last(find_files(logs.folder), 4)

    assert [(item.process, (item.fields or {}).get("event", item.text)) for item in found] == [
        ("web", "one"),
        ("web", "its own words"),
        ("worker", "two"),
        ("web", "c"),
    ]
    assert "08:00:01.000" in found[0].shown()
    assert "path=/pay" in found[0].shown()
    assert found[2].is_trouble
    assert "file.py:1 run" in found[2].shown()


def test_only_whole_lines_and_files_begun_anew(logs):
    logs("web", line("01", "one"))
    (file,) = find_files(logs.folder)
    file.read_tail()
    path = logs.folder / "web.log"
    with path.open("a") as half:
        half.write('{"event":')
    assert file.read_new() == []
    with path.open("a") as half:
        half.write('"two"}\n')
    assert [item.fields for item in parse(file, file.read_new())] == [{"event": "two"}]

    path.write_text('{"event":"three"}\n')

    assert [item.fields for item in parse(file, file.read_new())] == [{"event": "three"}]


def test_a_large_file_is_read_from_near_its_end(logs):
    logs("web", *(line("01", "x" * 100) for _ in range(5_000)), line("02", "last"))
    (file,) = find_files(logs.folder)

    found = list(parse(file, file.read_tail()))

    assert sum(len(item.text) for item in found) < TAIL_BYTES
    assert all(item.fields for item in found)
    assert found[-1].fields["event"] == "last"


def test_the_command(desk, logs):
    (desk.var_dir / "log").symlink_to(logs.folder)
    logs("web", line("01", "quiet"), line("02", "loud", "warning"))

    assert "quiet" in desk.run("logs", "tail", "--no-follow").output
    only = desk.run("logs", "tail", "--no-follow", "--trouble").output
    assert "loud" in only
    assert "quiet" not in only
