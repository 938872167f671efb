"""The hook: who is believed, what is answered, and that the notice is stored first."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import psycopg
import pytest

from checkout.core.db import unit_of_work
from checkout.merchants.rail_accounts import configure_rail, forget_accounts
from checkout.payments import intake
from tests.factories.books import read, read_one
from tests.factories.till import make_till, memo_of

SECRET = "whsec-for-tests-000000"


def stored() -> int:
    return read_one("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM transfer) AS n").n


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Apikey",
        "Apikey wrong",
        "apikey pretend-key-for-tests-00000",
        "Apikey pretend-key-for-tests-0000001",
        "Bearer pretend-key-for-tests-000000",
        "Apikey ключ",
        "Basic eDp5",
    ],
)
def test_who_is_not_sepay_changes_nothing(till, authorization):
    attempt = till.make_attempt()
    headers = (
        {} if authorization is None else {"Authorization": authorization.encode().decode("latin-1")}
    )
    answer = till.client.post(
        f"/hooks/vietqr/{till.account}",
        json=till.notice(memo_of(attempt), 500_000),
        headers=headers,
    )

    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "invalid_signature"
    assert stored() == 0
    assert till.session(attempt["session"])["status"] == "processing"


@pytest.mark.parametrize("path", ["x", "ra_x", "%00", "ra_" + "0" * 28])
def test_an_account_that_is_not_there(till, path):
    assert till.tell(till.notice("x", 5), account=path).status_code == 404


@pytest.mark.parametrize("rail", ["khqr", "nothing", "VIETQR"])
def test_an_account_of_another_rail(till, rail):
    assert till.client.post(f"/hooks/{rail}/{till.account}", json={}).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_the_providers_own_method_is_a_notice(till, method):
    answer = till.client.open(
        f"/hooks/vietqr/{till.account}",
        method=method,
        headers={"Authorization": f"Apikey {till.rail['api_key']}"},
    )

    assert answer.status_code == 405
    assert stored() == 0


def test_one_stores_key_does_not_open_anothers_hook(till, client):
    other = make_till(client, rail={"api_key": "the-others-own-key-00"})

    assert till.tell(till.notice("x", 5), account=other.account).status_code == 401
    assert stored() == 0


def change_rail(till, **values: str) -> str:
    with unit_of_work():
        account = configure_rail(
            till.shop.store.id, False, "vietqr", values, enabled=None, actor="test"
        )
    forget_accounts()
    return account


def test_a_replaced_secret_proves_money_for_what_began_before_alone(till):
    before = till.make_attempt()
    change_rail(till, api_key="the-key-after-a-theft-00")
    after = till.make_attempt()

    forged = till.pay(memo_of(after), 500_000)
    assert (forged["disposition"], forged["amount_held"]) == ("wrong_account", 500_000)
    assert forged["details"]["outdated_proof"] is True
    assert till.session(after["session"])["status"] == "processing"
    assert till.pay(memo_of(before), 500_000)["disposition"] == "matched"
    assert till.session(before["session"])["status"] == "completed"


def test_the_old_address_serves_on_while_the_secret_is_the_same(till):
    change_rail(till, account_name="HOA MAI 2", api_token="another-token")
    attempt = till.make_attempt()

    assert till.pay(memo_of(attempt), 500_000)["disposition"] == "matched"


def test_todays_secret_proves_at_the_old_address_too(till):
    change_rail(till, api_key="the-key-after-a-theft-00")
    attempt = till.make_attempt()
    till.rail["api_key"] = "the-key-after-a-theft-00"

    told = till.pay(memo_of(attempt), 500_000)

    assert told["disposition"] == "matched"
    assert "outdated_proof" not in told["details"]


def signed(body: bytes, timestamp: int, secret: str = SECRET) -> dict[str, str]:
    text = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"X-SePay-Timestamp": str(timestamp), "X-SePay-Signature": f"sha256={digest}"}


@pytest.fixture
def signing(client):
    return make_till(client, rail={"auth": "hmac", "webhook_secret": SECRET})


def post_signed(till, body: bytes, headers: dict[str, str]):
    return till.client.post(
        f"/hooks/vietqr/{till.account}",
        data=body,
        headers=headers,
        content_type="application/json",
    )


def test_a_signed_notice_is_taken(signing):
    attempt = signing.make_attempt()
    body = json.dumps(signing.notice(memo_of(attempt), 500_000)).encode()
    answer = post_signed(signing, body, signed(body, int(time.time())))

    assert answer.get_json() == {"success": True}
    assert signing.session(attempt["session"])["status"] == "completed"


@pytest.mark.parametrize("fault", ["body", "secret", "old", "future", "no header", "shape"])
def test_a_tampered_or_old_signature_is_refused(signing, fault):
    body = json.dumps(signing.notice("x", 500_000)).encode()
    now = int(time.time())
    headers = {
        "body": signed(body.replace(b"500000", b"900000"), now),
        "secret": signed(body, now, "another"),
        "old": signed(body, now - 400),
        "future": signed(body, now + 400),
        "no header": {},
        "shape": signed(body, now) | {"X-SePay-Signature": "sha256=zz"},
    }[fault]

    assert post_signed(signing, body, headers).status_code == 401
    assert stored() == 0


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_notices_as_forms_are_read_too(till, form):
    attempt = till.make_attempt()
    fields = {k: str(v) for k, v in till.notice(memo_of(attempt), 500_000).items() if v is not None}
    answer = till.client.post(
        f"/hooks/vietqr/{till.account}",
        data=fields,
        headers={"Authorization": f"Apikey {till.rail['api_key']}"},
        content_type=(
            "application/x-www-form-urlencoded" if form == "urlencoded" else "multipart/form-data"
        ),
    )

    assert answer.get_json() == {"success": True}
    assert till.session(attempt["session"])["status"] == "completed"


def test_what_cannot_be_stored_is_not_answered_with_success(till, monkeypatch):
    attempt = till.make_attempt()
    notice = till.notice(memo_of(attempt), 500_000)

    def fail(*_):
        raise psycopg.OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "store_incoming", fail)
        answer = till.tell(notice)
    assert answer.status_code >= 500
    assert stored() == 0

    # SePay sends it again.
    assert till.tell(notice).get_json() == {"success": True}
    assert till.session(attempt["session"])["status"] == "completed"


def test_the_notice_is_committed_before_it_is_judged(till, monkeypatch):
    seen = []

    def look(inbox_ids):
        seen.append([row.id for row in read("SELECT id FROM inbox WHERE judged_at IS NULL")])
        return {}

    monkeypatch.setattr(intake, "judge_now", look)
    till.tell(till.notice("x", 5))

    assert len(seen[0]) == 1


def test_a_body_that_is_too_large_is_refused(till):
    answer = till.tell(till.notice("x" * 300_000, 5))

    assert answer.status_code == 413
    assert stored() == 0
