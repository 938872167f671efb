from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checkout.rails.base import Account, Answer, FakeCall, FakeRequest, Refusal
from checkout.rails.vietqr.fake import FAKE
from checkout.rails.vietqr.rail import RAIL
from tests.rails.kit import (
    NOW,
    HttpIntoFake,
    MemoryShelf,
    deliver,
    make_account,
    make_attempt,
    resolve,
)

KNOWN = {"HM7K2M9QX": 150_000}
TOKEN = {"Authorization": "Bearer dev-token"}
HOOK_FIELDS = {
    *("id", "gateway", "transactionDate", "accountNumber", "subAccount", "code", "content"),
    *("transferType", "description", "transferAmount", "accumulated", "referenceCode"),
}
BOTH_PROOFS = pytest.mark.parametrize("auth", ["apikey", "hmac"])


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checkout.rails.vietqr.listing.time.sleep", lambda seconds: None)


def _pay(shelf: MemoryShelf, account: Account, **changes: Any) -> list[FakeCall]:
    arguments = {
        "amount": 150_000,
        "memo": None,
        "outcome": "success",
        "now": NOW,
        "sent_at": NOW,
    }
    return list(FAKE.pay(make_attempt(), account, shelf, **(arguments | changes)))


def _serve(
    shelf: MemoryShelf,
    path: str,
    *,
    method: str = "GET",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = TOKEN,
    body: bytes = b"",
) -> Answer:
    request = FakeRequest(method, path, query or {}, headers, body)
    answer = FAKE.serve(request, make_account(), shelf, now=NOW, sent_at=NOW).answer
    assert isinstance(answer, Answer)
    return answer


def _rows(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    return list(json.loads(answer.body)["data"])


@BOTH_PROOFS
def test_every_payment_reaches_its_order_whatever_the_bank_writes(auth: str) -> None:
    shelf, account = MemoryShelf(), make_account(auth=auth)

    for number in range(1, 9):
        (call,) = _pay(shelf, account)
        (notice,) = deliver(RAIL, call, account)  # type: ignore[misc]
        assert set(json.loads(call.body)) == HOOK_FIELDS
        assert call.path == "/hooks/vietqr/ra_1"
        assert notice.provider_reference == str(number)
        assert notice.outcome == "succeeded"
        assert notice.account in RAIL.accounts_of(account)
        assert notice.occurred_at == NOW
        assert resolve(notice.matches, amount=150_000, open_amounts=KNOWN) == "HM7K2M9QX"


def test_a_given_memo_arrives_as_it_was_written() -> None:
    account = make_account()
    (call,) = _pay(MemoryShelf(), account, memo="hm 7k2m9qx nhé", amount=1000)

    (notice,) = deliver(RAIL, call, account)  # type: ignore[misc]

    assert (notice.memo, notice.amount) == ("hm 7k2m9qx nhé", 1000)


def test_a_transfer_that_fails_tells_nothing() -> None:
    shelf = MemoryShelf()

    assert _pay(shelf, make_account(), outcome="failure") == []
    assert _rows(_serve(shelf, "/v2/transactions")) == []


def test_a_late_retry_counts_only_when_signed_afresh() -> None:
    shelf, account = MemoryShelf(), make_account(auth="hmac")
    (call,) = _pay(shelf, account)
    later = NOW + timedelta(minutes=33)

    renewed = FAKE.renew(call, account, shelf, later)

    assert isinstance(deliver(RAIL, call, account, later), Refusal)
    assert not isinstance(deliver(RAIL, renewed, account, later), Refusal)
    assert renewed.body == call.body


@BOTH_PROOFS
def test_a_changed_secret_is_refused(auth: str) -> None:
    (call,) = _pay(MemoryShelf(), make_account(auth=auth))
    other = make_account(auth=auth, api_key="other", webhook_secret="other")

    assert isinstance(deliver(RAIL, call, other), Refusal)


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"success": true}', True),
        (201, b'{"success":true}', True),
        (204, b"", False),
        (200, b"ok", False),
        (200, b'{"success": "true"}', False),
        (200, b"[]", False),
        (401, b'{"success": true}', False),
        (503, b'{"success": false}', False),
    ],
)
def test_only_sepays_own_answer_is_success(status: int, body: bytes, accepted: bool) -> None:
    assert FAKE.accepted(status, body) == accepted


def test_the_list_finds_what_no_notice_told() -> None:
    shelf, account = MemoryShelf(), make_account()
    _pay(shelf, account)

    (notice,) = RAIL.check([make_attempt()], account, HttpIntoFake(FAKE, account, shelf), NOW)

    assert notice.source == "list"
    assert notice.source == "list"
    assert resolve(notice.matches, amount=150_000, open_amounts=KNOWN) == "HM7K2M9QX"


def test_hook_and_list_of_one_movement_share_the_fingerprint() -> None:
    shelf, account = MemoryShelf(), make_account()
    told = {deliver(RAIL, _pay(shelf, account)[0], account)[0].fingerprint for _ in range(3)}  # type: ignore[index]

    listed = RAIL.backfill(
        account, NOW, NOW + timedelta(minutes=1), HttpIntoFake(FAKE, account, shelf)
    )

    assert {notice.fingerprint for notice in listed} == told
    assert len(told) == 3


def test_a_backfill_turns_every_page() -> None:
    shelf, account = MemoryShelf(), make_account()
    for number in range(230):
        _pay(shelf, account, now=NOW + timedelta(seconds=number))
    _pay(shelf, account, now=NOW - timedelta(days=1))
    http = HttpIntoFake(FAKE, account, shelf)

    notices = list(RAIL.backfill(account, NOW, NOW + timedelta(hours=1), http))

    assert len({notice.provider_reference for notice in notices}) == 230
    assert [call.query["page"] for call in http.calls] == ["1", "2", "3"]
    times = [notice.occurred_at for notice in notices]
    assert times == sorted(times)  # type: ignore[type-var]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer no"}, {"Authorization": ""}])
def test_a_stranger_is_refused(headers: dict[str, str]) -> None:
    assert _serve(MemoryShelf(), "/v2/transactions", headers=headers).status == 401


@pytest.mark.parametrize("path", ["/", "/v1/transactions", "/v2/transactions/none", "/v2/other"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert _serve(MemoryShelf(), path).status == 404


def test_one_movement_is_read_by_its_id() -> None:
    shelf = MemoryShelf()
    _pay(shelf, make_account())
    (row,) = _rows(_serve(shelf, "/v2/transactions"))

    answer = _serve(shelf, f"/v2/transactions/{row['id']}")

    assert json.loads(answer.body)["data"] == row
