"""The examples of the document: of every operation, allowed by its own schemas."""

from __future__ import annotations

import html
import json
import re
import shlex

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from checkout.core.api import OPERATIONS
from checkout.core.codes import CODES
from checkout.core.errors import type_of_status
from checkout.core.examples import allows, make_example
from checkout.merchants.roles import ROLES

ARGUMENT = re.compile(r"{\w+}")


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").get_json()


def calls(document):
    return [
        (method, path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def refusals(document, schema, value):
    """What a validator that knows nothing of this project says against a value."""
    whole = {**schema, "components": document["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(value)]


def test_every_body_has_an_example_that_its_schema_and_its_model_take(document):
    models = {made.name: made.body for made in OPERATIONS}
    for method, path, told in calls(document):
        if "requestBody" in told:
            content = told["requestBody"]["content"]["application/json"]
            assert refusals(document, content["schema"], content["example"]) == [], (method, path)
            assert content["example"] != {}, (method, path)
            model = models[told["operationId"]]
            assert model.model_validate_json(json.dumps(content["example"])), (method, path)


def test_every_answer_has_an_example_that_its_schema_takes(document):
    for method, path, told in calls(document):
        for status, answer in told["responses"].items():
            for kind, content in answer["content"].items():
                if kind not in ("application/json", "text/csv"):
                    continue
                found = refusals(document, content["schema"], content["example"])
                assert found == [], (method, path, status)


def test_every_refusal_is_shown_as_it_is_sent(document):
    for _, _, told in calls(document):
        for status, answer in told["responses"].items():
            if status >= "400":
                error = answer["content"]["application/json"]["example"]["error"]
                assert error["code"] in answer["x-codes"]
                assert error["type"] == type_of_status(int(status))
                assert sorted(answer["x-codes"]) == answer["description"][7:].split(", ")
                assert {CODES[code][0] for code in answer["x-codes"]} == {int(status)}


def test_every_command_is_the_call(document):
    for method, path, told in calls(document):
        (sample,) = told["x-codeSamples"]
        words = shlex.split(sample["source"].replace(" \\\n", " "))
        assert words[0] == "curl"
        assert (words[words.index("-X") + 1] if "-X" in words else "GET") == method.upper()
        (url,) = (word for word in words if word.startswith("http"))
        shape = re.escape(ARGUMENT.sub("\0", path)).replace("\0", "[a-z0-9_]+")
        assert re.search(f"{shape}(\\?|$)", url), (url, path)
        body = told.get("requestBody")
        assert ("-d" in words) is (body is not None)
        if body is not None:
            given = json.loads(words[words.index("-d") + 1])
            assert given == body["content"]["application/json"]["example"]
        authorized = any(word.startswith("Authorization: Bearer ") for word in words)
        assert authorized is (told.get("security") != [])


def test_every_argument_has_an_example_of_its_shape(document):
    for _, path, told in calls(document):
        for parameter in told["parameters"]:
            assert ("example" in parameter) is bool(parameter.get("required")), path
            if "example" in parameter:
                assert refusals(document, parameter["schema"], parameter["example"]) == [], path


def test_the_roles_are_those_of_the_table(document):
    for _, path, told in calls(document):
        action = told.get("x-action")
        assert bool(action) is ("x-roles" in told), path
        if action:
            assert set(told["x-roles"]) == ROLES[action], path


def test_the_page_shows_all_of_it(client, document):
    page = html.unescape(client.get("/docs").text)

    for method, path, told in calls(document):
        start = page.index(f'<article id="{told["operationId"]}"')
        article = page[start : page.index("</article>", start)]
        assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in article
        assert told["x-codeSamples"][0]["source"] in article, path
        first = next(status for status in told["responses"] if status < "400")
        content = next(iter(told["responses"][first]["content"].values()))
        if not isinstance(content["example"], str):
            shown = json.dumps(content["example"], ensure_ascii=False, indent=2)
            assert shown in article, path
        for answer in told["responses"].values():
            for code in answer.get("x-codes", ()):
                assert f'href="#error-{code}"' in article, (path, code)
        names = {parameter["name"] for parameter in told["parameters"]}
        assert ("Takes an <a" in article) is ("Idempotency-Key" in names)
        if told.get("x-roles"):
            assert all(role in article for role in told["x-roles"])


def test_every_link_of_the_page_leads_somewhere(client):
    page = client.get("/docs").text
    ids = re.findall(r' id="([^"]+)"', page)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize(
    ("schema", "value", "allowed"),
    [
        ({"type": "string", "maxLength": 3}, "abcd", False),
        ({"type": "string", "pattern": "^[A-Z]+$"}, "abc", False),
        ({"type": "integer", "maximum": 3}, 4, False),
        ({"type": "integer"}, True, False),
        ({"type": ["string", "null"]}, None, True),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", False),
        ({"enum": ["a"]}, "b", False),
        ({"type": "array", "items": {"type": "string"}}, [1], False),
        ({"type": "object", "properties": {}}, {}, False),
        ({}, object(), True),
    ],
)
def test_a_name_suggests_only_what_the_schema_allows(schema, value, allowed):
    assert allows(schema, value) is allowed


def test_a_schema_of_another_kind_gets_a_value_by_its_type():
    schema = {
        "type": "object",
        "required": ["currency", "amount", "long", "list", "free"],
        "properties": {
            "currency": {"type": "integer", "minimum": 7},
            "amount": {"type": "string", "maxLength": 4},
            "long": {"type": "string", "minLength": 9},
            "list": {"type": "array", "items": {"enum": ["x", "y"]}},
            "free": {},
            "left_out": {"type": "string"},
        },
    }

    assert make_example(schema, {}, request=True) == {
        "currency": 7,
        "amount": "text",
        "long": "textxxxxx",
        "list": ["x"],
        "free": None,
    }
