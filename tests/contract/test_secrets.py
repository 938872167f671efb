"""What is shown once is not kept in clear for a repeat of the call: every operation whose answer
holds a secret, made with an idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from checkout.core.api import BASE_PATH, OPERATIONS, Operation
from checkout.core.idempotency import HEADER
from tests.factories.books import read
from tests.factories.people import PASSWORD, code_of, turn_on_two_factor
from tests.factories.stores import Shop, make_shop
from tests.factories.teams import Member, make_member
from tests.factories.webhooks import make_endpoint

SECRET_WORDS = ("secret", "token", "password", "recovery_codes", "otpauth", "cookie", "credential")
NO_SECRETS = {"old_secret_expires_at"}
"""Fields that are called after a secret and tell something else of it."""


def hides(name: str) -> bool:
    """Whether a field of an answer holds a secret, by its name."""
    return name == "key" or (name not in NO_SECRETS and any(word in name for word in SECRET_WORDS))


def secrets_in(answer: Any) -> list[str]:
    """Every text in an answer that nobody may read in the database."""
    if isinstance(answer, list):
        return [secret for item in answer for secret in secrets_in(item)]
    if not isinstance(answer, dict):
        return []
    found = []
    for name, value in answer.items():
        if hides(name) and value is not None:
            found += value if isinstance(value, list) else [value]
        else:
            found += secrets_in(value)
    return found


def may_be_repeated() -> list[Operation]:
    """Operations whose answers are kept with a key: POSTs of somebody who said who it is."""
    return [made for made in OPERATIONS if made.method == "POST" and made.surface != "public"]


def names_of(model: Any) -> set[str]:
    """The fields of an answer's model and of the models in it."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return set()
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


@pytest.fixture
def owner(contract_app) -> Member:
    with contract_app.app_context():
        return make_member("owner")


@pytest.fixture
def shop(contract_app) -> Shop:
    with contract_app.app_context():
        return make_shop()


@pytest.fixture
def requests(contract_app, api, owner, shop) -> dict[str, tuple[str, Any, dict[str, str]]]:
    """Path of the operation → the address, body and headers with which it gives its secret."""
    with contract_app.app_context():
        setup = api.post(f"{BASE_PATH}/users/me/two-factor", headers=owner.token).get_json()
        endpoint, _ = make_endpoint(shop, "https://shop.example/hook")
        ready = make_member("owner")
        turn_on_two_factor(ready.user)
        fresh = make_member("owner")
        code = code_of(setup["secret"])
    customer = api.post(f"{BASE_PATH}/customers", json={"name": "Lan"}, headers=shop.headers)
    hook = {"url": "https://shop.example/hook"}
    of_shop = shop.headers
    return {
        "/users/me/two-factor": ("/users/me/two-factor", None, fresh.token),
        "/users/me/two-factor/confirm": (
            "/users/me/two-factor/confirm",
            {"code": code},
            owner.token,
        ),
        "/users/me/two-factor/recovery-codes": (
            "/users/me/two-factor/recovery-codes",
            None,
            ready.token,
        ),
        "/stores/{store_id}/keys": (
            f"/stores/{owner.store_id}/keys",
            {"name": "new"},
            owner.headers(),
        ),
        "/webhook-endpoints": ("/webhook-endpoints", hook, of_shop),
        "/webhook-endpoints/{endpoint_id}/rotate-secret": (
            f"/webhook-endpoints/{endpoint.id}/rotate-secret",
            None,
            of_shop,
        ),
        "/realtime-tokens": (
            "/realtime-tokens",
            {"customer": customer.get_json()["id"]},
            of_shop,
        ),
    }


@pytest.fixture
def kept(contract_app) -> Callable[[], str]:
    """All that the table of keys holds, as one text."""

    def look() -> str:
        with contract_app.app_context():
            return "\n".join(row.body for row in read("SELECT body FROM idempotency_key"))

    return look


def test_no_answer_with_a_secret_is_kept_in_clear(api, requests, kept):
    telling = {made.path for made in may_be_repeated() if any(map(hides, names_of(made.answer)))}
    assert telling == set(requests)

    for path, (address, body, headers) in requests.items():
        asked = {"json": body, "headers": {**headers, HEADER: f"once {path}"}}
        first = api.post(BASE_PATH + address, **asked)
        again = api.post(BASE_PATH + address, **asked)

        secrets = secrets_in(first.get_json())
        assert first.status_code in (200, 201), first.text
        assert secrets, path
        assert (again.data, again.status_code) == (first.data, first.status_code)
        assert again.headers["Idempotent-Replayed"] == "true"
        stored = kept()
        assert stored.count("sealed:") == list(requests).index(path) + 1
        for secret in secrets:
            assert secret not in stored, path


def test_answers_without_a_secret_are_kept_as_they_are(api, shop, kept):
    """So that the test above looks where answers are."""
    headers = {**shop.headers, HEADER: "k"}

    answer = api.post(f"{BASE_PATH}/customers", json={"name": "Lan"}, headers=headers)

    assert kept() == answer.text


def test_who_says_who_they_are_by_a_password_leaves_nothing(api, owner, kept):
    """Anybody's calls have no keys: their tokens are kept nowhere."""
    asked = {"email": owner.user.email, "password": PASSWORD}

    answers = [
        api.post(f"{BASE_PATH}/auth/login", json=asked, headers={HEADER: "k"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.get_json()["access_token"] for answer in answers}) == 2
    assert kept() == ""


def test_only_what_holds_a_secret_is_sealed():
    assert {made.path for made in OPERATIONS if made.hides} == {
        made.path for made in may_be_repeated() if any(map(hides, names_of(made.answer)))
    }
