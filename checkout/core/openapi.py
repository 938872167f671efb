"""The OpenAPI 3.1 document, made from the operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from checkout.core.api import (
    BASE_PATH,
    MODE_HEADER,
    OPERATIONS,
    Operation,
    Surface,
    Users,
    path_pattern,
)
from checkout.core.codes import CODES
from checkout.core.config import config
from checkout.core.errors import type_of_status
from checkout.core.example_words import CSV
from checkout.core.examples import example_id, make_example
from checkout.core.samples import add_samples

VERSION = "1.0.0"
ARGUMENT = re.compile(r"<(\w+)>")
REFERENCE = "#/components/schemas/{model}"

SECURITY: dict[Surface, list[dict[str, list[str]]]] = {
    "secret": [{"bearer": []}, {"basic": []}, {"user": []}],
    "publishable": [{"publishable": []}],
    "user": [{"user": []}],
    "member": [{"user": []}],
    "public": [],
}
RATE_HEADERS = {
    "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
    "RateLimit-Limit": {"$ref": "#/components/headers/RateLimit-Limit"},
    "RateLimit-Remaining": {"$ref": "#/components/headers/RateLimit-Remaining"},
    "RateLimit-Reset": {"$ref": "#/components/headers/RateLimit-Reset"},
}


def build_document() -> dict[str, Any]:
    """The whole document; costs some tens of milliseconds, so callers keep it."""
    served = {ARGUMENT.sub(r"{\1}", rule.rule) for rule in current_app.url_map.iter_rules()}
    operations = sorted(
        (made for made in OPERATIONS if BASE_PATH + made.path in served),
        key=lambda made: (made.tag, made.path, made.method),
    )
    names, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for made in operations:
        described = _describe(made, names)
        _add_examples(described, schemas)
        paths.setdefault(BASE_PATH + made.path, {})[made.method.lower()] = described
    add_samples(paths, config().public_url)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Checkout",
            "version": VERSION,
            "description": "Sessions, payments and transfers of a store, in test and live mode.",
        },
        "servers": [{"url": config().public_url}],
        "tags": [{"name": tag} for tag in sorted({made.tag for made in operations})],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Error": error_schema()},
            "headers": _headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "sk_test_… or sk_live_…",
                },
                "publishable": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "pk_test_… or pk_live_…, for pages.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The secret key as user name, without password.",
                },
                "user": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A signed-in user's access token, at_…. Calls on a store's data"
                    " name the store in X-Store and the mode in X-Mode (test or live, test when"
                    " it is left out) and do what the user's role there allows.",
                },
            },
        },
        "security": SECURITY["secret"],
    }


def error_schema() -> dict[str, Any]:
    """The envelope of every error."""
    nullable = {"type": ["string", "null"]}
    types = [
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "conflict_error",
        "rate_limit_error",
        "provider_error",
        "api_error",
    ]
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["type", "code", "message", "param", "request_id", "doc_url"],
                "properties": {
                    "type": {"type": "string", "enum": types},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "param": nullable,
                    "request_id": {"type": "string"},
                    "doc_url": {"type": "string", "format": "uri"},
                },
            }
        },
    }


Names = dict[tuple[type[BaseModel], str], dict[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[Names, dict[str, Any]]:
    """Where each model's schema is, and all schemas."""
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for made in operations:
        if made.body is not None:
            wanted[made.body, "validation"] = None
        if isinstance(made.answer, type) and issubclass(made.answer, BaseModel):
            wanted[made.answer, "serialization"] = None
    names, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)
    return names, definitions.get("$defs", {})  # type: ignore[return-value]  # keys are its own


def _describe(made: Operation, names: Names) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": made.name,
        "summary": made.summary,
        "tags": [made.tag],
        "parameters": _parameters(made),
        "responses": _responses(made, names),
    }
    if made.description:
        described["description"] = made.description
    if made.surface != "secret":
        described["security"] = SECURITY[made.surface]
    if made.action:
        described["x-action"] = made.action
        described["x-roles"] = list(_roles().get(made.action, ()))
    if made.body is not None:
        required = any(field.is_required() for field in made.body.model_fields.values())
        described["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": names[made.body, "validation"]}},
        }
    return described


def _roles() -> Mapping[str, Sequence[str]]:
    users: Users | None = current_app.extensions.get("checkout_users")
    return users.roles if users is not None else {}


def _add_examples(described: dict[str, Any], schemas: dict[str, Any]) -> None:
    """An example of what a path needs, of the body, of every answer and of each refusal."""
    for parameter in described["parameters"]:
        if parameter.get("required"):
            parameter["example"] = _example_argument(parameter, schemas)
    for media in described.get("requestBody", {}).get("content", {}).values():
        media["example"] = make_example(media["schema"], schemas, request=True)
    for status, answer in described["responses"].items():
        for kind, media in answer["content"].items():
            if status >= "400":
                media["example"] = _example_refusal(int(status), answer["x-codes"][0])
            else:
                media.update(_example_answer(kind, media["schema"], schemas))


def _example_answer(kind: str, schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """JSON and CSV can be shown; of bytes there is no example."""
    if kind == "application/json":
        return {"example": make_example(schema, schemas)}
    return {"example": CSV} if kind == "text/csv" else {}


def _example_argument(parameter: dict[str, Any], schemas: dict[str, Any]) -> Any:
    name = parameter["name"]
    if name.endswith("_id"):
        return example_id(name)
    holder = {"type": "object", "properties": {name: parameter["schema"]}}
    return make_example(holder, schemas)[name]


def _example_refusal(status: int, code: str) -> dict[str, Any]:
    error = {
        "type": type_of_status(status),
        "code": code,
        "message": CODES[code][1],
        "param": None,
        "request_id": example_id("request"),
        "doc_url": f"{config().public_url}/docs#error-{code}",
    }
    return {"error": error}


def _parameters(made: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{path_pattern(name).pattern}$"},
        }
        for name in made.arguments
    ]
    if made.query is not None:
        schema = made.query.model_json_schema(ref_template=REFERENCE)
        required = schema.get("required", [])
        parameters += [
            _query_parameter(name, given, name in required)
            for name, given in schema.get("properties", {}).items()
        ]
    if made.surface == "member":
        parameters.append(
            {
                "name": MODE_HEADER,
                "in": "header",
                "description": "The mode whose data is meant.",
                "schema": {"type": "string", "enum": ["test", "live"], "default": "test"},
            }
        )
    if made.method == "POST" and made.surface != "public":
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and body get the first answer, for 24 hours.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[ -~]+$",
                },
            }
        )
    return parameters


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """A parameter that may be left out is not one that may be null: a URL has no null."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        schema = {k: v for k, v in schema.items() if k not in ("anyOf", "default")} | choices[0]
    elif schema.get("default", ...) is None:
        del schema["default"]
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    return parameter | {"schema": schema}


def _responses(made: Operation, names: Names) -> dict[str, Any]:
    schema = made.answer
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        schema = names[schema, "serialization"]
    responses: dict[str, Any] = {
        str(status): {
            "description": made.summary,
            "headers": RATE_HEADERS,
            "content": {name: {"schema": schema} for name in made.media.split(", ")},
        }
        for status in sorted((made.status, *made.also))
    }
    for status, codes in sorted(_errors_of(made).items()):
        responses[str(status)] = _error_response(status, codes)
    return responses


def _errors_of(made: Operation) -> dict[int, list[str]]:
    """Status → codes, of the operation's own and of what every operation may answer."""
    codes = [*made.errors, "rate_limited", "internal_error", "service_unavailable"]
    if made.surface == "secret":
        codes += ["missing_api_key", "invalid_api_key", "secret_key_required", "ip_blocked"]
    if made.surface in ("secret", "user", "member"):
        codes.append("access_token_expired")
    if made.surface in ("user", "member"):
        codes += ["missing_api_key", "invalid_token", "user_token_required", "ip_blocked"]
    if made.action:
        codes.append("role_not_allowed")
    if made.surface == "secret":
        codes += ["invalid_token", "key_not_allowed", "resource_missing"]
    if made.surface == "publishable":
        codes += ["missing_api_key", "invalid_api_key", "publishable_key_required"]
    if made.arguments:
        codes.append("resource_missing")
    codes += ["unknown_field", "invalid_value", "invalid_type", "invalid_string"]
    if made.method != "GET":
        codes += ["invalid_json", "body_too_large", "unsupported_media_type"]
    if made.body is not None:
        codes += ["missing_required_field", "value_too_long"]
    if made.method == "POST" and made.surface != "public":
        codes += ["invalid_idempotency_key", "idempotency_key_in_use", "idempotency_key_reused"]
    if made.query is not None and "cursor" in made.query.model_fields:
        codes += ["invalid_cursor", "resource_missing"]
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(CODES[code][0], []).append(code)
    return by_status


def _error_response(status: int, codes: list[str]) -> dict[str, Any]:
    headers = dict(RATE_HEADERS)
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {
        "description": "Codes: " + ", ".join(sorted(codes)),
        # The operation's own come first.
        "x-codes": codes,
        "headers": headers,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _headers() -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 0}
    return {
        "X-Request-Id": {
            "description": "Names this request in the logs.",
            "schema": {"type": "string"},
        },
        "RateLimit-Limit": {"description": "Calls allowed a minute.", "schema": whole},
        "RateLimit-Remaining": {"description": "Calls left this minute.", "schema": whole},
        "RateLimit-Reset": {"description": "Seconds until the next minute.", "schema": whole},
        "Retry-After": {"description": "Seconds to wait.", "schema": whole},
    }
