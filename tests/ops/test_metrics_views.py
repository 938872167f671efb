from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.factories.till import make_till, memo_of

TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}


def read(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, labels) → value."""
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "header",
    [None, "Bearer wrong", "Bearer ", "Bearer", "Basic bWV0cmljcy10b2tlbi1mb3ItdGVzdHM6", "x"],
)
def test_closed_without_the_token(client, header):
    answer = client.get("/metrics", headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "invalid_token"


def test_an_unset_token_refuses_everything(app, client, monkeypatch):
    config = app.extensions["checkout_config"]
    monkeypatch.setitem(app.extensions, "checkout_config", replace(config, metrics_token=""))

    for header in ("Bearer ", "Bearer metrics-token-for-tests"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401


def test_numbers(client):
    till = make_till(client)
    attempt = till.make_attempt()
    till.make_session()
    till.pay(memo_of(attempt), 500_000)
    till.pay("RENT FOR MAY", 1000)
    key = (
        "checkout_requests_total",
        tuple(
            sorted(
                {"method": "POST", "route": "/api/v1/checkout/sessions", "status": "201"}.items()
            )
        ),
    )

    before = read(client)
    till.make_session()
    after = read(client)

    assert after[key] == before[key] + 1
    assert after["checkout_open_sessions", ()] == 2
    assert after["checkout_held_transfers", ()] == 1
    assert after["checkout_waiting", (("queue", "inbox"),)] == 0
    assert after["checkout_waiting", (("queue", "outbox"),)] >= 3
    seconds = ("checkout_request_seconds_count", (("route", "/api/v1/checkout/sessions"),))
    assert after[seconds] > before[seconds]


def test_paths_are_routes_and_never_what_stands_in_them(client):
    client.get("/pay/cs_secret-looking-thing")
    client.get("/nothing/token-in-a-path")

    text = client.get("/metrics", headers=TOKEN).text

    assert "secret-looking" not in text
    assert "token-in-a-path" not in text
    assert 'route="none"' in text
