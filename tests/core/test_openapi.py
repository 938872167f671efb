from __future__ import annotations

import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from checkout.core.api import OPERATIONS
from checkout.core.codes import CODES

SOURCES = Path("checkout")
RAISED = re.compile(
    r"\b(?:invalid|conflict|forbidden|unauthorized|too_many|provider_problem|"
    r"PydanticCustomError)\(\s*\"([a-z_]+)\""
)


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").get_json()


def test_the_document_is_valid(document):
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_every_operation_is_in_it(document, app):
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }

    served = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if app.view_functions[rule.endpoint].__module__.endswith(".api_views")
    }
    assert described >= served
    assert len(described) > 20


def test_operation_ids_are_unique(document):
    ids = [
        call["operationId"] for methods in document["paths"].values() for call in methods.values()
    ]

    assert len(ids) == len(set(ids))


def test_every_call_tells_its_errors_and_headers(document):
    for methods in document["paths"].values():
        for method, call in methods.items():
            answers = call["responses"]
            closed = call.get("security") != []
            assert {"422", "429", "500", "503"} <= set(answers)
            assert not closed or {"401", "403"} <= set(answers)
            assert "Retry-After" in answers["429"]["headers"]
            for answer in answers.values():
                assert "X-Request-Id" in answer["headers"]
            names = {parameter["name"] for parameter in call["parameters"]}
            assert ("Idempotency-Key" in names) is (closed and method == "post")


def test_every_code_that_is_raised_is_explained():
    raised = {
        code for path in SOURCES.rglob("*.py") for code in RAISED.findall(path.read_text("utf-8"))
    }

    assert raised - set(CODES) == set()


def test_every_code_that_an_operation_names_is_explained():
    named = {code for made in OPERATIONS for code in made.errors}

    assert named - set(CODES) == set()


def test_the_page_shows_every_call_and_code_and_loads_nothing_from_elsewhere(client, document):
    response = client.get("/docs")

    page = response.get_data(as_text=True)
    assert response.status_code == 200
    for methods in document["paths"].values():
        for call in methods.values():
            assert f'id="{call["operationId"]}"' in page
    for code in CODES:
        assert f'id="error-{code}"' in page
    assert "<script" not in page
    assert re.findall(r'(?:src|<link[^>]* href)="(?!/)', page) == []


def test_both_are_answered_from_the_browsers_copy_when_nothing_changed(client):
    for path in ("/docs", "/api/v1/openapi.json"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
