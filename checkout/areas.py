"""The areas of the business, in the order in which they may know each other.

What an area has is found by its files' names: `models.py` declares tables, `*_views.py` has a
`blueprint` (or a `register(app)` of its own), `cli.py` or `*_cli.py` has a command
`group`, and importing `jobs.py` or `*_jobs.py` registers background work.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from flask import Flask

AREAS = (
    "ledger",
    "merchants",
    "keys",
    "customers",
    "pages",
    "coupons",
    "sessions",
    "payments",
    "refunds",
    "wallets",
    "payouts",
    "subscriptions",
    "webhooks",
    "embed",
    "dashboard",
    "ops",
)

HERE = Path(__file__).parent


def import_models() -> None:
    """Import every table, so that migrations and the ORM see the whole schema."""
    importlib.import_module("checkout.core.models")
    for area in AREAS:
        if "models" in modules_of(area):
            importlib.import_module(f"checkout.{area}.models")


CORE_JOBS = ("audit", "dispatch", "idempotency", "mail")


def import_jobs() -> None:
    """Import every sweeper and periodic task: core's, and each area's `jobs.py`."""
    for name in CORE_JOBS:
        importlib.import_module(f"checkout.core.{name}")
    for area in AREAS:
        for name in modules_of(area):
            if name == "jobs" or name.endswith("_jobs"):
                importlib.import_module(f"checkout.{area}.{name}")


def register_areas(app: Flask) -> None:
    """Attach each area's views and commands, and import its background work."""
    for area in AREAS:
        for name in modules_of(area):
            if name in ("cli", "jobs") or name.endswith(("_views", "_cli", "_jobs")):
                _attach(app, importlib.import_module(f"checkout.{area}.{name}"))


def modules_of(area: str) -> list[str]:
    """The names of an area's modules, sorted; none while the area has no folder."""
    return sorted(found.name for found in pkgutil.iter_modules([str(HERE / area)]))


def _attach(app: Flask, module: ModuleType) -> None:
    if hasattr(module, "register"):
        module.register(app)
        return
    if hasattr(module, "blueprint"):
        app.register_blueprint(module.blueprint)
    if hasattr(module, "group"):
        app.cli.add_command(module.group)
    if hasattr(module, "init_app"):
        module.init_app(app)
