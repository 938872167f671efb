"""The answers of a provider in trouble, down to the connection that is cut."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, request

from checkout.payments.faults import Fault

SILENT_SECONDS = 60.0
"""Whoever waits longer than this has no deadline; the connection is cut."""
DRIP_SECONDS = 1.0
RETRY_AFTER_SECONDS = 2
HUGE_BYTES = 100_000_000
_BLOCK = b"0123456789abcdef" * 4096
_HTML = "<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"


def answer_badly(fault: Fault, response: Response) -> Response:
    """What the caller gets; `response` is the fake's own answer where it did its work."""
    make = _INSTEAD.get(fault)
    return make() if make is not None else _spoil(fault, response.get_data())


def _spoil(fault: Fault, body: bytes) -> Response:
    """The fake's own answer, which says that all is well, damaged on its way."""
    if fault == "drip":
        return _stream(_drip(body), len(body))
    if fault == "half_json":
        return Response(body[: len(body) // 2], content_type="application/json")
    try:
        value = json.loads(body)
    except ValueError:
        value = body.decode(errors="replace")
    spoilt = [value] if fault == "wrong_shape" else mistype(value)
    return Response(json.dumps(spoilt), content_type="application/json")


def mistype(value: Any) -> Any:
    """The same names with values of other kinds: numbers in objects, texts in lists."""
    if isinstance(value, dict):
        return {name: mistype(one) for name, one in value.items()}
    if isinstance(value, list):
        return {str(number): mistype(one) for number, one in enumerate(value)}
    if isinstance(value, str):
        return [value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"value": value}
    return 0


def _cut() -> Response:
    connection = _connection()
    if connection is not None:
        with contextlib.suppress(OSError):
            # Nothing can be written any more, so the server gives the connection up.
            connection.shutdown(socket.SHUT_RDWR)
    return Response(status=502)


def _stay_silent() -> Response:
    connection = _connection()
    if connection is not None:
        # Nobody speaks now: whatever can be read is the caller's farewell.
        connection.settimeout(SILENT_SECONDS)
        with contextlib.suppress(OSError):
            connection.recv(1, socket.MSG_PEEK)
    return _cut()


def _connection() -> socket.socket | None:
    """The caller's connection; the test client has none."""
    environ = request.environ
    found: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return found


def _stream(parts: Iterator[bytes], length: int) -> Response:
    # The length is told, so that an answer that breaks off is known to be cut.
    response = Response(parts, content_type="application/json")
    response.headers["Content-Length"] = str(length)
    return response


def _huge() -> Iterator[bytes]:
    opening = b'{"data":"'
    yield opening
    left = HUGE_BYTES - len(opening) - 2
    while left > 0:
        yield _BLOCK[:left]
        left -= len(_BLOCK)
    yield b'"}'


def _drip(body: bytes) -> Iterator[bytes]:
    for number in range(len(body)):
        yield body[number : number + 1]
        time.sleep(DRIP_SECONDS)


def _be_busy() -> Response:
    response = Response(
        b'{"message":"Too many requests"}', status=429, content_type="application/json"
    )
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


_INSTEAD: dict[Fault, Callable[[], Response]] = {
    "refuse": _cut,
    "answer_lost": _cut,
    "silent": _stay_silent,
    "error_401": lambda: Response(_HTML, status=401),
    "error_500": lambda: Response(_HTML, status=500),
    "error_502": lambda: Response(_HTML, status=502),
    "rate_limited": _be_busy,
    "html": lambda: Response(_HTML),
    "nothing": lambda: Response(b""),
    "huge": lambda: _stream(_huge(), HUGE_BYTES),
}
