"""Log lines: one JSON object each, a constant name and ids as fields, never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from flask import g, has_app_context

from checkout.core.config import Config

logger = logging.getLogger("checkout")

WORD = re.compile(r"[a-z0-9._-]{1,24}")


class JsonLines(logging.Formatter):
    """A record's name is its message; fields come in `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            # Where it happened, without the values in it: they may be a customer's.
            line["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


def init_logs(config: Config) -> None:
    """Send this project's log lines to standard error, once a process."""
    logger.setLevel(config.log_level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logger.addHandler(handler)
        logger.propagate = config.environment == "test"


def log(name: str, /, level: int = logging.INFO, exc_info: Any = None, **fields: Any) -> None:
    """Write one line with a constant name; the request's id is added by itself."""
    if not logger.isEnabledFor(level):
        return
    if has_app_context() and "request_id" in g:
        fields.setdefault("request_id", g.request_id)
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info:
        exc_info = sys.exc_info()
    # Made by hand: the logger would walk the stack to find a file name that nobody reads.
    record = logging.LogRecord(logger.name, level, "", 0, name, None, exc_info)
    record.fields = fields
    logger.handle(record)


def security_event(name: str, /, **fields: Any) -> None:
    """Something that an operator may want to count or block: a forged notice, a bad key."""
    log(name, logging.WARNING, security=True, **fields)


def mask_path(path: str) -> str:
    """A path that no route knows, without what might be a token or an address in it."""
    parts = path[:200].split("/")
    return "/".join(part if not part or WORD.fullmatch(part) else "*" for part in parts)
