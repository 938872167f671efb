"""Reading a notice's body in the three forms that SePay can be told to send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

FIELDS_LIMIT = 100


def read_fields(body: bytes, content_type: str) -> dict[str, object] | None:
    """The notice's fields, or None where the body is not a notice in any known form.

    Form fields are text. JSON fractions are text too: money never becomes a binary float.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return dict(_read_multipart(body, content_type)) or None
    if kind == "application/x-www-form-urlencoded":
        return dict(_read_form(body)) or None
    return _read_json(body)


def _read_json(body: bytes) -> dict[str, object] | None:
    # A memo with a broken character must not stop money: bytes are decoded leniently.
    text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_form(body: bytes) -> Iterator[tuple[str, object]]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT
        )
    except ValueError:
        return
    yield from pairs


def _read_multipart(body: bytes, content_type: str) -> Iterator[tuple[str, object]]:
    boundary = re.search(r'boundary="?([^";,\s]{1,70})"?', content_type, re.IGNORECASE)
    if boundary is None:
        return
    delimiter = b"--" + boundary[1].encode("utf-8", "replace")
    for part in body.split(delimiter, FIELDS_LIMIT)[1:]:
        head, blank_line, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'[;\s]name="([^"\r\n]{1,64})"', head)
        if name is not None and blank_line:
            text = value.removesuffix(b"\r\n").decode("utf-8", "replace")
            yield name[1].decode("utf-8", "replace"), text
