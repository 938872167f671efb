from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.vietqr.auth import auth_headers, find_fault
from tests.rails.kit import NOW, load_vectors

VECTORS = load_vectors("sepay_auth")
HMAC = {"auth": "hmac", "webhook_secret": "dev-webhook-secret"}
KEY = {"auth": "apikey", "api_key": "dev-key-123"}


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_notices_are_judged_as_published(vector: dict[str, Any]) -> None:
    given_, expected = vector["input"], vector["expected"]["valid"]
    if "secret" in given_:
        settings = {"auth": "hmac", "webhook_secret": given_["secret"]}
        headers, body = _lower(given_["headers"]), given_["raw_body"].encode()
        now = datetime.fromtimestamp(given_["now"], UTC)
    else:
        settings = {"auth": "apikey", "api_key": given_["configured_key"]}
        value = given_["authorization"]
        headers, body, now = ({} if value is None else {"authorization": value}), b"{}", NOW

    assert (find_fault(headers, body, settings, now) is None) == expected


@pytest.mark.parametrize("settings", [HMAC, KEY])
def test_what_the_pretend_sepay_signs_is_genuine(settings: dict[str, str]) -> None:
    headers = _lower(auth_headers(b"{}", settings, NOW))

    assert find_fault(headers, b"{}", settings, NOW) is None


@pytest.mark.parametrize("unset", [None, ""])
@pytest.mark.parametrize(("auth", "secret"), [("hmac", "webhook_secret"), ("apikey", "api_key")])
def test_an_unset_secret_refuses_everything(auth: str, secret: str, unset: str | None) -> None:
    settings = {"auth": auth, secret: unset}
    headers = _lower(auth_headers(b"{}", settings, NOW))

    assert find_fault(headers, b"{}", settings, NOW) is not None


def test_the_other_method_does_not_count() -> None:
    key_headers = _lower(auth_headers(b"{}", KEY, NOW))
    signed_headers = _lower(auth_headers(b"{}", HMAC, NOW))

    assert find_fault(key_headers, b"{}", HMAC | {"api_key": "dev-key-123"}, NOW) is not None
    assert find_fault(signed_headers, b"{}", KEY | HMAC | {"auth": "apikey"}, NOW) is not None


@pytest.mark.parametrize("scheme", ["Apikey", "APIKEY", "apikey", "ApiKey  "])
def test_the_scheme_is_read_without_regard_to_case(scheme: str) -> None:
    assert find_fault({"authorization": f"{scheme} dev-key-123"}, b"", KEY, NOW) is None


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_signature_from_another_time_is_refused(seconds: int) -> None:
    headers = _lower(auth_headers(b"{}", HMAC, NOW + timedelta(seconds=seconds)))

    assert find_fault(headers, b"{}", HMAC, NOW) is not None


_odd_text = st.text(max_size=120) | st.just("Apikey \ud800") | st.just("sha256=" + "٣" * 64)


@given(authorization=_odd_text, timestamp=_odd_text, signature=_odd_text, body=st.binary())
def test_odd_headers_are_refused_without_an_exception(
    authorization: str, timestamp: str, signature: str, body: bytes
) -> None:
    headers = {
        "authorization": authorization,
        "x-sepay-timestamp": timestamp,
        "x-sepay-signature": signature,
    }

    assert find_fault(headers, body, KEY, NOW) is not None
    assert find_fault(headers, body, HMAC, NOW) is not None
    assert find_fault(headers | {"x-sepay-timestamp": "٣٣"}, body, HMAC, NOW) is not None
