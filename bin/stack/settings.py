"""The settings of a development installation: secrets made once, addresses of the parts."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

ENVIRON = "environ.json"


def make_secrets(var_dir: Path) -> dict[str, str]:
    """The secrets kept in `secrets.env` (mode 0600), made on the first start."""
    path = var_dir / "secrets.env"
    if not path.exists():
        lines = [
            f"SECRET_KEY={secrets.token_urlsafe(48)}",
            f"ENCRYPTION_KEYS=k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            f"METRICS_TOKEN={secrets.token_urlsafe(32)}",
        ]
        _write_private(path, "\n".join(lines) + "\n")
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def make_environ(
    *, var_dir: Path, bind: str, url: str, database_url: str, redis_url: str
) -> dict[str, str]:
    """What the product's processes get; what the person has set in the environment wins."""
    defaults = {
        "CHECKOUT_ENV": "development",
        "PUBLIC_URL": url,
        "SELF_URL": url,
        # The demo shop and its webhook receiver live on this machine.
        "PRIVATE_TARGETS": "127.0.0.0/8,localhost",
        # Memory freed after a peak goes back to the system instead of staying in arenas.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }
    fixed = {
        "CHECKOUT_VAR": str(var_dir),
        "BIND": bind,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FLASK_APP": "wsgi",
        "PYTHONUNBUFFERED": "1",
    }
    return defaults | make_secrets(var_dir) | dict(os.environ) | fixed


def write_environ(var_dir: Path, environ: Mapping[str, str]) -> None:
    """Keep what differs from the person's own environment, for commands beside the processes."""
    ours = {name: value for name, value in environ.items() if os.environ.get(name) != value}
    path = var_dir / ENVIRON
    path.unlink(missing_ok=True)
    _write_private(path, json.dumps(ours, indent=2) + "\n")


def read_environ(var_dir: Path) -> dict[str, str] | None:
    """What the last start kept; None where there was none."""
    try:
        environ: dict[str, str] = json.loads((var_dir / ENVIRON).read_text())
    except FileNotFoundError:
        return None
    return environ


def _write_private(path: Path, text: str) -> None:
    """Nobody else may read it, not even for the moment between making and closing it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
