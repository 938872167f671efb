"""Requests as Werkzeug reads them, with one gap closed: raw bytes in an address."""

from __future__ import annotations

import re
from typing import Any

import flask

RAW = re.compile(rb"[\x80-\xff]")


class Request(flask.Request):
    """A request whose query can always be read.

    Addresses are ASCII, and browsers see to it. Whatever else comes is escaped here as a browser
    would have done it, and then read like everything that is escaped; as raw bytes it would
    crash whoever asks for a parameter, also the page that tells of the crash.
    """

    def __init__(self, environ: Any, populate_request: bool = True, shallow: bool = False) -> None:
        super().__init__(environ, populate_request, shallow)
        self.query_string = RAW.sub(_escape, self.query_string)


def _escape(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]
