"""The compose file and the image, as far as they can be checked without an engine."""

from __future__ import annotations

import re

import pytest
import yaml

from checkout.core.config import Config, load_config
from tests.support.source import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("migrate", "web", "worker", "scheduler")
SETTINGS = dict(
    re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
)
"""Each setting that README.md explains, with what it says of the default."""
OF_THE_IMAGE = {"CHECKOUT_VAR", "BIND"}
OF_BIN_RUN = {"PORT", "HOST"}
FIXED = {"CHECKOUT_ENV", "DATABASE_URL", "REDIS_URL", "SELF_URL"}
"""Where the containers find each other is not for `.env`."""
FIELDS = {"CHECKOUT_ENV": "environment", "CHECKOUT_VAR": "var_dir"}
"""Settings that the configuration calls something else than their name in small letters."""
SERVED = {"WEB_PROCESSES", "BIND", "HEADER_SECONDS", "BODY_SECONDS", "PORT", "HOST"}
"""What the web server and `bin/run` read themselves."""


def test_every_lasting_service_has_a_health_check():
    lasting = set(COMPOSE["services"]) - {"migrate"}
    assert {name for name in lasting if "healthcheck" not in COMPOSE["services"][name]} == set()


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_the_containers(name):
    environment = COMPOSE["services"][name]["environment"]

    assert set(environment) == set(SETTINGS) - OF_THE_IMAGE - OF_BIN_RUN
    for setting in set(environment) - FIXED:
        assert environment[setting].startswith("${" + setting + ":"), setting
    assert environment["CHECKOUT_ENV"] == "production"
    for secret in ("SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_URL"):
        assert environment[secret].startswith("${" + secret + ":?")
    for setting in OF_THE_IMAGE:
        assert re.search(rf"\b{setting}=", DOCKERFILE)


def test_what_is_not_set_is_as_the_readme_says():
    environment = COMPOSE["services"]["web"]["environment"]
    for setting in set(environment) - FIXED:
        found = re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", environment[setting])
        if found is None:
            continue
        said = re.findall(r"`([^`]+)`", SETTINGS[setting]) or [""]
        # One default, or another one that is said to be the compose file's.
        assert found[1] == said[-1], setting
        assert len(said) == 1 or "compose" in SETTINGS[setting]


def test_the_configuration_has_the_settings_and_defaults_that_the_readme_explains():
    plain = load_config({"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"})
    fields = {FIELDS.get(name, name.lower()): name for name in set(SETTINGS) - SERVED}

    assert set(fields) == set(Config.__dataclass_fields__)
    for field, name in fields.items():
        said = re.match(r"`([^`]+)`", SETTINGS[name])
        if said is not None and said[1] not in SETTINGS:
            assert str(getattr(plain, field)) == said[1], name


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
