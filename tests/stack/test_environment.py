from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bin.stack import environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_with_hashes_and_name_no_host(name):
    text = (ROOT / name).read_text()
    pins = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert pins
    assert all("==" in pin for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert not re.search(r"https?://|file:|--index|--find-links", text)


def test_the_development_lock_holds_the_same_versions():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_an_installed_lock_is_not_installed_again(monkeypatch, tmp_path):
    installed: list[str] = []
    (tmp_path / "some.lock").write_text("one==1")
    (tmp_path / "venv").mkdir()
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr(environment, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(
        environment, "_install_with_uv", lambda lock, log: installed.append(lock) or 0
    )

    environment.prepare_environment(["some.lock"])
    environment.prepare_environment(["some.lock"])
    assert installed == ["some.lock"]

    (tmp_path / "some.lock").write_text("one==2")
    environment.prepare_environment(["some.lock"])
    assert installed == ["some.lock", "some.lock"]


def test_pip_takes_over_when_uv_fails(monkeypatch, tmp_path):
    (tmp_path / "some.lock").write_text("one==1")
    (tmp_path / "venv").mkdir()
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr(environment, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(environment, "_install_with_uv", lambda lock, log: 1)
    used: list[str] = []
    monkeypatch.setattr(environment, "_install_with_pip", lambda lock, log: used.append(lock) or 0)

    environment.prepare_environment(["some.lock"])

    assert used == ["some.lock"]


def test_too_old_a_python_is_said_in_one_line(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in ("python3.11", "python3.12", "python3.13", "python3.14"):
        (tmp_path / name).symlink_to(old)
    answer = subprocess.run(
        ["/bin/sh", "-c", f". {ROOT}/bin/stack/python.sh"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "3.11" in answer.stderr
