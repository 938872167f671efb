"""The settings tests run with."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from checkout.core.config import Config, load_config


def make_environ(
    *, database_url: str, redis_url: str, url: str = "http://127.0.0.1:8000", var_dir: str = "var"
) -> dict[str, str]:
    """The variables of a test installation whose only outside world is this machine."""
    return {
        "CHECKOUT_ENV": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a-key-for-tests-that-is-long-enough-0123456789",
        "ENCRYPTION_KEYS": "t1:" + base64.b64encode(bytes(range(32))).decode(),
        "PUBLIC_URL": url,
        "SELF_URL": url,
        "PRIVATE_TARGETS": "127.0.0.0/8,localhost",
        "METRICS_TOKEN": "metrics-token-for-tests",
        "LOG_LEVEL": "WARNING",
        "CHECKOUT_VAR": var_dir,
        "DATABASE_POOL": "10",
    }


def make_config(
    *,
    database_url: str,
    redis_url: str,
    var_dir: Path = Path("var"),
    changes: Mapping[str, str] | None = None,
) -> Config:
    """The same as the product's settings object."""
    environ = make_environ(database_url=database_url, redis_url=redis_url, var_dir=str(var_dir))
    return load_config(environ | dict(changes or {}))
