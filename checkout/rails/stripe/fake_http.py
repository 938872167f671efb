"""How the pretend Stripe reads requests and words its answers and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from checkout.rails.base import Answer, Shelf

_NAME = re.compile(r"([a-z_0-9]+)((?:\[[^\[\]]*\])*)")
_MOST_LEVELS = 6


class ApiError(Exception):
    """What the pretend Stripe refuses, in Stripe's words."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {
            name: value
            for name, value in (
                ("code", code),
                ("message", message),
                ("param", param),
                ("type", kind),
            )
            if value is not None
        }


def read_form(body: bytes) -> dict[str, Any]:
    """A form's fields, nested as their brackets say. Raises ApiError."""
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError:
        raise ApiError(400, "The body is not a form") from None
    return nest(pairs)


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Pairs such as `line_items[0][quantity]` and 2 as nested dicts. Raises ApiError.

    Numbered names are dicts as well; `items_of` reads them as a list.
    """
    fields: dict[str, Any] = {}
    for name, value in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            raise ApiError(400, f"Invalid name: {name}", param=name)
        *parents, last = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        if len(parents) > _MOST_LEVELS:
            raise ApiError(400, "Too many levels", param=name)
        place = fields
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ApiError(400, f"Invalid name: {name}", param=name)
        place[last] = value
    return fields


def read_part(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A nested part of a form, empty where it is missing. Raises ApiError."""
    part = fields.get(name, {})
    if not isinstance(part, dict):
        raise ApiError(400, f"Invalid object: {name}", param=name)
    return part


def read_text(fields: Mapping[str, Any], name: str, *, longest: int = 5_000) -> str | None:
    """A text; None where the field is missing. Raises ApiError."""
    text = fields.get(name)
    if text is not None and (not isinstance(text, str) or len(text) > longest):
        raise ApiError(400, f"Invalid string: {name}", param=name)
    return text


def find(kind: str, key: str, shelf: Shelf) -> dict[str, Any] | None:
    """An object by its id; whatever could be none is not looked up."""
    return shelf.get(kind, key) if re.fullmatch(r"[a-z]{2,3}_[0-9a-z_]{1,60}", key) else None


def items_of(value: object) -> list[Any]:
    """The items of a numbered field, in order."""
    return list(value.values()) if isinstance(value, Mapping) else []


def read_integer(fields: Mapping[str, Any], name: str, param: str | None = None) -> int | None:
    """A whole number; None where the field is missing. Raises ApiError."""
    text = fields.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise ApiError(
            400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=param or name
        )
    return int(text)


def read_metadata(fields: Mapping[str, Any]) -> dict[str, str]:
    """The `metadata` of a form, within Stripe's limits. Raises ApiError."""
    noted = read_part(fields, "metadata")
    if len(noted) > 50:
        raise ApiError(400, "Invalid metadata", param="metadata")
    for name, value in noted.items():
        if not isinstance(value, str) or len(name) > 40 or len(value) > 500:
            raise ApiError(400, "Invalid metadata", param=f"metadata[{name}]")
    return dict(noted)


def refuse_unknown(fields: Mapping[str, Any], known: Iterable[str]) -> None:
    """Stripe refuses parameters that it does not know. Raises ApiError."""
    for name in fields.keys() - set(known):
        raise ApiError(
            400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name
        )


def answer(status: int, body: Mapping[str, Any], number: int, **headers: str) -> Answer:
    """A JSON answer; `number` makes its request id."""
    return Answer(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode(),
        headers={"Request-Id": f"req_{number:014d}", **headers},
    )
