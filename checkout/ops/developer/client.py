"""The public API as a developer's own program calls it; troubles say what to do next."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from checkout.core.http import HttpAnswer, OutsideError, send

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 32 * 1024 * 1024
LONGEST_WAIT_SECONDS = 60
PATIENCE = 3
"""So often a call waits when it is told to come more slowly."""

AWAY = ("connect_failed", "timeout", "broken_answer")


class Trouble(click.ClickException):
    """One line for the person at the keyboard: what is wrong and what to do."""


class Away(Trouble):
    """There is no answer now; there may be one later."""


@dataclass(frozen=True, slots=True)
class Api:
    """One installation, with one secret key."""

    url: str
    """Without a slash at the end."""
    key: str
    wait: Callable[[float], None] = time.sleep

    @property
    def is_live(self) -> bool:
        return self.key.startswith("sk_live_")

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """A GET below /api/v1; parameters that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path + (f"?{urlencode(given)}" if given else ""), None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A POST below /api/v1. Raises Trouble for every answer that is no success."""
        return self._call("POST", path, body)

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All of a list, newest first, fetched page by page as it is read."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["data"]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                return

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        for _ in range(PATIENCE):
            answer = self._send(method, path, body)
            if answer.status != 429:
                break
            # The shop's own calls share this key's limit, so its word is followed.
            self.wait(_seconds(answer.headers.get("retry-after")))
        return self._read(answer)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> HttpAnswer:
        try:
            return send(
                method,
                f"{self.url}/api/v1{path}",
                headers={
                    "Authorization": f"Bearer {self.key}",
                    "Content-Type": "application/json",
                    "User-Agent": "Checkout-Developer/1",
                },
                body=None if body is None else json.dumps(body).encode(),
                timeout_seconds=TIMEOUT_SECONDS,
                vet=False,
                max_bytes=MAX_BYTES,
            )
        except OutsideError as error:
            if error.kind in AWAY:
                raise Away(
                    f"Nothing answers at {self.url} ({error.message}): start bin/run, or say"
                    " where it is with --url."
                ) from None
            raise Trouble(f"{self.url} cannot be called: {error.message}. Check --url.") from None

    def _read(self, answer: HttpAnswer) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            kind = Away if answer.status >= 500 else Trouble
            raise kind(f"{self.url} answers {answer.status} without JSON: is --url right?")
        if answer.status < 300:
            return found
        raise _refused(answer.status, found.get("error", {}))


def _refused(status: int, error: Mapping[str, Any]) -> Trouble:
    code, message = error.get("code", status), error.get("message", "")
    if status == 401:
        return Trouble(f"{message} Give a secret key with --key; bin/run's is in var/demo.json.")
    where = f" (request {error['request_id']})" if error.get("request_id") else ""
    kind = Away if status >= 500 or status == 429 else Trouble
    return kind(f"{code}: {message}{where}")


def _seconds(text: str | None) -> float:
    return min(LONGEST_WAIT_SECONDS, int(text)) if text and text.isdigit() else 1.0


def connect(url: str | None, key: str | None, var_dir: Path) -> Api:
    """The installation that is meant: what was said, else the demo that bin/run made.

    Raises Trouble where there is neither.
    """
    demo = _read_demo(var_dir / "demo.json") if url is None or key is None else {}
    found_key = key or demo.get("secret_key")
    found_url = url or demo.get("base_url")
    if not found_key or not found_url:
        raise Trouble(f"There is no {var_dir}/demo.json: start bin/run, or give --url and --key.")
    if not found_key.startswith("sk_"):
        raise Trouble("This is no secret key: it begins with sk_test_ or sk_live_.")
    if not found_url.startswith(("http://", "https://")):
        raise Trouble("--url begins with http:// or https://, such as http://127.0.0.1:8000.")
    return Api(found_url.rstrip("/"), found_key)


def _read_demo(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
