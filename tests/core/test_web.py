from __future__ import annotations

import json
import logging

import psycopg
import pytest
import sqlalchemy.exc
from flask import g, request
from werkzeug.test import EnvironBuilder

from checkout.core import web
from checkout.core.ids import new_id
from checkout.core.logs import mask_path
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.teams import make_member


def test_every_answer_has_its_own_request_id(api):
    ids = {api.get(path).headers["X-Request-Id"] for path in ("/docs", "/x", "/api/v1/x", "/boom")}

    assert len(ids) == 4
    assert all(one.startswith("req_") for one in ids)


def test_the_envelope_names_the_request(api):
    response = api.get("/api/v1/x")

    error = response.get_json()["error"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    assert error["doc_url"].endswith("/docs#error-not_found")
    assert set(error) == {"type", "code", "message", "param", "request_id", "doc_url"}


def test_json_has_the_narrowest_policy_and_is_not_stored(api):
    headers = api.get("/api/v1/x").headers

    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Referrer-Policy" in headers
    assert "Strict-Transport-Security" not in headers


def test_a_page_has_a_policy_with_a_fresh_nonce(api):
    first, second = (api.get("/page").headers["Content-Security-Policy"] for _ in range(2))

    assert first != second
    assert "default-src 'none'" in first
    assert "frame-ancestors 'none'" in first
    assert "form-action 'self';" in first
    assert "unsafe" not in first


def test_a_view_may_widen_frames_and_forms(api_app):
    with api_app.test_request_context("/page"):
        api_app.preprocess_request()
        web.allow_framing(("https://shop.example",))
        web.allow_form_action(("https://pay.example",))
        response = api_app.process_response(api_app.make_response("<p>"))

    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors https://shop.example" in policy
    assert "form-action 'self' https://pay.example;" in policy


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("secret detail"),
        psycopg.errors.LockNotAvailable("secret detail"),
        sqlalchemy.exc.TimeoutError("secret detail"),
        sqlalchemy.exc.OperationalError("secret", {}, psycopg.OperationalError("detail")),
    ],
)
def test_a_database_that_is_away_is_said_with_when_to_come_back(api_app, error):
    with api_app.test_request_context("/api/v1/x"):
        api_app.preprocess_request()
        response = api_app.make_response(api_app.handle_user_exception(error))

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.get_json()["error"]["code"] == "service_unavailable"
    assert "secret" not in response.get_data(as_text=True)


def test_a_crash_is_logged_and_not_shown(api, caplog):
    with caplog.at_level(logging.INFO, "checkout"):
        response = api.get("/boom")

    assert response.status_code == 500
    assert "ZeroDivision" not in response.text
    crash = next(line for line in caplog.records if line.getMessage() == "request_crashed")
    assert crash.fields["request_id"] == response.headers["X-Request-Id"]


def test_one_access_line_without_query_or_unknown_words(api, caplog):
    session_id = new_id("cs")
    logging.getLogger("checkout").setLevel(logging.INFO)
    try:
        api.get(f"/api/v1/things/{session_id}?token=secret")
        api.get("/portal/verify/c2VjcmV0LXRva2VuLXRoYXQtaXMtbG9uZw")
    finally:
        logging.getLogger("checkout").setLevel(logging.WARNING)

    lines = [line.fields for line in caplog.records if line.getMessage() == "request"]
    assert [line["status"] for line in lines] == [401, 404]
    assert lines[0]["route"] == "/api/v1/things/<thing_id>"
    assert lines[0]["thing_id"] == session_id
    assert "secret" not in json.dumps(lines)
    assert lines[1]["route"] == "/portal/verify/*"


@pytest.fixture
def access(caplog):
    """The access lines written since the test began."""
    logging.getLogger("checkout").setLevel(logging.INFO)
    yield lambda: [one.fields for one in caplog.records if one.getMessage() == "request"]
    logging.getLogger("checkout").setLevel(logging.WARNING)


class TestWhoseRequestItWas:
    def test_a_key(self, api, shop, access):
        answer = api.get("/api/v1/things", headers=shop.headers)

        (line,) = access()
        assert (line["actor"], line["store_id"]) == (f"key:{shop.key_id}", shop.store.id)
        assert (line["status"], line["method"]) == (200, "GET")
        assert line["duration_ms"] > 0
        assert line["request_id"] == answer.headers["X-Request-Id"]
        assert shop.key not in json.dumps(line)

    def test_a_key_that_is_refused_for_what_it_wants(self, client, access):
        shop = make_shop()
        other = make_shop()

        answer = client.get(f"/api/v1/stores/{other.store.id}", headers=shop.headers)

        (line,) = access()
        assert (answer.status_code, line["status"]) == (403, 403)
        assert (line["actor"], line["store_id"]) == (f"key:{shop.key_id}", shop.store.id)

    def test_nobody(self, client, access):
        make_shop()
        client.get("/api/v1/payments", headers={"Authorization": "Bearer sk_test_wrong"})
        client.get("/dashboard/sign-in")

        assert [("actor" in line, "store_id" in line) for line in access()] == [(False, False)] * 2

    def test_a_member_by_token(self, client, access):
        member = make_member()
        client.get("/api/v1/payments", headers=member.headers())
        client.get("/api/v1/users/me", headers=member.token)

        actor = f"user:{member.user.id}"
        found = [(line["actor"], line.get("store_id")) for line in access()]
        assert found == [(actor, member.store_id), (actor, None)]

    def test_a_member_in_the_dashboard(self, app, access):
        desk = make_desk("viewer")
        desk.get("/payments")
        desk.get("/keys", 403)

        found = [(line["actor"], line["store_id"], line["status"]) for line in access()]
        assert found == [(f"user:{desk.user.id}", desk.store_id, status) for status in (200, 403)]

    def test_the_one_before_leaves_nothing(self, client, access):
        client.get("/api/v1/payments", headers=make_shop().headers)
        client.get("/api/v1/openapi.json")

        assert "actor" not in access()[1]


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/a/b", "/a/b"), ("/a/" + "x" * 30, "/a/*"), ("/a@b.vn", "/*"), ("/" + "a/" * 500, None)],
)
def test_paths_are_masked(path, shown):
    assert shown is None or mask_path(path) == shown
    assert len(mask_path(path)) <= 200


class TestClientAddress:
    @pytest.mark.parametrize(
        ("hops", "forwarded", "expected"),
        [
            (0, "203.0.113.9", "192.0.2.1"),
            (1, "203.0.113.9", "203.0.113.9"),
            (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
            (2, "6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
            (2, "203.0.113.9", "203.0.113.9"),
            (1, "", "192.0.2.1"),
            (1, "nonsense", "local"),
        ],
    )
    def test_forwarded_ones_count_only_as_far_as_our_proxies(
        self, api_app, monkeypatch, hops, forwarded, expected
    ):
        import dataclasses

        settings = dataclasses.replace(api_app.extensions["checkout_config"], trusted_proxies=hops)
        monkeypatch.setitem(api_app.extensions, "checkout_config", settings)
        environ = {"REMOTE_ADDR": "192.0.2.1"}
        headers = {"X-Forwarded-For": forwarded}
        with api_app.test_request_context("/", environ_base=environ, headers=headers):
            assert web.client_key() == expected

    @pytest.mark.parametrize(
        ("address", "key"),
        [
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("", "local"),
        ],
    )
    def test_ipv6_counts_per_64(self, address, key):
        assert web.network_of(address) == key


def test_public_https_address_is_strict(api_app, monkeypatch):
    import dataclasses

    settings = dataclasses.replace(
        api_app.extensions["checkout_config"], public_url="https://pay.example"
    )
    monkeypatch.setitem(api_app.extensions, "checkout_config", settings)

    response = api_app.test_client().get("/page")

    assert response.headers["Strict-Transport-Security"].startswith("max-age=")


def test_nothing_of_one_request_is_left_for_the_next(api_app):
    """Tests push one application context around several requests; then `g` is shared."""
    with api_app.app_context():
        api_app.test_client().get("/api/v1/open")
        response = api_app.test_client().get("/page")
        assert "RateLimit-Limit" not in response.headers
        assert g.frame_ancestors == "'none'"


@pytest.mark.parametrize("path", ["/docs", "/x", "/api/v1/payments", "/dashboard/sign-in"])
@pytest.mark.parametrize("query", [b"q=\xff", b"\xff=\xfe", b"lang=\xed\xa0\x80", b"q=%ff"])
def test_raw_bytes_in_an_address_are_no_crash(app, path, query):
    """As a program may send them; the test client would have escaped them."""
    answers = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query.decode("latin-1")}

    body = app.wsgi_app(
        EnvironBuilder().get_environ() | environ,
        lambda status, headers, error=None: answers.append(status),
    )
    b"".join(body)

    assert answers[0][:3] in ("200", "401", "404")


def test_raw_letters_in_an_address_are_read(app):
    with app.request_context(EnvironBuilder().get_environ() | {"QUERY_STRING": "q=\xc3\xa9&a=b"}):
        assert request.args.to_dict() == {"q": "é", "a": "b"}
        assert request.full_path == "/?q=%C3%A9&a=b"
