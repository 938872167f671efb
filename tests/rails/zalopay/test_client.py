from __future__ import annotations

import json

import pytest

from checkout.rails.base import HttpAnswer, RailError
from checkout.rails.zalopay.client import GarbledAnswer, app_id_of, call_zalopay
from tests.rails.zalopay.samples import Says, make_account, says


def _call(answer: HttpAnswer) -> RailError:
    with pytest.raises(RailError) as caught:
        call_zalopay(make_account(), "/v2/create", {}, Says(answer))
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(500, {}, b'{"return_code": 1}'),
        HttpAnswer(502, {}, b"<html>"),
        HttpAnswer(403, {}, b'{"return_code": 1}'),
        HttpAnswer(404, {}, b'{"return_code": 2}'),
        HttpAnswer(429, {"retry-after": "7"}, b""),
        HttpAnswer(200, {}, b""),
        HttpAnswer(200, {}, b"<html>ok</html>"),
        HttpAnswer(200, {}, b'{"return_code": 1'),
        HttpAnswer(200, {}, b"[1]"),
        HttpAnswer(200, {}, b"{}"),
        HttpAnswer(200, {}, b'{"return_code": "1"}'),
        HttpAnswer(200, {}, b'{"return_code": true}'),
        HttpAnswer(200, {}, b'{"return_code": 1.0}'),
        HttpAnswer(200, {}, b"[" * 100_000),
        HttpAnswer(404, {}, b"Not found"),
        says(return_code=-429),
        says(return_code=-500),
        says(return_code=-999),
        says(return_code=-1),
        says(return_code=0),
        says(return_code=4),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body[:20]!r}",
)
def test_what_says_nothing_is_temporary(answer: HttpAnswer) -> None:
    error = _call(answer)

    assert error.temporary
    assert error.code == "provider_unavailable"
    assert error.retry_after_seconds == (7 if answer.status == 429 else None)


@pytest.mark.parametrize("code", [-401, -402])
def test_our_own_mistakes_are_not_tried_again(code: int) -> None:
    error = _call(says(return_code=code, return_message="nope\n" + "x" * 999))

    assert (error.code, error.temporary) == ("provider_rejected", False)
    assert str(code) in error.message
    assert len(error.message) < 300


def test_only_a_garbled_answer_is_one() -> None:
    assert isinstance(_call(HttpAnswer(200, {}, b"<html>")), GarbledAnswer)
    assert not isinstance(_call(says(return_code=-999)), GarbledAnswer)


def test_a_call_is_json_and_its_answer_keeps_its_bytes() -> None:
    http = Says(says(return_code=2, sub_return_code=-68, sub_return_message="đã dùng"))

    reply = call_zalopay(make_account(), "/v2/create", {"description": "Mây"}, http)

    assert http.sent[0]["method"] == "POST"
    assert http.sent[0]["url"] == "http://127.0.0.1:8000/fake/zalopay/ra_1/v2/create"
    assert http.sent[0]["fields"] == {"description": "Mây"}
    assert (reply.return_code, reply.sub_return_code, reply.message) == (2, -68, "đã dùng")
    assert json.loads(reply.raw) == reply.fields


@pytest.mark.parametrize("missing", ["app_id", "key1"])
def test_an_account_without_its_keys_calls_nobody(missing: str) -> None:
    with pytest.raises(RailError) as caught:
        app_id_of(make_account(**{missing: None}))

    assert (caught.value.code, caught.value.temporary) == ("rail_not_configured", False)
