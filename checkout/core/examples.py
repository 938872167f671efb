"""Examples of what the API takes and gives, made out of the schemas themselves.

A value is chosen by its field's name where that says what it is, and else by its type; what a
name suggests is taken only where the schema allows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.example_words import (
    ASKED_NAMES,
    EMPTY_LISTS,
    MOMENT,
    NOT_ASKED,
    NULL_NAMES,
    OF_OBJECT,
    PREFIXES,
    TAIL,
    VALUES,
)

Schema = Mapping[str, Any]

DEEPEST = 12


def make_example(schema: Schema, schemas: Mapping[str, Schema], *, request: bool = False) -> Any:
    """A value that the schema allows; a request leaves out what is rarely sent."""
    return _Maker(schemas, request).make(schema, "", "", 0)


def example_id(name: str) -> str:
    """An id of the kind that a field or an object of this name has."""
    return f"{PREFIXES.get(name.removesuffix('_id'), 'id')}_{TAIL}"


class _Maker:
    def __init__(self, schemas: Mapping[str, Schema], request: bool) -> None:
        self.schemas = schemas
        self.request = request

    def make(self, schema: Schema, name: str, owner: str, depth: int) -> Any:
        """A value for a field `name` of the schema called `owner`."""
        if "$ref" in schema:
            title = str(schema["$ref"]).rpartition("/")[2]
            return self._object(self.schemas[title], title, depth)
        if "const" in schema:
            return schema["const"]
        for value in self._known(name, owner):
            if allows(schema, value):
                return value
        return self._by_type(schema, name, owner, depth)

    def _known(self, name: str, owner: str) -> Iterator[Any]:
        if f"{owner}.{name}" in OF_OBJECT:
            yield OF_OBJECT[f"{owner}.{name}"]
        if name in NULL_NAMES and not self.request:
            yield None
        if name == "id":
            properties = self.schemas.get(owner, {}).get("properties", {})
            yield example_id(str(properties.get("object", {}).get("const", "")))
        if name in VALUES:
            yield VALUES[name]
        if name.removesuffix("_id") in PREFIXES:
            yield example_id(name)
        if name.endswith("_at") or name in ("at", "since", "now") or name.startswith("created_at"):
            yield MOMENT

    def _by_type(self, schema: Schema, name: str, owner: str, depth: int) -> Any:
        for choice in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
            if choice.get("type") != "null" and depth < DEEPEST:
                return self.make(choice, name, owner, depth + 1)
        kind = schema.get("type")
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            return self._object(schema, owner, depth)
        if kind == "array":
            return self._list(schema, name, owner, depth)
        plain: dict[Any, Any] = {
            "boolean": False,
            "integer": max(0, schema.get("minimum", 0)),
            "number": max(0, schema.get("minimum", 0)),
            "string": "text".ljust(schema.get("minLength", 0), "x"),
        }
        return plain.get(kind)

    def _object(self, schema: Schema, title: str, depth: int) -> Any:
        if "properties" not in schema:
            return self.make(schema, "", "", depth + 1) if "anyOf" in schema else _facts(schema)
        required = schema.get("required", ())
        return {
            name: self.make(given, name, title, depth + 1)
            for name, given in schema["properties"].items()
            if not self.request or name in required or self._asks(name, title)
        }

    def _asks(self, name: str, owner: str) -> bool:
        return name in ASKED_NAMES and f"{owner}.{name}" not in NOT_ASKED

    def _list(self, schema: Schema, name: str, owner: str, depth: int) -> list[Any]:
        if depth >= DEEPEST or (name in EMPTY_LISTS and not schema.get("minItems")):
            return []
        return [self.make(schema.get("items", {}), name.removesuffix("s"), owner, depth + 1)]


def _facts(schema: Schema) -> dict[str, Any]:
    """An object of names that the merchant chooses."""
    inner = schema.get("additionalProperties")
    return {} if not isinstance(inner, Mapping) or "type" not in inner else {"room": "12"}


def allows(schema: Schema, value: Any) -> bool:
    """Whether a schema of one field takes a value, as far as examples need to know."""
    if "anyOf" in schema:
        return any(allows(choice, value) for choice in schema["anyOf"])
    if "$ref" in schema or "allOf" in schema or value not in schema.get("enum", (value,)):
        return False
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if kinds and not any(_is_of(kind, value) for kind in kinds):
        return False
    return _is_within(schema, value)


def _is_within(schema: Schema, value: Any) -> bool:
    """Whether a value of the right type is within the schema's bounds."""
    if isinstance(value, str):
        length = len(value)
        fits = schema.get("minLength", 0) <= length <= schema.get("maxLength", length)
        return fits and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        return all(allows(schema.get("items", {}), item) for item in value)
    if isinstance(value, dict):
        return "properties" not in schema
    if isinstance(value, int):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _is_of(kind: str, value: Any) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    types: dict[str, Any] = {
        "string": str,
        "boolean": bool,
        "number": (int, float),
        "array": list,
        "object": dict,
        "null": type(None),
    }
    return isinstance(value, types[kind])
