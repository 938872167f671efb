import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from checkout.webhooks.sign import (
    new_secret,
    secret_bytes,
    signed_headers,
    standard_signature,
)

VECTORS = Path(__file__).parent / "vectors"
AT = datetime(2026, 11, 20, 0, 0, 0, 123_000, tzinfo=UTC)


def vectors(name: str) -> list[dict]:
    return json.loads((VECTORS / f"standard_webhooks_{name}.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", vectors("sign"), ids=lambda vector: vector["name"])
def test_the_signature_is_the_one_everybody_makes(vector):
    given = vector["input"]
    key = secret_bytes(given["secret"])
    body = given["payload"].encode()
    made = standard_signature(key, given["id"], given["timestamp"], body)
    assert made == vector["expected"]["signature"]


@pytest.mark.parametrize("vector", vectors("verify"), ids=lambda vector: vector["name"])
def test_a_receiver_judges_our_signature_as_the_vectors_say(vector):
    """Ours stands among the valid ones exactly where the packages accept the headers."""
    given, expected = vector["input"], vector["expected"]["valid"]
    headers = {name.lower(): value for name, value in given["headers"].items()}
    if expected is None or "webhook-id" not in headers:
        return
    timestamp = int(headers["webhook-timestamp"])
    key = secret_bytes(given["secret"])
    ours = standard_signature(key, headers["webhook-id"], timestamp, given["payload"].encode())
    in_time = abs(given["now"] - timestamp) <= 300
    assert (ours in headers["webhook-signature"].split() and in_time) == expected


def test_the_plain_signature_covers_milliseconds_and_body():
    secret = new_secret()
    headers = signed_headers("evt_1", AT, b"{}", [secret])
    milliseconds = int(AT.timestamp() * 1000)
    expected = hmac.new(secret_bytes(secret), f"{milliseconds}.{{}}".encode(), hashlib.sha256)
    assert headers["X-Webhook-Signature"] == f"t={milliseconds},v1={expected.hexdigest()}"
    assert headers["X-Webhook-Id"] == "evt_1"


def test_with_two_secrets_either_verifies():
    old, new = new_secret(), new_secret()
    headers = signed_headers("evt_1", datetime.now(UTC), b'{"a":1}', [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b'{"a":1}', headers)


def test_a_secret_has_256_random_bits():
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert {len(secret_bytes(secret)) for secret in secrets} == {32}


def test_what_is_no_secret_is_refused():
    with pytest.raises(ValueError, match="not a webhook secret"):
        secret_bytes("whsec_*")
