from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from checkout.core import idempotency
from checkout.core.db import db, execute, one, unit_of_work
from checkout.core.idempotency import Key, claim, held, purge_keys

BODY = {"amount": 5}


def post(api, shop, key, body=None, path="/api/v1/things"):
    headers = shop.headers | {"Idempotency-Key": key}
    return api.post(path, json=BODY if body is None else body, headers=headers)


def code_of(response):
    return response.get_json()["error"]["code"]


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/outside-things"])
def test_the_same_request_gets_the_first_answer(api, shop, count_things, path):
    first = post(api, shop, "k", path=path)
    second = post(api, shop, "k", path=path)

    assert second.data == first.data
    assert second.status_code == first.status_code < 300
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert count_things() == 1


def test_an_answer_kept_in_the_last_unit_is_replayed(api, shop, count_things):
    body = BODY | {"name": "keep"}

    first = post(api, shop, "k", body, "/api/v1/outside-things")
    second = post(api, shop, "k", body, "/api/v1/outside-things")

    assert second.data == first.data
    assert count_things() == 1


def test_another_body_or_path_is_refused(api, shop, count_things):
    post(api, shop, "k")

    other_body = post(api, shop, "k", {"amount": 6})
    other_path = post(api, shop, "k", path="/api/v1/outside-things")

    for response in (other_body, other_path):
        assert response.status_code == 422
        assert code_of(response) == "idempotency_key_reused"
    assert count_things() == 1


def test_keys_are_per_store_and_mode(api, api_app, shop, count_things):
    from tests.factories.stores import make_shop

    with api_app.app_context():
        live = make_shop(livemode=True, store=shop.store)
        stranger = make_shop()

    answers = [post(api, one_of, "k") for one_of in (shop, live, stranger)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert count_things() == 3


def test_a_refusal_is_replayed_too(api, shop):
    first = post(api, shop, "k", BODY | {"name": "conflict"})
    second = post(api, shop, "k", BODY | {"name": "conflict"})

    assert first.status_code == second.status_code == 409
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.get_json() == first.get_json()


@pytest.mark.parametrize("name", ["crash", "provider"])
def test_a_failure_of_ours_or_a_providers_is_never_kept(api, shop, name):
    first = post(api, shop, "k", BODY | {"name": name})
    second = post(api, shop, "k", BODY | {"name": name})

    assert first.status_code >= 500
    assert "Idempotent-Replayed" not in second.headers


@pytest.mark.parametrize("key", ["", "k" * 256, "\xe9", "a\tb"])
def test_an_impossible_key(api, shop, count_things, key):
    response = post(api, shop, key)

    assert response.status_code == 400
    assert code_of(response) == "invalid_idempotency_key"
    assert count_things() == 0


def test_a_key_in_use_is_refused_until_its_holder_is_gone(api, api_app, shop):
    key = Key(shop.store.id, False, "k", "another request")
    with api_app.app_context(), unit_of_work():
        claim(key)
        results = []
        thread = threading.Thread(target=lambda: results.append(post(api, shop, "k")))
        thread.start()
        thread.join()
    assert results[0].status_code == 409
    assert code_of(results[0]) == "idempotency_key_in_use"

    assert post(api, shop, "k").status_code == 201


def test_a_held_key_is_refused_and_freed(api, api_app, shop):
    key = Key(shop.store.id, False, "k", "another request")
    results = []
    with api_app.app_context(), held(key):
        thread = threading.Thread(target=lambda: results.append(post(api, shop, "k")))
        thread.start()
        thread.join()

    assert code_of(results[0]) == "idempotency_key_in_use"
    assert post(api, shop, "k").status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/outside-things"])
def test_many_at_once_have_one_effect(api_app, shop, count_things, path):
    rounds = 20
    with ThreadPoolExecutor(8) as pool:
        for number in range(rounds):
            calls = [
                pool.submit(post, api_app.test_client(), shop, f"k{number}", path=path)
                for _ in range(8)
            ]
            statuses = {call.result().status_code for call in calls}
            assert statuses <= {200, 201, 409}

    assert count_things() == rounds


def test_keys_never_hold_all_connections(api_app, shop, monkeypatch):
    with api_app.app_context():
        callers = 2 * db.engine.pool.size() + 4

    @contextmanager
    def late_unit():
        time.sleep(0.3)
        with unit_of_work():
            yield

    # Everybody who may hold a key holds it before anybody works.
    monkeypatch.setattr(idempotency, "unit_of_work", late_unit)
    with ThreadPoolExecutor(callers) as pool:
        calls = [
            pool.submit(
                post, api_app.test_client(), shop, f"k{number}", path="/api/v1/outside-things"
            )
            for number in range(callers)
        ]
        assert {call.result().status_code for call in calls} == {200}


def test_keys_live_a_day(api, api_app, shop, count_things):
    post(api, shop, "old")
    post(api, shop, "young")
    with api_app.app_context():
        with unit_of_work():
            execute(
                "UPDATE idempotency_key SET created_at = now() - interval '25 hours'"
                " WHERE key = 'old'"
            )

        again = post(api, shop, "old", {"amount": 6})
        assert again.status_code == 201
        assert post(api, shop, "old", {"amount": 6}).headers["Idempotent-Replayed"] == "true"

        with unit_of_work():
            execute("UPDATE idempotency_key SET created_at = now() - interval '25 hours'")
        assert purge_keys() == 2
        left = one("SELECT count(*) AS found FROM idempotency_key")
        assert left is not None
        assert left.found == 0
