"""Reading what callers send: strict JSON, strict queries, one stable code per mistake."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, TypeVar, get_args

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core.core_schema import ErrorType

from checkout.core.errors import Problem, invalid

MAX_DEPTH = 16
MAX_INTEGER = 2**63 - 1

Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """Base of every request body: no unknown field, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """Base of every query: no unknown parameter. Values are texts; fields convert them."""

    model_config = ConfigDict(extra="forbid")


def read_body(model: type[Model], raw: bytes) -> Model:
    """The request's JSON as a model; raises a Problem that names the field."""
    return validate(model, read_json(raw) if raw else {})


def read_query(model: type[Model] | None) -> Model | None:
    """The request's query as a model; without a model any parameter is refused."""
    if not request.query_string:
        return None if model is None else validate(model, {})
    values: dict[str, str] = {}
    for name, value in request.args.items(multi=True):
        if "\x00" in value:
            raise _invalid_string(name.replace("\x00", ""))
        if name in values:
            raise invalid("invalid_value", "This parameter was given more than once.", name)
        values[name] = value
    if model is not None:
        return validate(model, values)
    for name in values:
        raise invalid("unknown_field", "This parameter is not known.", _shown(name))
    return None


def read_json(raw: bytes) -> Any:
    """Parse a body that says it is JSON; raises `unsupported_media_type` or `invalid_json`."""
    if request.mimetype != "application/json":
        raise invalid(
            "unsupported_media_type", "The body must be sent as application/json.", status=415
        )
    try:
        value = _parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _invalid_json("The body is not valid UTF-8.") from None
    except RecursionError:
        raise _invalid_json("The body is nested too deeply.") from None
    if not isinstance(value, dict):
        raise _invalid_json("The body must be a JSON object.")
    # NUL and lone surrogates can only come as \u escapes, and depth needs brackets, so a
    # plain body is not walked.
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        check_value(value, "", 0)
    return value


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_float, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise _invalid_json(f"The body is not valid JSON: {error.msg}.") from None
    except ValueError:
        # Python refuses integers of more than 4300 digits. Cut, they are still far too large
        # for any field, and the check that refuses them can name it.
        value = json.loads(text, object_pairs_hook=_object, parse_int=_cut, parse_float=_float)
        check_value(value, "", 0)
        return value


def _cut(text: str) -> int:
    return int(text[:4000])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid("invalid_json", "A field was given twice.", _shown(twice), status=400)
    return value


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _invalid_json("A number is too large.")
    return number


def _constant(text: str) -> Any:
    raise _invalid_json(f"{text} is not JSON.")


def check_value(value: Any, path: str, depth: int) -> None:
    """Refuse what a database or a reader cannot hold, naming the field it is in."""
    if depth > MAX_DEPTH:
        raise invalid("invalid_value", "This is nested too deeply.", path)
    if isinstance(value, str):
        _check_string(value, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_string(name, path)
            check_value(item, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_value(item, f"{path}.{index}", depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise invalid("invalid_value", "This number is too large.", path)


def _check_string(value: str, path: str) -> None:
    if "\x00" in value or not _encodes(value):
        raise _invalid_string(path)


def _encodes(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def validate(model: type[Model], value: Any) -> Model:
    """Build the model; raises a Problem with this product's code for the first mistake."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise as_problem(error) from None


def as_problem(error: ValidationError) -> Problem:
    """One mistake as the API tells it. A custom error's type is its code."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind = first["type"]
    path = [str(part) for part in first["loc"] if not str(part).startswith("function-")]
    context = first.get("ctx", {})
    param = str(context.get("param") or ".".join(path)) or None
    code = CODES.get(kind)
    if code is None:
        if kind not in _pydantic_kinds():
            code = kind
        else:
            code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    return invalid(code, first["msg"].removeprefix("Value error, ") + ".", _shown(param))


CODES = {
    "missing": "missing_required_field",
    "extra_forbidden": "unknown_field",
    "string_too_long": "value_too_long",
    "string_too_short": "value_too_short",
    "too_long": "value_too_long",
    "too_short": "value_too_short",
    "int_from_float": "invalid_type",
    "bool_parsing": "invalid_value",
}


@cache
def _pydantic_kinds() -> frozenset[str]:
    return frozenset(get_args(ErrorType))


def _shown(name: str | None) -> str | None:
    """A name from outside, short and printable enough to be repeated in an answer."""
    if name is None:
        return None
    return "".join(letter for letter in name if letter.isprintable())[:200]


def _invalid_json(message: str) -> Problem:
    return invalid("invalid_json", message, status=400)


def _invalid_string(param: str) -> Problem:
    return invalid(
        "invalid_string",
        "This text holds a character that cannot be stored.",
        _shown(param.encode("utf-8", "replace").decode()) or None,
    )
