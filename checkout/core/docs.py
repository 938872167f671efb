"""The OpenAPI document as tables that a page can show."""

from __future__ import annotations

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
class Shown:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Line]
    body: str | None
    answers: list[tuple[str, str | None, list[str]]]
    """Status, the object's name on success, the codes on failure."""


def show_operations(document: dict[str, Any]) -> dict[str, list[Shown]]:
    """Tag → operations, in the document's order."""
    shown: dict[str, list[Shown]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                told = methods[method]
                shown.setdefault(told["tags"][0], []).append(_operation(path, method, told))
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


def _operation(path: str, method: str, told: dict[str, Any]) -> Shown:
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
        answers=[_answer(status, given) for status, given in told["responses"].items()],
    )


def _answer(status: str, given: dict[str, Any]) -> tuple[str, str | None, list[str]]:
    if status < "400":
        (content,) = given["content"].values()
        return status, _reference(content["schema"]), []
    return status, None, given["description"].removeprefix("Codes: ").split(", ")


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
