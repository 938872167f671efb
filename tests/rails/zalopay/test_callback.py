from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.base import Match, Notice, Receipt, Refusal
from checkout.rails.zalopay.mac import RETURN, join_fields, make_mac
from checkout.rails.zalopay.movement import read_time
from checkout.rails.zalopay.rail import RAIL
from tests.rails.kit import load_vectors
from tests.rails.zalopay.samples import KEY2, NOW, TRANS_ID, make_account

FACTS: dict[str, Any] = {
    "app_id": 2553,
    "app_trans_id": TRANS_ID,
    "app_time": 1_795_158_000_000,
    "app_user": "cs_1",
    "amount": 150_000,
    "embed_data": "{}",
    "item": "[]",
    "zp_trans_id": 261_120_000_000_123,
    "server_time": 1_795_158_060_000,
    "channel": 38,
    "zp_user_id": "200918000000001",
    "user_fee_amount": 0,
    "discount_amount": 10_000,
}
DISPOSITIONS = {
    "matched": 1,
    "duplicate": 1,
    "late": 1,
    "ignored": 1,
    "repeated": 1,
    None: 1,
    "unknown_code": 0,
    "partial": 2,
    "over": 2,
    "wrong_account": 2,
    "wrong_currency": 2,
    "unreadable": 2,
}


def _envelope(data: object, *, key: str = KEY2, **changes: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return json.dumps({"data": text, "mac": make_mac(key, text), "type": 1} | changes).encode()


def _read(body: bytes, **settings: Any) -> Notice | Refusal:
    read = RAIL.read_hook({}, {}, body, make_account(**settings), NOW)
    if isinstance(read, Refusal):
        return read
    (notice,) = read
    return notice


def _notice(body: bytes, **settings: Any) -> Notice:
    notice = _read(body, **settings)
    assert isinstance(notice, Notice)
    return notice


def _code(*receipts: Receipt) -> int:
    answer = RAIL.acknowledge(receipts)
    assert answer.status == 200
    return int(json.loads(answer.body)["return_code"])


@pytest.mark.parametrize(
    "vector", load_vectors("zalopay_callback"), ids=lambda vector: vector["name"]
)
def test_vectors(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expected"]
    body = json.dumps({name: given[name] for name in ("data", "mac", "type")}).encode()

    read = _read(body, key2=given["key2"])

    if not expected["valid"]:
        assert isinstance(read, Refusal)
        refusal = RAIL.refuse(read)
        assert refusal is not None
        assert (refusal.status, json.loads(refusal.body)["return_code"]) == (200, -1)
        assert expected.get("reply_return_code", -1) == -1
        return
    facts = json.loads(given["data"])
    assert isinstance(read, Notice)
    assert read.matches == (Match("reference", facts["app_trans_id"]),)
    assert (read.amount, read.currency) == (facts["amount"], "VND")
    assert read.provider_reference == str(facts["zp_trans_id"])
    assert read.account in RAIL.accounts_of(make_account())
    for name in ("app_trans_id", "amount", "zp_trans_id"):
        assert facts[name] == expected.get(name, facts[name])


def test_the_vectors_answers() -> None:
    assert _code(Receipt(stored=True, disposition="matched")) == 1
    assert _code(Receipt(stored=True, disposition="matched", repeated=True)) == 1
    assert _code(Receipt(stored=True, disposition="partial")) != 1
    assert _code(Receipt(stored=True, disposition="unknown_code")) == 0


@pytest.mark.parametrize(("disposition", "code"), DISPOSITIONS.items())
@pytest.mark.parametrize("repeated", [False, True])
def test_the_answer_says_what_became_of_it(
    disposition: str | None, code: int, repeated: bool
) -> None:
    assert _code(Receipt(stored=True, disposition=disposition, repeated=repeated)) == code


def test_what_was_not_stored_is_asked_for_again() -> None:
    assert _code(Receipt(stored=False)) == 0
    assert _code(Receipt(stored=True, disposition="matched"), Receipt(stored=False)) == 0


def test_a_callback_is_a_movement_of_money() -> None:
    notice = _notice(_envelope(FACTS))

    assert notice.outcome == "succeeded"
    assert notice.source == "hook"
    assert notice.occurred_at == datetime(2026, 11, 20, 7, 1, tzinfo=UTC)
    # The discount is ZaloPay's gift to the payer: the shop is owed all of it.
    assert notice.amount == 150_000
    assert notice.details == {
        "app_trans_id": TRANS_ID,
        "channel": 38,
        "discount_amount": 10_000,
        "user_fee_amount": 0,
        "zp_user_id": "200918000000001",
    }


@pytest.mark.parametrize("zp_trans_id", [261_120_000_000_123, "261120000000123"])
def test_an_id_is_the_same_as_number_and_as_text(zp_trans_id: object) -> None:
    notice = _notice(_envelope(FACTS | {"zp_trans_id": zp_trans_id}))

    assert notice.provider_reference == "261120000000123"


def test_the_case_of_the_mac_does_not_matter() -> None:
    text = json.dumps(FACTS)

    assert _notice(_envelope(FACTS, mac=make_mac(KEY2, text).upper())).outcome == "succeeded"


@pytest.mark.parametrize("field", FACTS)
def test_no_field_can_be_changed(field: str) -> None:
    mac = make_mac(KEY2, json.dumps(FACTS))
    changed = {"app_id": 2554, "amount": 1}.get(field, f"{FACTS[field]}1")

    assert isinstance(_read(_envelope(FACTS | {field: changed}, mac=mac)), Refusal)
    without = {name: value for name, value in FACTS.items() if name != field}
    assert isinstance(_read(_envelope(without, mac=mac)), Refusal)


@pytest.mark.parametrize("mac", [None, "", "zz", 7, [], {}, "0" * 64, True])
def test_a_mac_that_is_none_is_refused(mac: object) -> None:
    assert isinstance(_read(_envelope(FACTS, mac=mac)), Refusal)


@pytest.mark.parametrize("key2", [None, ""])
def test_an_account_without_key2_refuses_everything(key2: str | None) -> None:
    assert isinstance(_read(_envelope(FACTS, key=""), key2=key2), Refusal)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"data": {}}', b'{"data": null}'],
)
def test_a_body_that_is_no_callback_is_refused(body: bytes) -> None:
    assert isinstance(_read(body), Refusal)


@pytest.mark.parametrize("type_", [2, "2"])
def test_an_agreement_is_never_a_payment_and_takes_no_payments_place(type_: object) -> None:
    marked, real = _notice(_envelope(FACTS, type=type_)), _notice(_envelope(FACTS))

    assert (marked.outcome, marked.matches, marked.amount) == ("ignored", (), None)
    assert marked.provider_reference != real.provider_reference


@pytest.mark.parametrize("type_", [1, "1", None, 3, [], {}])
def test_any_other_type_is_read_by_what_it_says(type_: object) -> None:
    assert _notice(_envelope(FACTS, type=type_)).outcome == "succeeded"


def test_another_apps_money_is_told_with_its_account() -> None:
    notice = _notice(_envelope(FACTS | {"app_id": 999}))

    assert notice.account == "999"
    assert notice.account not in RAIL.accounts_of(make_account())


@pytest.mark.parametrize(
    "changes",
    [
        *({"amount": value} for value in (0, -1, 1.5, "1e3", None, True, "", 10**13, [], "５")),
        *({"zp_trans_id": value} for value in (0, None, 2.6e14, "x", "", "1" * 21, True, {})),
        *({"app_trans_id": value} for value in (None, "", 7, "x" * 65, "a\n", "\ud800")),
        *({"app_id": value} for value in (None, "abc", -1, True)),
    ],
    ids=repr,
)
def test_genuine_money_that_is_not_understood_is_kept_for_a_person(changes: dict[str, Any]) -> None:
    body = _envelope(FACTS | changes)

    notice = _notice(body)

    assert notice.outcome == "unreadable"
    assert notice.raw == body
    assert notice.details["unreadable"]
    assert notice.provider_reference == _notice(body).provider_reference


@pytest.mark.parametrize("data", ["", "null", "[]", "7", "{", "\ud800", "[" * 50_000])
def test_genuine_text_that_is_no_object_is_kept_for_a_person(data: str) -> None:
    assert _notice(_envelope(data)).outcome == "unreadable"


@pytest.mark.parametrize(
    "value", [None, "", 0, "soon", 10**30, -5, 1_795_158_060, 99_999_999_999_999, True, []]
)
def test_a_time_that_cannot_be_is_none(value: object) -> None:
    assert read_time(value) is None
    assert _notice(_envelope(FACTS | {"server_time": value})).occurred_at is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(body=st.binary(max_size=300))
def test_junk_is_refused(body: bytes) -> None:
    assert isinstance(_read(body), Refusal)


@given(data=_json, mac=_json, type_=_json)
def test_junk_in_an_envelope_is_refused(data: object, mac: object, type_: object) -> None:
    body = json.dumps({"data": data, "mac": mac, "type": type_}).encode()

    assert isinstance(_read(body), Refusal)


@given(changes=st.dictionaries(st.sampled_from(sorted(FACTS)), _json), type_=_json)
def test_signed_junk_is_always_a_notice(changes: Mapping[str, object], type_: object) -> None:
    notice = _notice(_envelope(FACTS | changes, type=type_))

    assert notice.outcome in ("succeeded", "unreadable", "ignored")
    assert notice.provider_reference
    json.dumps(dict(notice.details))


@pytest.mark.parametrize(
    "vector", load_vectors("zalopay_redirect"), ids=lambda vector: vector["name"]
)
def test_what_the_browser_brings_back_counts_only_when_it_is_signed(vector: dict[str, Any]) -> None:
    query = vector["input"]["query"]
    said = {"1": "done", "-49": "cancelled"}[query["status"]]

    answer = RAIL.read_return(query, make_account(key2=vector["input"]["key2"]))

    assert answer == (said if vector["expected"]["valid"] else "unknown")


@pytest.mark.parametrize("changes", [{"status": "-217"}, {"status": ""}, {"appid": "999"}])
def test_other_signed_returns_say_nothing(changes: dict[str, str]) -> None:
    query = {"appid": "2553", "apptransid": TRANS_ID, "amount": "1", "status": "1"} | changes
    query["checksum"] = make_mac(KEY2, join_fields(query, RETURN))

    assert RAIL.read_return(query, make_account()) == "unknown"


@given(query=st.dictionaries(st.sampled_from([*RETURN, "checksum"]), st.text()))
def test_an_unsigned_return_says_nothing(query: dict[str, str]) -> None:
    assert RAIL.read_return(query, make_account()) == "unknown"
