"""The compose file and the image, as far as they can be checked without an engine."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.support.source import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("migrate", "web", "worker", "scheduler")


def test_every_lasting_service_has_a_health_check():
    lasting = set(COMPOSE["services"]) - {"migrate"}
    assert {name for name in lasting if "healthcheck" not in COMPOSE["services"][name]} == set()


@pytest.mark.parametrize("name", OURS)
def test_settings_come_from_the_environment_and_are_explained(name):
    explained = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "README.md").read_text(), re.MULTILINE))
    environment = COMPOSE["services"][name]["environment"]
    assert set(environment) <= explained
    assert environment["CHECKOUT_ENV"] == "production"
    for secret in ("SECRET_KEY", "ENCRYPTION_KEYS"):
        assert environment[secret].startswith("${" + secret + ":?")


def test_nobody_starts_before_the_migration():
    for name in ("web", "worker", "scheduler"):
        needed = COMPOSE["services"][name]["depends_on"]
        assert needed["migrate"]["condition"] == "service_completed_successfully"


def test_the_image_is_not_run_by_root_and_holds_what_it_copies():
    assert re.search(r"^USER checkout$", DOCKERFILE, re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed
