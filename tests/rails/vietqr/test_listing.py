from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checkout.rails.base import HttpAnswer, RailError
from checkout.rails.vietqr import listing
from checkout.rails.vietqr.rail import RAIL
from tests.rails.kit import NOW, make_account, make_attempt
from tests.rails.vietqr.test_movement import ROW


class ScriptedHttp:
    """Answers each call with the next of its answers."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        self.urls.append(url)
        self.headers.append(headers or {})
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("checkout.rails.vietqr.listing.time.sleep", slept.append)
    return slept


def _answer(body: object, status: int = 200, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(body).encode())


def _page(*rows: Any, **pagination: Any) -> HttpAnswer:
    return _answer({"status": "success", "data": rows, "meta": {"pagination": pagination}})


def _row(number: int) -> dict[str, Any]:
    return ROW | {"id": f"row-{number}", "reference_number": f"FT{number}"}


def _check(http: ScriptedHttp) -> list[str]:
    notices = RAIL.check([make_attempt()], make_account(), http, NOW)
    return [notice.provider_reference for notice in notices]


def test_the_list_is_asked_from_the_oldest_attempt_on() -> None:
    http = ScriptedHttp(_page(_row(1), has_more=False))
    older = make_attempt(created_at=NOW - timedelta(hours=1))

    RAIL.check([make_attempt(), older], make_account(), http, NOW)

    parts = urlsplit(http.urls[0])
    assert parts.path.endswith("/v2/transactions")
    assert parse_qs(parts.query) == {
        "page": ["1"],
        "per_page": ["100"],
        "account": ["0123499999"],
        "transfer_type": ["in"],
        "transaction_date_from": ["2026-11-20 12:55:00"],
        "transaction_date_sort": ["asc"],
    }
    assert http.headers[0]["Authorization"] == "Bearer dev-token"


def test_no_attempts_ask_nothing() -> None:
    assert RAIL.check([], make_account(), ScriptedHttp(), NOW) == []


def test_pages_are_turned_slowly_to_the_end(waits: list[float]) -> None:
    http = ScriptedHttp(
        _page(_row(1), _row(2), has_more=True),
        _page(_row(2), _row(3), current_page=2, last_page=3),
        _page(_row(4), current_page=3, last_page=3),
    )

    assert _check(http) == ["row-1", "row-2", "row-3", "row-4"]
    assert waits == [listing.PAUSE_SECONDS, listing.PAUSE_SECONDS]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "data": [ROW], "meta": {"pagination": {"has_more": False}}},
        {"status": "success", "data": [ROW]},
        {"data": [ROW]},
        {"status": "success", "data": {"transactions": [ROW], "pagination": {"last_page": "1"}}},
        {"status": 200, "error": None, "transactions": [ROW]},
    ],
)
def test_rows_are_found_in_every_published_shape(body: object) -> None:
    assert _check(ScriptedHttp(_answer(body))) == [ROW["id"]]


def test_full_pages_without_paging_facts_go_on_until_one_is_short() -> None:
    full = [_row(number) for number in range(100)]
    http = ScriptedHttp(_answer({"data": full}), _answer({"data": [_row(100)]}))

    assert len(_check(http)) == 101


def test_a_row_that_is_not_understood_is_told_once() -> None:
    broken = ROW | {"amount_in": "much"}
    changed = broken | {"webhook_success": 0}
    http = ScriptedHttp(_page(broken, changed, "text", has_more=False))

    notices = RAIL.check([make_attempt()], make_account(), http, NOW)

    assert [notice.outcome for notice in notices] == ["unreadable"] * 3
    references = [notice.provider_reference for notice in notices]
    assert references[0] == references[1] != references[2]


def test_a_short_wait_is_kept_and_the_page_asked_again(waits: list[float]) -> None:
    http = ScriptedHttp(_answer({}, 429, **{"retry-after": "2"}), _page(_row(1), has_more=False))

    assert _check(http) == ["row-1"]
    assert waits == [2]


@pytest.mark.parametrize(
    ("headers", "tries", "wait_seconds"),
    [
        ({"retry-after": "60"}, 1, 60),
        ({"x-sepay-userapi-retry-after": "9"}, 1, 9),
        ({"retry-after": "soon"}, 3, 1),
        ({}, 3, 1),
    ],
)
def test_a_long_wait_is_the_callers(headers: dict[str, str], tries: int, wait_seconds: int) -> None:
    http = ScriptedHttp(*[_answer({}, 429, **headers)] * 3)

    with pytest.raises(RailError) as raised:
        _check(http)

    assert raised.value.temporary
    assert raised.value.retry_after_seconds == wait_seconds
    assert len(http.urls) == tries


@pytest.mark.parametrize(
    ("answer", "code", "temporary"),
    [
        (_answer({}, 401), "provider_unauthorized", False),
        (_answer({}, 403), "provider_unauthorized", False),
        (_answer({}, 404), "provider_refused", False),
        (_answer({}, 422), "provider_refused", False),
        (_answer({}, 302), "provider_refused", False),
        (_answer({}, 500), "provider_error", True),
        (_answer({}, 503), "provider_error", True),
        (HttpAnswer(200, {}, b"<html>"), "provider_garbled", True),
        (HttpAnswer(200, {}, b"\xff\xfe"), "provider_garbled", True),
        (HttpAnswer(200, {}, b"[" * 50_000), "provider_garbled", True),
        (_answer([]), "provider_garbled", True),
        (_answer({"status": "error", "data": []}), "provider_garbled", True),
        (_answer({"status": "success", "data": None}), "provider_garbled", True),
    ],
)
def test_a_list_that_cannot_be_read_is_a_rail_error(
    answer: HttpAnswer, code: str, temporary: bool
) -> None:
    with pytest.raises(RailError) as raised:
        _check(ScriptedHttp(answer))

    assert (raised.value.code, raised.value.temporary) == (code, temporary)


def test_a_list_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGES_LIMIT", 3)
    http = ScriptedHttp(*[_page(_row(number), has_more=True) for number in range(9)])

    with pytest.raises(RailError) as raised:
        _check(http)

    assert raised.value.code == "list_too_long"
    assert len(http.urls) == 3


def test_without_a_token_the_list_is_not_asked() -> None:
    with pytest.raises(RailError) as raised:
        RAIL.check([make_attempt()], make_account(api_token=None), ScriptedHttp(), NOW)

    assert raised.value.code == "rail_not_configured"
