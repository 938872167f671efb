"""The OpenAPI document as tables that a page can show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkout.core.codes import CODES

METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True, slots=True)
class Line:
    """One field or parameter."""

    name: str
    type: str
    link: str | None
    """The name of the object it is, where that has a table of its own."""
    required: bool
    note: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back when all is well."""

    status: str
    link: str | None
    """The object's name."""
    kinds: list[str]
    """Its media types, where it is not JSON."""
    example: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Line]
    body: str | None
    sample: str
    """The example as a command."""
    answers: list[Answer]
    codes: list[str]
    """The errors of its own."""
    usual: list[str]
    """Those that most operations have."""
    callers: list[str]
    """Who may call it, a sentence each."""
    repeats: bool
    """Whether it takes an Idempotency-Key."""


def show_operations(document: dict[str, Any]) -> dict[str, list[Shown]]:
    """Tag → operations, in the document's order."""
    shown: dict[str, list[Shown]] = {}
    usual = _usual_codes(document)
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                told = methods[method]
                shown.setdefault(told["tags"][0], []).append(_operation(path, method, told, usual))
    return shown


def show_objects(document: dict[str, Any]) -> dict[str, list[Line]]:
    """Name → fields, for every schema that has any."""
    schemas = document["components"]["schemas"]
    return {
        name: [
            _line(field, given, field in schema.get("required", ()))
            for field, given in schema["properties"].items()
        ]
        for name, schema in sorted(schemas.items())
        if "properties" in schema
    }


def show_codes() -> list[tuple[str, int, str]]:
    """Every error code with its status and meaning, by status."""
    return sorted(
        ((code, status, meaning) for code, (status, meaning) in CODES.items()),
        key=lambda row: (row[1], row[0]),
    )


def show_meanings() -> dict[str, tuple[int, str]]:
    """Code → status and meaning."""
    return CODES


def _usual_codes(document: dict[str, Any]) -> frozenset[str]:
    """The errors that more than half of the operations have: these are told of once."""
    told = [call for methods in document["paths"].values() for call in methods.values()]
    counted = Counter(code for call in told for code in dict.fromkeys(_codes_of(call)))
    return frozenset(code for code, count in counted.items() if count * 2 > len(told))


def _codes_of(told: Mapping[str, Any]) -> list[str]:
    return [code for answer in told["responses"].values() for code in answer.get("x-codes", ())]


def _callers(told: Mapping[str, Any]) -> list[str]:
    """Who may call an operation, read off its security and its roles."""
    schemes = {name for option in told.get("security", [{"bearer": []}]) for name in option}
    if not schemes:
        return ["Anybody, without a key."]
    if "publishable" in schemes:
        return ["Any page, with the store's publishable key."]
    found = []
    action, roles = told.get("x-action", ""), told.get("x-roles", ())
    if "bearer" in schemes:
        found.append(
            f"A secret key; a restricted one needs {action}." if action else "A secret key."
        )
    if roles:
        where = "in X-Store" if found else "in the path"
        found.append(f"A signed-in user who is {_or(roles)} of the store {where}.")
    elif not found:
        found.append("A signed-in user, about their own account.")
    return found


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _operation(path: str, method: str, told: dict[str, Any], usual: frozenset[str]) -> Shown:
    codes = _codes_of(told)
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Shown(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        description=told.get("description", ""),
        parameters=[
            _line(item["name"], item["schema"], item.get("required", False), item)
            for item in told["parameters"]
        ],
        body=_reference(body.get("schema", {})),
        sample=told["x-codeSamples"][0]["source"],
        answers=[_answer(*item) for item in told["responses"].items() if item[0] < "400"],
        codes=[code for code in codes if code not in usual],
        usual=[code for code in codes if code in usual],
        callers=_callers(told),
        repeats=any(item["name"] == "Idempotency-Key" for item in told["parameters"]),
    )


def _answer(status: str, given: dict[str, Any]) -> Answer:
    contents = given["content"]
    content = next(iter(contents.values()))
    example = next((one["example"] for one in contents.values() if "example" in one), "")
    if not isinstance(example, str):
        example = json.dumps(example, ensure_ascii=False, indent=2)
    kinds = [kind for kind in contents if kind != "application/json"]
    return Answer(status, _reference(content["schema"]), kinds, example)


def _line(
    name: str, schema: dict[str, Any], required: bool, holder: dict[str, Any] | None = None
) -> Line:
    note = (holder or {}).get("description") or schema.get("description", "")
    parts = [str(note)] if note else []
    parts += [_limits(schema)] if _limits(schema) else []
    return Line(name, _type(schema), _reference(schema), required, " ".join(parts))


def _type(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(choice) for choice in schema["anyOf"]))
    if "$ref" in schema or "allOf" in schema:
        return "object"
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " · ".join(str(choice) for choice in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _reference(schema: dict[str, Any]) -> str | None:
    """The name of the schema that this one is, lists, or may be."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inside = [schema["items"]] if "items" in schema else []
    for choice in (*inside, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found = _reference(choice)
        if found is not None:
            return found
    return None


def _limits(schema: dict[str, Any]) -> str:
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null" and _limits(choice):
            return _limits(choice)
    words = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        words.append(f"{low} to {high}.")
    if "maxLength" in schema:
        words.append(f"At most {schema['maxLength']} characters.")
    if "maxItems" in schema:
        words.append(f"At most {schema['maxItems']}.")
    if schema.get("default") not in (None, "", [], {}):
        words.append(f"Default {schema['default']}.")
    return " ".join(words)
