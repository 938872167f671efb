"""Each operation's example as a command for a shell."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

CREDENTIALS = {
    "bearer": "sk_test_…",
    "publishable": "pk_test_…",
    "user": "at_…",
}
"""What stands for the caller's own key or token, by security scheme."""

IDEMPOTENCY_KEY = "BK-2031-1"


def add_samples(paths: dict[str, dict[str, Any]], base_url: str) -> None:
    """Give every operation of the document its `x-codeSamples`."""
    for path, methods in paths.items():
        for method, told in methods.items():
            source = write_sample(base_url, path, method, told)
            told["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": source}]


def write_sample(base_url: str, path: str, method: str, told: dict[str, Any]) -> str:
    """The example of one operation of the document, every part quoted for a shell."""
    url = base_url + _fill(path, told["parameters"])
    verb = "" if method == "get" else f"-X {method.upper()} "
    parts = [f"curl {verb}{shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(header)}" for header in _headers(told)]
    body = _body(told)
    if body is not None:
        parts.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}")
    return " \\\n  ".join(parts)


def _fill(path: str, parameters: list[dict[str, Any]]) -> str:
    """The path with its arguments, and the parameters that must be there."""
    query = {}
    for parameter in parameters:
        if parameter["in"] == "path":
            name, value = parameter["name"], quote(str(parameter["example"]))
            path = path.replace(f"{{{name}}}", value)
        elif parameter["in"] == "query" and parameter.get("required"):
            query[parameter["name"]] = parameter["example"]
    return f"{path}?{urlencode(query)}" if query else path


def _headers(told: dict[str, Any]) -> list[str]:
    headers = []
    schemes = told.get("security", [{"bearer": []}])
    if schemes:
        headers.append(f"Authorization: Bearer {CREDENTIALS[next(iter(schemes[0]))]}")
    names = {parameter["name"] for parameter in told["parameters"]}
    if "X-Mode" in names:
        headers.append("X-Mode: test")
    if _body(told) is not None:
        headers.append("Content-Type: application/json")
    if "Idempotency-Key" in names:
        headers.append(f"Idempotency-Key: {IDEMPOTENCY_KEY}")
    return headers


def _body(told: dict[str, Any]) -> Any:
    content = told.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")
