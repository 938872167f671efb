from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Refusal
from checkout.rails.stripe.fake_events import hook_headers, sign
from checkout.rails.stripe.webhook import read_event
from tests.rails.kit import NOW, load_vectors
from tests.rails.stripe.samples import make_account

BODY = b'{"id":"evt_1"}'
SECRET = "whsec_dev"


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _header(body: bytes = BODY, secret: str = SECRET, moment: datetime = NOW) -> str:
    seconds = int(moment.timestamp())
    return f"t={seconds},v1={sign(body, secret, seconds)}"


@pytest.mark.parametrize("vector", load_vectors("stripe_webhook"), ids=lambda one: one["name"])
def test_signatures_are_judged_as_by_the_official_packages(vector: dict[str, Any]) -> None:
    given_ = vector["input"]

    event = read_event(
        given_["payload"].encode(),
        given_["header"],
        [given_["secret"]],
        _at(given_["now"]),
        given_["tolerance"],
    )

    assert isinstance(event, dict) is vector["expected"]["valid"]
    if isinstance(event, dict):
        assert event == json.loads(given_["payload"])


@pytest.mark.parametrize("vector", load_vectors("stripe_webhook_sign"), ids=lambda one: one["name"])
def test_the_pretend_stripe_signs_as_the_official_packages(vector: dict[str, Any]) -> None:
    given_ = vector["input"]
    body = given_["payload"].encode()

    headers = hook_headers(
        body, make_account(webhook_secret=given_["secret"]), _at(given_["timestamp"])
    )

    assert headers["Stripe-Signature"] == vector["expected"]["header"]
    official = stripe.WebhookSignature.generate_signature_header(
        given_["payload"], given_["secret"], given_["timestamp"]
    )
    assert official == vector["expected"]["header"]


@pytest.mark.parametrize("place", range(len(BODY)))
def test_no_byte_of_the_body_can_be_changed(place: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= 1

    answer = read_event(bytes(changed), _header(), [SECRET], NOW)

    assert answer == Refusal("invalid_signature")


def test_a_body_written_anew_is_another_body() -> None:
    assert isinstance(read_event(b'{"id": "evt_1"}', _header(), [SECRET], NOW), Refusal)


@pytest.mark.parametrize(
    "secrets", [[], [""], ["whsec_other"], ["dev"], ["", "whsec_other"]], ids=repr
)
def test_no_other_secret_will_do(secrets: list[str]) -> None:
    assert read_event(BODY, _header(), secrets, NOW) == Refusal("invalid_signature")


def test_while_secrets_are_rolled_either_proves() -> None:
    header = _header(secret="whsec_before")

    assert read_event(BODY, header, [SECRET, "whsec_before"], NOW) == {"id": "evt_1"}


@pytest.mark.parametrize(
    ("age", "good"),
    [(0, True), (300, True), (301, False), (86_400, False), (-3_600, True)],
)
def test_old_signatures_are_refused_and_early_ones_pass(age: int, good: bool) -> None:
    header = _header(moment=NOW - timedelta(seconds=age))

    answer = read_event(BODY, header, [SECRET], NOW)

    assert isinstance(answer, dict) is good


def test_a_second_time_in_the_header_does_not_make_an_old_event_young() -> None:
    old = int((NOW - timedelta(days=1)).timestamp())
    mark = sign(BODY, SECRET, old)

    for first in (f"{old}", f"+{old}", f" {old}", f"0{old}"):
        header = f"t={first},t={int(NOW.timestamp())},v1={mark}"
        assert isinstance(read_event(BODY, header, [SECRET], NOW), Refusal)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not_json"),
        (b"not json", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_event"),
        (b"5", "not_an_event"),
        (b"\xff\xfe", "invalid_signature"),
    ],
    ids=["empty", "words", "deep", "list", "number", "not_utf8"],
)
def test_signed_nonsense_is_refused(body: bytes, why: str) -> None:
    assert read_event(body, _header(body), [SECRET], NOW) == Refusal(why)


@given(
    header=st.one_of(
        st.text(max_size=120),
        st.builds("t={},v1={}".format, st.text(max_size=20), st.text(max_size=80)),
    ),
    body=st.binary(max_size=100),
)
def test_no_header_whatever_raises(header: str, body: bytes) -> None:
    assert isinstance(read_event(body, header, [SECRET], NOW), Refusal)
