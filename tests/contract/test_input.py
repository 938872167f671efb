"""What the real calls do with odd input: exact errors, nothing changed, no 5xx."""

from __future__ import annotations

import base64
import json
import threading
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from checkout.core.codes import CODES
from checkout.core.db import db, execute, unit_of_work
from tests.contract.conftest import count_rows
from tests.factories.stores import make_shop, make_vietqr
from tests.factories.till import make_till, memo_of
from tests.factories.trades import Trade, make_small_trade, make_trade

SESSIONS = "/api/v1/checkout/sessions"
ENVELOPE = {"type", "code", "message", "param", "request_id", "doc_url"}
LISTS = ["/checkout/sessions", "/transfers", "/payments", "/webhook-endpoints", "/events"]

SCREAM = "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢"
TEXTS = [
    "Áo thun – Đặt phòng",
    "ភ្នំពេញ ២០២៦",
    "👩‍👩‍👧‍👦🏴‍☠️" * 5,
    "\u202eright to left\u202c \u200b\ufeff",
    SCREAM,
    "<script>alert(1)</script>' OR 1=1 --",
    "\uffff\U0010ffff",
    "line\nbreak\ttab\r\x7f\x1b[31m",
    "%s %(id)s {0} {{ 7*7 }} $1 \\",
    "=1+1",
]


def post(api: FlaskClient, shop: Any, body: Any, **more: Any) -> Any:
    """A session's creation with `body`: bytes or text as they are, anything else as JSON."""
    raw = body if isinstance(body, (bytes, str)) else json.dumps(body)
    headers = shop.headers | more.pop("headers", {})
    more.setdefault("content_type", "application/json")
    return api.post(more.pop("path", SESSIONS), data=raw, headers=headers, **more)


def error_of(answer: Any) -> dict[str, Any]:
    """The error, after a look at the envelope's every field."""
    body = answer.get_json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == ENVELOPE
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert error["request_id"].startswith("req_")
    assert error["doc_url"].endswith(f"/docs#error-{error['code']}")
    assert error["code"] in CODES
    assert CODES[error["code"]][0] == answer.status_code
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["param"] is None or isinstance(error["param"], str)
    assert answer.content_type == "application/json"
    return dict(error)


@pytest.fixture
def busy(contract_app: Flask, api: FlaskClient) -> Trade:
    """A store with something of everything, for the few tests that look at it."""
    with contract_app.app_context():
        return make_trade(api)


@pytest.fixture
def trade(contract_app: Flask, api: FlaskClient) -> Trade:
    """A store that takes money and has sold nothing yet, with an endpoint."""
    with contract_app.app_context():
        return make_small_trade(api)


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "status", "code", "param"),
        [
            ({"currency": "VND"}, 422, "missing_required_field", "amount"),
            ({"amount": 5000}, 422, "missing_required_field", "currency"),
            ({"amount": 5000, "currency": "VND", "colour": "red"}, 422, "unknown_field", "colour"),
            (
                {"currency": "VND", "line_items": [{"name": "a", "quantity": 1}]},
                422,
                "missing_required_field",
                "line_items.0.unit_amount",
            ),
            (
                {
                    "currency": "VND",
                    "line_items": [{"name": "a", "quantity": 1, "unit_amount": 5, "x": 1}],
                },
                422,
                "unknown_field",
                "line_items.0.x",
            ),
            (
                {"amount": 5000, "currency": "VND", "customer": {"mail": "a@b.example"}},
                422,
                "unknown_field",
                "customer.mail",
            ),
            ('{"amount": 5000.0, "currency": "VND"}', 422, "invalid_type", "amount"),
            ('{"amount": 1e3, "currency": "VND"}', 422, "invalid_type", "amount"),
            ('{"amount": true, "currency": "VND"}', 422, "invalid_type", "amount"),
            ('{"amount": "5000", "currency": "VND"}', 422, "invalid_type", "amount"),
            ('{"amount": [5000], "currency": "VND"}', 422, "invalid_type", "amount"),
            ('{"amount": -0, "currency": "VND"}', 422, "invalid_value", "amount"),
            ('{"amount": -5, "currency": "VND"}', 422, "invalid_value", "amount"),
            ('{"amount": 1e400, "currency": "VND"}', 400, "invalid_json", None),
            ('{"amount": Infinity, "currency": "VND"}', 400, "invalid_json", None),
            ('{"amount": ' + "1" * 5000 + ', "currency": "VND"}', 422, "invalid_value", "amount"),
            ('{"amount": 18446744073709551616, "currency": "VND"}', 422, "invalid_value", "amount"),
            ('{"amount": 5000, "currency": "ＶＮＤ"}', 422, "invalid_currency", "currency"),
            ('{"amount": 5000, "currency": 704}', 422, "invalid_type", "currency"),
            ('{"amount": 5000, "currency": "VND", "amount": 1}', 400, "invalid_json", "amount"),
            (
                '{"amount": 5000, "currency": "VND", "metadata": {"a": "1", "a": "2"}}',
                400,
                "invalid_json",
                "a",
            ),
            (
                '{"amount": 5000, "currency": "VND", "reference": "a\\u0000"}',
                422,
                "invalid_string",
                "reference",
            ),
            (
                '{"amount": 5000, "currency": "VND", "description": "\\udc00\\ud800"}',
                422,
                "invalid_string",
                "description",
            ),
            (
                '{"amount": 5000, "currency": "VND", "metadata": {"k\\u0000": "v"}}',
                422,
                "invalid_string",
                "metadata",
            ),
            (
                b'{"amount": 5000, "currency": "VND", "reference": "\xff"}',
                400,
                "invalid_json",
                None,
            ),
            (b'\xef\xbb\xbf{"amount": 5000, "currency": "VND"}', 400, "invalid_json", None),
            ('{"amount": 5000, "currency": "VND"}'.encode("utf-16"), 400, "invalid_json", None),
            ("", 422, "missing_required_field", "currency"),
            ("null", 400, "invalid_json", None),
            ("[]", 400, "invalid_json", None),
            ('"text"', 400, "invalid_json", None),
            ('{"amount": 5000,}', 400, "invalid_json", None),
            ("{'amount': 5000}", 400, "invalid_json", None),
            ('{"amount": 05000, "currency": "VND"}', 400, "invalid_json", None),
            ("[" * 120_000, 400, "invalid_json", None),
            ('{"metadata": ' + '{"a":' * 40_000, 400, "invalid_json", None),
            (
                '{"amount": 5000, "currency": "VND", "metadata": ' + '{"a":' * 40 + "{}" + "}" * 41,
                422,
                "invalid_value",
                None,
            ),
            (
                {"amount": 5000, "currency": "VND", "success_url": "javascript:alert(1)"},
                422,
                "invalid_url",
                "success_url",
            ),
            (
                {"amount": 5000, "currency": "VND", "customer": {"email": "x"}},
                422,
                "invalid_email",
                "customer.email",
            ),
            ({"amount": 5000, "currency": "VND", "locale": "fr"}, 422, "invalid_value", "locale"),
            (
                {"amount": 5000, "currency": "VND", "duration_minutes": 43_201},
                422,
                "invalid_value",
                "duration_minutes",
            ),
            (
                {"amount": 5000, "currency": "VND", "rails": ["vietqr"] * 21},
                422,
                "value_too_long",
                "rails",
            ),
            (
                {"amount": 5000, "currency": "VND", "rails": ["nothing"]},
                422,
                "rail_not_available",
                "rails.0",
            ),
            (
                {"amount": 5000, "currency": "VND", "reference": "r" * 201},
                422,
                "value_too_long",
                "reference",
            ),
        ],
        ids=lambda value: repr(value)[:60],
    )
    def test_each_mistake_is_named_and_changes_nothing(
        self, api, contract_app, trade, body, status, code, param
    ):
        before = count_rows(contract_app)

        answer = post(api, trade.shop, body)

        assert answer.status_code == status, answer.text
        error = error_of(answer)
        assert error["code"] == code
        if param is not None:
            assert error["param"] == param
        assert count_rows(contract_app) == before

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/xml", "multipart/form-data", "", "json"]
    )
    def test_another_content_type(self, api, trade, content_type):
        answer = post(
            api, trade.shop, {"amount": 5000, "currency": "VND"}, content_type=content_type
        )

        assert answer.status_code == 415
        assert error_of(answer)["code"] == "unsupported_media_type"

    def test_json_with_a_charset_is_json(self, api, trade):
        answer = post(
            api,
            trade.shop,
            {"amount": 5000, "currency": "VND"},
            content_type="Application/JSON; charset=utf-8",
        )

        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "path",
        [SESSIONS, "/api/v1/webhook-endpoints", "/api/v1/test/clock/advance", "/hooks/vietqr/{ra}"],
    )
    @pytest.mark.parametrize("said", [True, False], ids=["with length", "chunked"])
    def test_too_large_a_body(self, contract_app, trade, path, said):
        raw = b'{"amount": 5000, "currency": "VND", "description": "' + b"x" * 262_144 + b'"}'
        environ = EnvironBuilder(
            path.format(ra=trade.till.account),
            method="POST",
            headers=trade.headers,
            content_type="application/json",
        ).get_environ()
        environ.pop("CONTENT_LENGTH", None)
        environ |= {"wsgi.input": BytesIO(raw), "wsgi.input_terminated": True}
        if said:
            environ["CONTENT_LENGTH"] = str(len(raw))
        else:
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"

        parts, status, _ = run_wsgi_app(contract_app, environ)

        assert status.startswith("413")
        assert json.loads(b"".join(parts))["error"]["code"] == "body_too_large"

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    def test_strange_texts_come_back_as_they_were(self, api, trade, text):
        given = {
            "amount": 5000,
            "currency": "VND",
            "reference": text[:200],
            "description": text,
            "metadata": {text[:40]: text},
            "line_items": [{"name": text[:200], "quantity": 1, "unit_amount": 5000}],
            "customer": {"name": text[:200], "reference": text[:200]},
        }

        made = post(api, trade.shop, given)
        assert made.status_code == 201, made.text
        session = trade.till.session(made.get_json()["id"])

        assert session["reference"] == given["reference"]
        assert session["description"] == text
        assert session["metadata"] == given["metadata"]
        assert session["line_items"][0]["name"] == given["line_items"][0]["name"]
        found = api.get(SESSIONS, query_string={"reference": text[:200]}, headers=trade.headers)
        assert [item["id"] for item in found.get_json()["data"]] == [session["id"]]
        page = api.get(f"/pay/{session['id']}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        event = trade.till.call("GET", "/events?type=checkout.session.created&limit=1")[1]
        assert event["data"][0]["data"]["object"]["description"] == text

    def test_metadata_may_be_as_large_as_it_says(self, api, trade):
        most = {f"{number:040}": "ក" * 500 for number in range(50)}
        session = {"amount": 5000, "currency": "VND"}

        assert post(api, trade.shop, session | {"metadata": most}).status_code == 201
        for wrong in (
            most | {"one more": ""},
            {"k" * 41: "v"},
            {"k": "v" * 501},
        ):
            error = error_of(post(api, trade.shop, session | {"metadata": wrong}))
            assert error["code"] == "value_too_long"
            assert error["param"].startswith("metadata")
        assert error_of(post(api, trade.shop, session | {"metadata": {"": "v"}}))["code"] == (
            "value_too_short"
        )
        for wrong in ({"k": 1}, {"k": None}, {"k": ["v"]}, ["k"], "k"):
            error = error_of(post(api, trade.shop, session | {"metadata": wrong}))
            assert error["code"] == "invalid_type"

    def test_unknown_paths_and_methods_have_the_envelope(self, api, trade):
        nothing = api.get("/api/v1/nothing/%ff%00", headers=trade.headers)
        method = api.delete(SESSIONS, headers=trade.headers)

        assert error_of(nothing)["code"] == "not_found"
        assert error_of(method)["code"] == "method_not_allowed"
        assert {"GET", "POST"} <= set(method.headers["Allow"].replace(" ", "").split(","))


class TestLists:
    @pytest.fixture(params=[*LISTS, "/webhook-endpoints/{endpoint_id}/deliveries"])
    def path(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_pages_hold_everything_once(self, busy, path):
        path = path.format(**busy.ids)
        whole = busy.till.call("GET", f"{path}?limit=100&include=total_count")[1]
        assert set(whole) == {"object", "data", "has_more", "next_cursor", "total_count"}
        assert whole["object"] == "list"
        assert (whole["has_more"], whole["next_cursor"]) == (False, None)
        assert whole["total_count"] == len(whole["data"]) > 0

        found, cursor = [], ""
        while True:
            page = busy.till.call("GET", f"{path}?limit=2{cursor}")[1]
            assert "total_count" not in page
            found += [item["id"] for item in page["data"]]
            assert page["has_more"] == (page["next_cursor"] is not None)
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"

        assert found == [item["id"] for item in whole["data"]]
        assert found == sorted(found, reverse=True)

    @pytest.mark.parametrize(
        ("query", "status", "code", "param"),
        [
            ("limit=0", 422, "invalid_value", "limit"),
            ("limit=101", 422, "invalid_value", "limit"),
            ("limit=-1", 422, "invalid_value", "limit"),
            ("limit=1.0", 422, "invalid_type", "limit"),
            ("limit=", 422, "invalid_type", "limit"),
            ("limit=%E1%9F%A5", 422, "invalid_type", "limit"),
            ("limit=" + "9" * 30, 422, "invalid_type", "limit"),
            ("limit=5&limit=5", 422, "invalid_value", "limit"),
            ("cursor=", 422, "value_too_short", "cursor"),
            ("cursor=nonsense", 400, "invalid_cursor", "cursor"),
            ("cursor=%C3%A1", 400, "invalid_cursor", "cursor"),
            ("cursor=" + "A" * 201, 422, "value_too_long", "cursor"),
            ("created_at[gte]=soon", 422, "invalid_value", "created_at[gte]"),
            ("created_at[lt]=2026-02-30T00:00:00Z", 422, "invalid_value", "created_at[lt]"),
            ("created_at[eq]=2026-02-20T00:00:00Z", 422, "unknown_field", "created_at[eq]"),
            ("created_at=2026-02-20T00:00:00Z", 422, "unknown_field", "created_at"),
            ("include=secrets", 422, "invalid_value", "include"),
            ("store_id=sto_x", 422, "unknown_field", "store_id"),
        ],
    )
    def test_each_mistake_is_named(self, api, trade, path, query, status, code, param):
        path = path.format(**trade.ids)
        answer = api.get(f"/api/v1{path}?{query}", headers=trade.headers)

        error = error_of(answer)
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param)

    def test_a_cursor_with_one_letter_changed_opens_nothing(self, api, busy, path):
        path = path.format(**busy.ids)
        page = busy.till.call("GET", f"{path}?limit=1")[1]
        newest = page["data"][0]["id"]
        cursor = base64.urlsafe_b64encode(newest.encode()).rstrip(b"=").decode()
        accepted = api.get(f"/api/v1{path}?cursor={cursor}", headers=busy.headers)
        assert accepted.status_code == 200

        for place in range(0, len(cursor), 5):
            letter = "A" if cursor[place] != "A" else "B"
            changed = cursor[:place] + letter + cursor[place + 1 :]
            answer = api.get(f"/api/v1{path}?cursor={changed}", headers=busy.headers)
            assert answer.status_code in (400, 404), changed

    def test_times_bound_the_list(self, busy, path):
        path = path.format(**busy.ids)
        items = busy.till.call("GET", f"{path}?limit=100")[1]["data"]
        times = [item["created_at"] for item in items]
        first, last = min(times), max(times)

        def count(query: str) -> int:
            return len(busy.till.call("GET", f"{path}?limit=100&{query}")[1]["data"])

        assert count(f"created_at[gte]={first}&created_at[lte]={last}") == len(items)
        assert count(f"created_at[gt]={last}") == 0
        assert count(f"created_at[lt]={first}") == 0
        assert count(f"created_at[gt]={first}") == sum(time > first for time in times)
        assert count("created_at[gte]=9999-12-31T23:59:59Z") == 0
        assert count("created_at[lte]=0001-01-01T00:00:00Z") == 0


class TestLimits:
    def test_headers_count_down_to_429(self, api, contract_app):
        with contract_app.app_context():
            shop = make_shop(rate_limit_per_minute=3)
        answers = [api.get("/api/v1/payments", headers=shop.headers) for _ in range(8)]
        limited = [answer for answer in answers if answer.status_code == 429]

        # The window is the clock's minute, of which there may be two in this test.
        assert len(limited) >= 2
        for answer in answers:
            assert answer.headers["RateLimit-Limit"] == "3"
            assert 0 <= int(answer.headers["RateLimit-Remaining"]) <= 2
            assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 60
        assert error_of(limited[0])["code"] == "rate_limited"
        assert limited[0].get_json()["error"]["type"] == "rate_limit_error"
        assert limited[0].headers["RateLimit-Remaining"] == "0"
        assert 1 <= int(limited[0].headers["Retry-After"]) <= 60

    def test_a_blocked_address_still_tells_us_of_money(self, api, contract_app):
        with contract_app.app_context():
            till = make_till(api)
            attempt = till.make_attempt()
            for _ in range(10):
                refused = api.get("/api/v1/payments", headers={"Authorization": "Bearer sk_test_x"})
                assert refused.status_code == 401
            blocked = api.get("/api/v1/payments", headers=till.shop.headers)
            assert error_of(blocked)["code"] == "ip_blocked"
            assert 1 <= int(blocked.headers["Retry-After"]) <= 900

            told = till.tell(till.notice(memo_of(attempt), 500_000))

        assert (told.status_code, told.get_json()) == (200, {"success": True})
        elsewhere = api.get(
            f"{SESSIONS}/{attempt['session']}",
            headers=till.shop.headers,
            environ_base={"REMOTE_ADDR": "192.0.2.77"},
        )
        assert elsewhere.get_json()["status"] == "completed"


class TestIdempotency:
    BODY: dict[str, Any] = {"amount": 5000, "currency": "VND", "reference": "once"}  # noqa: RUF012 - never changed

    def send(self, api: FlaskClient, trade: Trade, key: str, **more: Any) -> Any:
        body = more.pop("body", self.BODY)
        return post(api, trade.shop, body, headers={"Idempotency-Key": key}, **more)

    def count(self, app: Flask) -> int:
        return count_rows(app)["checkout_session"]

    def test_the_same_again_is_replayed_to_the_byte(self, api, contract_app, trade):
        first = self.send(api, trade, "k1")
        rows = count_rows(contract_app)
        again = self.send(api, trade, "k1")

        assert first.status_code == again.status_code == 201
        assert first.data == again.data
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
        assert count_rows(contract_app) == rows

    @pytest.mark.parametrize("key", ["k" * 255, "a b", "~!@#", "0"])
    def test_any_printable_key_up_to_255_is_taken(self, api, trade, key):
        assert self.send(api, trade, key).status_code == 201
        assert self.send(api, trade, key).headers["Idempotent-Replayed"] == "true"

    @pytest.mark.parametrize("key", ["k" * 256, "", "ក", "a\tb"])
    def test_other_keys_are_refused(self, api, contract_app, trade, key):
        before = count_rows(contract_app)
        answer = self.send(api, trade, key.encode().decode("latin-1"))

        assert answer.status_code == 400
        error = error_of(answer)
        assert (error["code"], error["param"]) == ("invalid_idempotency_key", "Idempotency-Key")
        assert count_rows(contract_app) == before

    def test_another_body_or_path_is_refused(self, api, contract_app, busy):
        self.send(api, busy, "k2")
        before = count_rows(contract_app)
        session = busy.lists["session_id"][0]
        others = [
            self.send(api, busy, "k2", body=self.BODY | {"amount": 5001}),
            self.send(api, busy, "k2", path="/api/v1/webhook-endpoints"),
            self.send(api, busy, "k2", path=f"{SESSIONS}/{session}/cancel", body=""),
            # Operations that call the outside hold their key in another way.
            self.send(api, busy, "k2", path=f"{SESSIONS}/{session}/attempts"),
        ]

        for answer in others:
            assert answer.status_code == 422
            assert error_of(answer)["code"] == "idempotency_key_reused"
        assert count_rows(contract_app) == before

    def test_every_post_takes_a_key(self, api, contract_app, busy):
        session, endpoint = busy.ids["session_id"], busy.ids["endpoint_id"]
        posts: list[tuple[str, Any]] = [
            (f"/checkout/sessions/{session}/attempts", {"rail": "vietqr"}),
            (f"/checkout/sessions/{session}/fulfilment", {"status": "confirmed"}),
            (f"/checkout/attempts/{busy.ids['attempt_id']}/check", {}),
            (f"/test/attempts/{busy.ids['attempt_id']}/pay", {"amount": 1000}),
            (
                f"/transfers/{busy.ids['transfer_id']}/resolve",
                {"action": "write_off", "note": "n"},
            ),
            ("/webhook-endpoints", {"url": "http://127.0.0.1:1/"}),
            (f"/webhook-endpoints/{endpoint}/rotate-secret", {}),
            (f"/webhook-endpoints/{endpoint}/test", {}),
            (f"/webhook-deliveries/{busy.ids['delivery_id']}/retry", {}),
            (f"/checkout/sessions/{session}/cancel", {}),
            ("/test/clock/advance", {"seconds": 5}),
        ]
        for number, (path, body) in enumerate(posts):
            first = self.send(api, busy, f"p{number}", path=f"/api/v1{path}", body=body)
            assert first.status_code < 500, (path, first.text)
            before = count_rows(contract_app)
            again = self.send(api, busy, f"p{number}", path=f"/api/v1{path}", body=body)
            assert (again.status_code, again.data) == (first.status_code, first.data), path
            if first.status_code != 429:
                assert again.headers["Idempotent-Replayed"] == "true", path
            assert count_rows(contract_app) == before, path

    def test_keys_are_per_store_and_mode(self, api, contract_app, trade, live_key):
        with contract_app.app_context():
            make_vietqr(live_key)
            other = make_till(api)
        answers = [
            post(api, shop, self.BODY, headers={"Idempotency-Key": "shared"})
            for shop in (trade.shop, live_key, other.shop)
        ]

        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.get_json()["id"] for answer in answers}) == 3

    def test_two_at_once_have_one_effect(self, contract_app, trade):
        before = self.count(contract_app)
        barrier, answers = threading.Barrier(8), []

        def send() -> None:
            client = contract_app.test_client()
            barrier.wait()
            answers.append(self.send(client, trade, "race"))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        made = {answer.get_json()["id"] for answer in answers if answer.status_code == 201}
        others = [answer for answer in answers if answer.status_code != 201]
        assert len(made) == 1
        for answer in others:
            assert answer.status_code == 409
            assert error_of(answer)["code"] == "idempotency_key_in_use"
        assert self.count(contract_app) == before + 1

    def test_while_the_first_runs_the_second_is_told(self, api, contract_app, trade, monkeypatch):
        from checkout.sessions import api_views

        started, go_on = threading.Event(), threading.Event()
        real = api_views.create_session

        def slow(*args: Any, **kwargs: Any) -> Any:
            started.set()
            assert go_on.wait(20)
            return real(*args, **kwargs)

        monkeypatch.setattr(api_views, "create_session", slow)
        first: list[Any] = []
        thread = threading.Thread(
            target=lambda: first.append(self.send(contract_app.test_client(), trade, "slow"))
        )
        thread.start()
        assert started.wait(20)
        second = self.send(api, trade, "slow")
        go_on.set()
        thread.join()

        assert second.status_code == 409
        assert error_of(second)["code"] == "idempotency_key_in_use"
        assert first[0].status_code == 201
        assert self.send(api, trade, "slow").data == first[0].data

    def test_a_dead_holder_frees_its_key(self, api, contract_app, trade):
        from checkout.core.idempotency import Key

        lock = Key(trade.shop.store.id, False, "dead", "").lock
        with contract_app.app_context(), db.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("SELECT pg_advisory_lock(%s)", (lock,))
            assert self.send(api, trade, "dead").status_code == 409
            # What PostgreSQL sees when the process that held the key is killed.
            driver.close()
            connection.invalidate()

        for _ in range(50):
            answer = self.send(api, trade, "dead")
            if answer.status_code != 409:
                break
            threading.Event().wait(0.1)
        assert answer.status_code == 201

    def test_after_a_day_the_key_is_free(self, api, contract_app, trade):
        first = self.send(api, trade, "old")
        with contract_app.app_context(), unit_of_work():
            execute("UPDATE idempotency_key SET created_at = now() - interval '25 hours'")

        assert self.send(api, trade, "old").get_json()["id"] != first.get_json()["id"]

    def test_a_429_is_not_kept(self, api, contract_app):
        with contract_app.app_context():
            till = make_till(api, rate_limit_per_minute=1)
        answers = [
            post(api, till.shop, self.BODY, headers={"Idempotency-Key": "x"}) for _ in range(3)
        ]

        assert 429 in {answer.status_code for answer in answers}
        with contract_app.app_context():
            kept = [row.status for row in _keys()]
        assert kept == [201]

    def test_a_refusal_is_kept_also_a_403(self, api, contract_app, trade, live_key):
        path = "/api/v1/test/clock/advance"
        answers = [
            post(api, live_key, {"seconds": 1}, path=path, headers={"Idempotency-Key": "forbidden"})
            for _ in range(2)
        ]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].data == answers[1].data
        assert answers[1].headers["Idempotent-Replayed"] == "true"

    def test_a_5xx_is_not_kept(self, api, contract_app, trade, monkeypatch):
        from checkout.sessions import api_views

        real = api_views.create_session
        monkeypatch.setattr(api_views, "create_session", lambda *_, **__: 1 / 0)
        crashed = self.send(api, trade, "crash")
        monkeypatch.setattr(api_views, "create_session", real)

        assert error_of(crashed)["code"] == "internal_error"
        assert self.send(api, trade, "crash").status_code == 201


def _keys() -> list[Any]:
    from checkout.core.db import run

    return run("SELECT status FROM idempotency_key")
