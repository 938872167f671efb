from __future__ import annotations

import base64

import pytest

from checkout.core.ids import new_id

THING = new_id("cus")


def error_of(response):
    return response.get_json()["error"]


def post(api, shop, body=None, path="/api/v1/things", **options):
    headers = shop.headers | options.pop("headers", {})
    if body is not None:
        options["json"] = body
    return api.post(path, headers=headers, **options)


class TestWho:
    def test_a_bearer_key_opens_the_call(self, api, shop):
        response = api.get(f"/api/v1/things/{THING}", headers=shop.headers)

        assert response.status_code == 200
        assert response.get_json()["id"] == THING

    def test_basic_with_the_key_as_user_name_opens_it_too(self, api, shop):
        pair = base64.b64encode(f"{shop.key}:".encode()).decode()

        response = api.get(f"/api/v1/things/{THING}", headers={"Authorization": f"Basic {pair}"})

        assert response.status_code == 200

    def test_no_key(self, api):
        response = api.get(f"/api/v1/things/{THING}")

        assert response.status_code == 401
        assert error_of(response)["code"] == "missing_api_key"
        assert error_of(response)["type"] == "authentication_error"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer sk_test_nobody",
            "Bearer",
            "Bearer \xff\xfe",
            "Basic !!!",
            "Basic " + base64.b64encode(b"x").decode(),
            "Digest username=x",
            "sk_test_x",
            "Bearer " + "k" * 5000,
        ],
    )
    def test_a_wrong_credential(self, api, header):
        response = api.get(f"/api/v1/things/{THING}", headers={"Authorization": header})

        assert response.status_code == 401
        assert error_of(response)["code"] == "invalid_api_key"

    def test_a_publishable_key_does_not_open_it(self, api):
        header = {"Authorization": "Bearer pk_test_x"}

        response = api.get(f"/api/v1/things/{THING}", headers=header)

        assert response.status_code == 403
        assert error_of(response)["code"] == "secret_key_required"

    def test_a_public_call_needs_no_key_and_is_limited_per_address(self, api):
        answers = [api.get("/api/v1/open").status_code for _ in range(31)]

        assert answers == [200] * 30 + [429]


class TestPath:
    @pytest.mark.parametrize("part", ["x", "cus_x", "%00", "%ff", "../x", "cus_" + "u" * 28])
    def test_what_has_no_ids_shape_is_missing(self, api, shop, part):
        response = api.get(f"/api/v1/things/{part}", headers=shop.headers)

        assert response.status_code == 404

    def test_other_methods_are_refused_in_the_envelope(self, api, shop):
        response = api.delete("/api/v1/things", headers=shop.headers)

        assert response.status_code == 405
        assert error_of(response)["code"] == "method_not_allowed"
        assert "POST" in response.headers["Allow"]

    def test_an_unknown_path(self, api):
        response = api.get("/api/v1/nothing")

        assert response.status_code == 404
        assert error_of(response)["code"] == "not_found"


class TestBody:
    @pytest.mark.parametrize(
        ("body", "status", "code", "param"),
        [
            ("", 422, "missing_required_field", "amount"),
            ("{}", 422, "missing_required_field", "amount"),
            ("[", 400, "invalid_json", None),
            ("[]", 400, "invalid_json", None),
            ("[" * 100_000, 400, "invalid_json", None),
            ('{"amount": 5, "amount": 6}', 400, "invalid_json", "amount"),
            ('{"amount": NaN}', 400, "invalid_json", None),
            ('{"amount": 1e999}', 400, "invalid_json", None),
            ('{"amount": 5.0}', 422, "invalid_type", "amount"),
            ('{"amount": true}', 422, "invalid_type", "amount"),
            ('{"amount": "5"}', 422, "invalid_type", "amount"),
            ('{"amount": null}', 422, "invalid_type", "amount"),
            ('{"amount": 0}', 422, "invalid_value", "amount"),
            ('{"amount": 1000000000000}', 422, "invalid_value", "amount"),
            ('{"amount": ' + "9" * 100 + "}", 422, "invalid_value", "amount"),
            ('{"amount": ' + "9" * 9000 + "}", 422, "invalid_value", "amount"),
            ('{"amount": 5, "colour": 1}', 422, "unknown_field", "colour"),
            ('{"amount": 5, "currency": "XXX"}', 422, "invalid_currency", "currency"),
            ('{"amount": 5, "currency": "vnd"}', 422, "invalid_currency", "currency"),
            ('{"amount": 5, "name": "a\\u0000b"}', 422, "invalid_string", "name"),
            ('{"amount": 5, "metadata": {"a": "\\ud800"}}', 422, "invalid_string", "metadata.a"),
            ('{"amount": 5, "metadata": {"\\ud800": ""}}', 422, "invalid_string", "metadata"),
            ('{"amount": 5, "metadata": {"a": 1}}', 422, "invalid_type", "metadata.a"),
            (
                '{"amount": 5, "metadata": ' + '{"a":' * 30 + "1" + "}" * 31,
                422,
                "invalid_value",
                None,
            ),
        ],
    )
    def test_each_mistake_has_its_code_and_field(self, api, shop, body, status, code, param):
        response = post(api, shop, data=body, content_type="application/json")

        assert response.status_code == status
        assert error_of(response)["code"] == code
        if param is not None:
            assert error_of(response)["param"] == param

    def test_metadata_has_its_limits(self, api, shop):
        many = post(api, shop, {"amount": 5, "metadata": {f"k{n}": "" for n in range(51)}})
        long_key = post(api, shop, {"amount": 5, "metadata": {"k" * 41: ""}})
        long_value = post(api, shop, {"amount": 5, "metadata": {"k": "v" * 501}})
        just_right = post(
            api, shop, {"amount": 5, "metadata": {f"{n:040}": "v" * 500 for n in range(50)}}
        )

        for response in (many, long_key, long_value):
            assert response.status_code == 422
            assert error_of(response)["code"] == "value_too_long"
            assert error_of(response)["param"].startswith("metadata")
        assert just_right.status_code == 201

    def test_another_content_type(self, api, shop):
        response = post(
            api, shop, data="amount=5", content_type="application/x-www-form-urlencoded"
        )

        assert response.status_code == 415
        assert error_of(response)["code"] == "unsupported_media_type"

    def test_a_body_that_is_not_utf8(self, api, shop):
        response = post(
            api, shop, data=b'{"amount": 5, "name": "\xff"}', content_type="application/json"
        )

        assert response.status_code == 400
        assert error_of(response)["code"] == "invalid_json"

    def test_too_large_a_body(self, api, shop):
        response = post(api, shop, data="x" * (256 * 1024 + 1), content_type="application/json")

        assert response.status_code == 413
        assert error_of(response)["code"] == "body_too_large"

    def test_too_large_a_body_that_does_not_say_its_length(self, api_app, shop):
        from io import BytesIO

        from werkzeug.test import EnvironBuilder, run_wsgi_app

        environ = EnvironBuilder(
            "/api/v1/things", method="POST", headers=shop.headers, content_type="application/json"
        ).get_environ()
        environ.pop("CONTENT_LENGTH", None)
        environ |= {
            "wsgi.input": BytesIO(b"x" * (256 * 1024 + 1)),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        }

        _, status, _ = run_wsgi_app(api_app, environ)

        assert status.startswith("413")

    def test_a_call_without_body_takes_an_empty_one_or_none(self, api, shop):
        path = f"/api/v1/things/{THING}/poke"

        assert post(api, shop, path=path).status_code == 200
        assert post(api, shop, {}, path=path).status_code == 200
        refused = post(api, shop, {"x": 1}, path=path)
        assert refused.status_code == 422
        assert error_of(refused)["param"] == "x"


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "code", "param"),
        [
            ("colour=1", "unknown_field", "colour"),
            ("limit=0", "invalid_value", "limit"),
            ("limit=101", "invalid_value", "limit"),
            ("limit=x", "invalid_type", "limit"),
            ("limit=1_0", "invalid_type", "limit"),
            ("limit=%2B5", "invalid_type", "limit"),
            ("limit=%D9%A3", "invalid_type", "limit"),
            ("limit=1&limit=2", "invalid_value", "limit"),
            ("cursor=%00", "invalid_string", "cursor"),
            ("created_at[gte]=yesterday", "invalid_value", "created_at[gte]"),
            ("created_at[gte]=2026-13-01T00:00:00Z", "invalid_value", "created_at[gte]"),
            ("created_at[gte]=0001-01-01T00:00:00%2B14:00", "invalid_value", "created_at[gte]"),
            ("include=everything", "invalid_value", "include"),
        ],
    )
    def test_each_mistake_has_its_code_and_parameter(self, api, shop, query, code, param):
        response = api.get(f"/api/v1/things?{query}", headers=shop.headers)

        assert response.status_code == 422
        assert (error_of(response)["code"], error_of(response)["param"]) == (code, param)

    def test_a_call_without_parameters_refuses_one(self, api, shop):
        response = api.get(f"/api/v1/things/{THING}?x=1", headers=shop.headers)

        assert response.status_code == 422
        assert error_of(response)["param"] == "x"


class TestUnits:
    def test_a_write_commits_once(self, api, shop, count_things):
        assert post(api, shop, {"amount": 5}).status_code == 201
        assert count_things() == 1

    def test_a_problem_leaves_nothing(self, api, shop, count_things):
        assert post(api, shop, {"amount": 5, "name": "conflict"}).status_code == 409
        assert count_things() == 0

    def test_a_crash_leaves_nothing_and_tells_nothing(self, api, shop, count_things):
        response = post(api, shop, {"amount": 5, "name": "crash"})

        assert response.status_code == 500
        assert error_of(response)["code"] == "internal_error"
        assert "ZeroDivision" not in response.text
        assert count_things() == 0


class TestLimits:
    def test_headers_count_down(self, api, api_app):
        from tests.factories.stores import make_shop

        with api_app.app_context():
            shop = make_shop(rate_limit_per_minute=3)

        answers = [api.get("/api/v1/things", headers=shop.headers) for _ in range(3)]

        remaining = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
        # The minute may turn between two calls; the count then begins anew.
        assert remaining in ([2, 1, 0], [2, 1, 2], [2, 2, 1])
        assert answers[0].headers["RateLimit-Limit"] == "3"
        assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= 60
