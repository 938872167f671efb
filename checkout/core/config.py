"""Every setting, read once from the environment."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

DEVELOPMENT_SECRET = "development-only-secret-key-never-for-production"  # noqa: S105 - refused in production
DEVELOPMENT_KEY = "dev:" + base64.b64encode(b"development-only-key-32-bytes-ok").decode()

Environment = Literal["development", "production", "test"]


class ConfigError(Exception):
    """A setting is missing or wrong; the message names the variable and what to do."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says. Durations and sizes carry their unit in the name."""

    environment: Environment
    database_url: str
    redis_url: str
    secret_key: str
    encryption_keys: tuple[tuple[str, bytes], ...]
    """(key id, 32 bytes); the first seals, all of them open."""
    public_url: str
    """The address that shoppers and merchants use, without a trailing slash."""
    self_url: str
    """The address at which this installation reaches its own web process."""
    trusted_proxies: int = 0
    private_targets: tuple[str, ...] = ()
    smtp_url: str = ""
    mail_from: str = ""
    metrics_token: str = ""
    log_level: str = "INFO"
    var_dir: Path = field(default_factory=lambda: Path("var"))
    database_pool: int = 40
    worker_threads: int = 32
    raw_retention_days: int = 400
    """For so long providers' notices can be read as they came."""

    @property
    def is_https(self) -> bool:
        """Whether browsers come by https. The request does not tell: a proxy has ended TLS."""
        return self.public_url.startswith("https://")


def load_config(environ: Mapping[str, str]) -> Config:
    """Read the settings; raises ConfigError with one line that says what to set."""
    environment = environ.get("CHECKOUT_ENV", "development")
    if environment not in ("development", "production", "test"):
        raise ConfigError("CHECKOUT_ENV must be development, production or test")
    production = environment == "production"
    public_url = _url(environ, "PUBLIC_URL", "" if production else "http://127.0.0.1:8000")
    config = Config(
        environment=environment,  # type: ignore[arg-type]  # checked two lines above
        database_url=_database_url(_required(environ, "DATABASE_URL")),
        redis_url=_required(environ, "REDIS_URL"),
        secret_key=environ.get("SECRET_KEY") or ("" if production else DEVELOPMENT_SECRET),
        encryption_keys=_keys(
            environ.get("ENCRYPTION_KEYS") or ("" if production else DEVELOPMENT_KEY)
        ),
        public_url=public_url,
        self_url=_url(environ, "SELF_URL", public_url),
        trusted_proxies=_number(environ, "TRUSTED_PROXIES", 0, 0, 5),
        private_targets=_words(environ.get("PRIVATE_TARGETS", "")),
        smtp_url=environ.get("SMTP_URL", ""),
        mail_from=environ.get("MAIL_FROM", ""),
        metrics_token=environ.get("METRICS_TOKEN", ""),
        log_level=environ.get("LOG_LEVEL", "INFO").upper(),
        var_dir=Path(environ.get("CHECKOUT_VAR", "var")),
        database_pool=_number(environ, "DATABASE_POOL", 40, 2, 200),
        worker_threads=_number(environ, "WORKER_THREADS", 32, 1, 256),
        raw_retention_days=_number(environ, "RAW_RETENTION_DAYS", 400, 1, 36_500),
    )
    if production:
        _refuse_defaults(config)
    return config


def config() -> Config:
    """The settings of the running application."""
    from flask import current_app  # noqa: PLC0415 - the scheduler runs without Flask

    settings: Config = current_app.extensions["checkout_config"]
    return settings


def _refuse_defaults(config: Config) -> None:
    """Production never starts on a secret that everybody can read in the source."""
    if len(config.secret_key) < 32 or config.secret_key == DEVELOPMENT_SECRET:
        raise ConfigError("SECRET_KEY must be set to at least 32 random characters")
    if not config.encryption_keys or config.encryption_keys == _keys(DEVELOPMENT_KEY):
        raise ConfigError("ENCRYPTION_KEYS must be set, as id:base64 of 32 random bytes")
    if not config.is_https:
        raise ConfigError("PUBLIC_URL must be the https address that shoppers use")


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigError(f"{name} is not set")
    return value


def _database_url(url: str) -> str:
    """Any spelling of a PostgreSQL address, with the driver this project uses."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ConfigError("DATABASE_URL must be a postgresql:// address")
    return f"postgresql+psycopg://{rest}"


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    url = environ.get(name, default).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
        raise ConfigError(f"{name} must be an address such as https://pay.example.com")
    return url


def _keys(text: str) -> tuple[tuple[str, bytes], ...]:
    keys = []
    for item in _words(text):
        name, separator, encoded = item.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not separator or not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", name) or len(key) != 32:
            raise ConfigError("ENCRYPTION_KEYS must be id:base64 of 32 bytes, comma-separated")
        keys.append((name, key))
    return tuple(keys)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}")
    return int(text)
