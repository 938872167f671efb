from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Account, Notice, Receipt, Refusal
from checkout.rails.vietqr.rail import RAIL
from tests.rails.kit import NOW, VIETQR_SETTINGS, load_vectors, make_account, resolve

KEY = {"authorization": "Apikey dev-key-123"}
BODY = load_vectors("sepay_payload")[0]["input"]["raw_body"]
READABLE = [one for one in load_vectors("sepay_payload") if one["name"] != "payload_not_json"]


def _read(body: str | bytes, account: Account | None = None, content_type: str = "") -> Notice:
    raw = body.encode() if isinstance(body, str) else body
    headers = KEY | {"content-type": content_type}
    notices = RAIL.read_hook(headers, {}, raw, account or make_account(), NOW)
    assert not isinstance(notices, Refusal)
    (notice,) = notices
    return notice


def _change(**fields: Any) -> str:
    return json.dumps(json.loads(BODY) | fields)


@pytest.mark.parametrize("vector", READABLE, ids=lambda vector: vector["name"])
def test_genuine_notices_become_notices_and_are_answered_with_success(
    vector: dict[str, Any],
) -> None:
    fields = json.loads(vector["input"]["raw_body"])

    notice = _read(vector["input"]["raw_body"])

    assert notice.outcome == ("succeeded" if fields["transferType"] == "in" else "ignored")
    assert notice.provider_reference == "92704"
    assert (notice.amount, notice.currency) == (int(fields["transferAmount"]), "VND")
    assert notice.account == fields["accountNumber"]
    assert notice.occurred_at == datetime(2026, 11, 20, 7, 2, 37, tzinfo=UTC)
    answer = RAIL.acknowledge([Receipt(True, details=notice.details)])
    assert (answer.status, answer.body) == (200, b'{"success": true}')


def test_the_memo_names_the_order() -> None:
    notice = _read(BODY)

    found = resolve(notice.matches, amount=150_000, open_amounts={"HM7K2M9QX": 150_000})
    assert found == "HM7K2M9QX"
    assert notice.memo == "HM7K2M9QX"
    assert notice.raw == BODY.encode()
    assert notice.details["gateway"] == "Vietcombank"


def test_an_outgoing_movement_matches_nothing() -> None:
    assert _read(_change(transferType="out")).matches == ()


def test_past_code_prefixes_are_still_read() -> None:
    account = make_account(prefixes=("NEW", "HM"))

    assert "HM7K2M9QX" in {match.value for match in _read(BODY, account).matches}


def test_a_form_notice_equals_the_json_one() -> None:
    fields = {name: "" if value is None else value for name, value in json.loads(BODY).items()}

    form = _read(urlencode(fields), content_type="application/x-www-form-urlencoded")

    assert form.fingerprint == _read(BODY).fingerprint
    assert form.provider_reference == "92704"
    assert form.amount == 150_000


def test_a_credit_to_the_own_virtual_account_is_told_by_it() -> None:
    body = _change(subAccount="963nhm1")
    account = make_account(virtual_account="963NHM1")

    assert _read(body, account).account == "963NHM1"
    assert _read(body, account).account in RAIL.accounts_of(account)
    assert _read(body).account == "0123499999"


def test_a_body_that_is_no_notice_is_kept_and_answered_with_400() -> None:
    notice = _read('{"id":1')

    assert notice.outcome == "unreadable"
    assert notice.raw == b'{"id":1'
    assert notice.provider_reference.startswith("raw:")
    assert notice.provider_reference == _read('{"id":1').provider_reference
    answer = RAIL.acknowledge([Receipt(True, "unreadable", details=notice.details)])
    assert answer.status == 400


@pytest.mark.parametrize("fields", [{"id": None}, {"transferAmount": "a lot"}, {"transferType": 7}])
def test_a_notice_that_is_not_understood_is_kept_and_answered_with_success(
    fields: dict[str, Any],
) -> None:
    notice = _read(_change(**fields))

    assert notice.outcome == "unreadable"
    assert notice.matches == ()
    answer = RAIL.acknowledge([Receipt(True, "unreadable", details=notice.details)])
    assert (answer.status, answer.body) == (200, b'{"success": true}')


def test_a_notice_that_was_not_stored_is_a_failure() -> None:
    assert RAIL.acknowledge([Receipt(stored=False)]).status == 503


def test_a_notice_without_the_key_is_refused_before_it_is_read() -> None:
    assert isinstance(RAIL.read_hook({}, {}, BODY.encode(), make_account(), NOW), Refusal)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
_fields = st.dictionaries(st.sampled_from(sorted(json.loads(BODY))), _values)


@given(_fields)
def test_any_fields_become_one_notice(fields: dict[str, Any]) -> None:
    notice = _read(_change(**fields))

    assert notice.outcome in ("succeeded", "ignored", "unreadable")
    json.dumps(notice.details, ensure_ascii=False).encode()
    assert "\x00" not in notice.memo


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_body_becomes_one_notice(body: bytes, content_type: str) -> None:
    assert _read(body, content_type=content_type).raw == body


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"bank": "nowhere"}, ["bank"]),
        ({"bank": None}, ["bank"]),
        ({"api_key": None}, ["api_key"]),
        ({"auth": "hmac"}, []),
        ({"auth": "hmac", "webhook_secret": ""}, ["webhook_secret"]),
    ],
)
def test_settings_are_checked_together(change: dict[str, Any], fields: list[str]) -> None:
    faults = RAIL.check_settings(VIETQR_SETTINGS | change)

    assert [field for field, _ in faults] == fields


def test_the_list_can_be_asked_only_with_a_token() -> None:
    assert RAIL.can_ask(make_account())
    assert not RAIL.can_ask(make_account(api_token=None))
