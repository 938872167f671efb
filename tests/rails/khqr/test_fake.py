from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from checkout.rails.base import Answer, FakePage, FakeRequest, RailError
from checkout.rails.khqr.fake import FAKE
from checkout.rails.khqr.rail import RAIL
from tests.rails.khqr.sample import (
    PAGES,
    SETTINGS,
    ClosedList,
    World,
    make_attempt,
    make_token,
    show,
)
from tests.rails.kit import NOW, HttpIntoFake

BEARER = {"Authorization": "Bearer dev-token"}
BOTH_CURRENCIES = pytest.mark.parametrize(
    ("amount", "currency"), [(20_500, "KHR"), (1050, "USD"), (1000, "USD"), (1, "USD")]
)


def call(
    world: World, path: str, body: object, *, headers: Mapping[str, str] = BEARER
) -> tuple[int, dict[str, Any]]:
    request = FakeRequest("POST", path, {}, headers, json.dumps(body).encode())
    answer = FAKE.serve(request, world.account, world.shelf, now=NOW, sent_at=NOW).answer
    assert isinstance(answer, Answer)
    return answer.status, json.loads(answer.body)


def visit(world: World, url: str, choice: str | None = None) -> Answer | FakePage:
    """Open a page of the pretend bank app, or press a button on it."""
    assert url.startswith(PAGES)
    body = b"" if choice is None else f"choice={choice}".encode()
    request = FakeRequest(
        "GET" if choice is None else "POST",
        urlsplit(url).path.removeprefix(urlsplit(PAGES).path),
        {},
        {},
        body,
    )
    reply = FAKE.serve(request, world.account, world.shelf, now=NOW, sent_at=NOW)
    assert reply.calls == ()
    return reply.answer


def link_of(world: World, attempt: Any) -> str:
    (link,) = RAIL.find_links(attempt, world.account, world.http)
    return link.url


@BOTH_CURRENCIES
def test_what_was_paid_is_found(amount: int, currency: str) -> None:
    world = World()
    for number in range(4):
        now = NOW + timedelta(seconds=number)
        attempt = show(make_attempt(amount=amount, currency=currency), world.account, now)
        assert RAIL.check([attempt], world.account, world.http, NOW) == []

        world.pay(attempt)

        (notice,) = RAIL.check([attempt], world.account, world.http, NOW)
        assert notice.outcome == "succeeded"
        assert (notice.amount, notice.currency) == (amount, currency)
        assert notice.matches[0].value == attempt.provider_reference
        assert notice.account in RAIL.accounts_of(world.account)
        assert notice.occurred_at == NOW


def test_a_payment_is_one_movement_however_often_it_is_found() -> None:
    world = World()
    attempt = show(make_attempt(), world.account)
    world.pay(attempt)

    found = [RAIL.check([attempt], world.account, world.http, NOW) for _ in range(2)]
    in_a_list = RAIL.check(
        [attempt, show(attempt, world.account, NOW + timedelta(minutes=9))],
        world.account,
        world.http,
        NOW,
    )

    assert found[0] == found[1] == list(in_a_list)


def test_money_on_an_older_code_of_the_attempt_counts() -> None:
    world = World()
    first = show(make_attempt(), world.account)
    second = show(first, world.account, NOW + timedelta(minutes=9))
    world.pay(first)

    (notice,) = RAIL.check([first, second], world.account, world.http, NOW)

    assert notice.matches[0].value == first.provider_reference


def test_another_sum_is_told_as_it_is() -> None:
    world = World()
    attempt = show(make_attempt(), world.account)
    world.pay(attempt, amount=999)

    (notice,) = RAIL.check([attempt], world.account, world.http, NOW)

    assert notice.amount == 999


def test_late_money_carries_its_own_time() -> None:
    world = World()
    attempt = show(make_attempt(), world.account)
    world.pay(attempt, now=NOW + timedelta(hours=2))

    (notice,) = RAIL.check([attempt], world.account, world.http, NOW)

    assert notice.occurred_at == NOW + timedelta(hours=2)


def test_money_to_another_account_is_told_so() -> None:
    world, other = World(), World(bakong_account_id="someone@else")
    attempt = show(make_attempt(), world.account)
    other.shelf = world.shelf
    other.pay(attempt)

    (notice,) = RAIL.check([attempt], world.account, world.http, NOW)

    assert notice.account == "someone@else"
    assert notice.account not in RAIL.accounts_of(world.account)


def test_a_second_payment_of_the_same_code_is_another_movement() -> None:
    world = World()
    attempt = show(make_attempt(), world.account)
    references = set()
    for _ in range(2):
        world.pay(attempt)
        (notice,) = RAIL.check([attempt], world.account, world.http, NOW)
        references.add(notice.provider_reference)

    assert len(references) == 2


def test_a_failed_payment_is_nothing_and_may_be_tried_again() -> None:
    world = World()
    attempt = show(make_attempt(), world.account)

    world.pay(attempt, outcome="failure")
    assert RAIL.check([attempt], world.account, world.http, NOW) == []
    world.pay(attempt)
    world.pay(attempt, outcome="failure")

    assert len(RAIL.check([attempt], world.account, world.http, NOW)) == 1


@pytest.mark.parametrize(
    ("memo", "found"),
    [("MBVCB.32789. hm7k 2m9qx thanks", 1), ("for the room", 0), ("HM0000000", 0)],
)
def test_a_memo_that_does_not_name_the_attempt_pays_another_code(memo: str, found: int) -> None:
    world = World()
    attempt = show(make_attempt(), world.account)
    world.pay(attempt, memo=memo)

    notices = RAIL.check([attempt], world.account, world.http, NOW)

    assert [notice.memo for notice in notices] == [memo] * found


def test_a_hundred_waiting_ones_need_two_calls() -> None:
    world = World()
    attempts = [
        show(make_attempt(id=f"att_{number}"), world.account, NOW + timedelta(seconds=number))
        for number in range(100)
    ]
    for attempt in attempts[::7]:
        world.pay(attempt)

    notices = RAIL.check(attempts, world.account, world.http, NOW)

    assert len(world.http.calls) == 2
    found = {match.value for notice in notices for match in notice.matches}
    assert found == {attempt.provider_reference for attempt in attempts[::7]}


def test_a_closed_list_hides_no_money() -> None:
    world = World()
    attempts = [
        show(make_attempt(id=f"att_{number}"), world.account, NOW + timedelta(seconds=number))
        for number in range(10)
    ]
    world.pay(attempts[4])
    http = ClosedList(FAKE, world.account, world.shelf)

    (notice,) = RAIL.check(attempts, world.account, http, NOW)

    assert notice.matches[0].value == attempts[4].provider_reference


def test_a_token_that_has_run_out_is_renewed_and_works() -> None:
    world = World(token=make_token(NOW - timedelta(seconds=1)))
    attempt = show(make_attempt(), world.account)
    world.pay(attempt)

    with pytest.raises(RailError) as raised:
        RAIL.check([attempt], world.account, world.http, NOW)
    assert (raised.value.code, raised.value.temporary) == ("token_expired", False)
    changes = RAIL.renew_settings(world.account, world.http, NOW)

    renewed = replace(world.account, settings={**world.account.settings, **changes})
    http = HttpIntoFake(FAKE, world.account, world.shelf)
    assert len(RAIL.check([attempt], renewed, http, NOW)) == 1
    assert RAIL.renew_settings(renewed, http, NOW) == {}
    assert "2027-02-18" in RAIL.probe(renewed, http, NOW)


def test_a_new_project_registers_by_mail() -> None:
    world = World()
    asked = {"email": "new@shop.example", "organization": "Shop", "project": "Checkout"}

    _, requested = call(world, "/v1/request_token", asked, headers={})
    code = requested["responseMessage"].rpartition(" ")[2]
    _, verified = call(world, "/v1/verify", {"code": code}, headers={})
    token = verified["data"]["token"]

    account = {"accountId": SETTINGS["bakong_account_id"]}
    bearer = {"Authorization": f"Bearer {token}"}
    assert call(world, "/v1/check_bakong_account", account, headers=bearer)[0] == 200
    assert call(world, "/v1/request_token", asked, headers={})[1]["errorCode"] == 8
    assert call(world, "/v1/verify", {"code": "0" * 20}, headers={})[1]["errorCode"] == 6
    known = {"email": "new@shop.example"}
    assert call(world, "/v1/renew_token", known, headers={})[1]["errorCode"] is None
    unknown = {"email": "x@shop.example"}
    assert call(world, "/v1/renew_token", unknown, headers={})[1]["errorCode"] == 10


@pytest.mark.parametrize(
    "path",
    [
        "/v1/check_transaction_by_md5",
        "/v1/check_transaction_by_md5_list",
        "/v1/check_transaction_by_hash",
        "/v1/check_transaction_by_hash_list",
        "/v1/check_transaction_by_short_hash",
        "/v1/check_bakong_account",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "dev-token"}, {"Authorization": "Bearer x"}, {"Authorization": ""}],
)
def test_a_stranger_is_refused(path: str, headers: dict[str, str]) -> None:
    status, body = call(World(), path, {}, headers=headers)

    assert (status, body["errorCode"]) == (401, 6)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("check_transaction_by_md5", {}),
        ("check_transaction_by_md5", {"md5": "x"}),
        ("check_transaction_by_md5", None),
        ("check_transaction_by_md5_list", {"md5s": ["a" * 32]}),
        ("check_transaction_by_md5_list", []),
        ("check_transaction_by_md5_list", ["a" * 32] * 51),
        ("check_transaction_by_md5_list", ["a"]),
        ("check_transaction_by_hash", {"hash": "a" * 8}),
        ("check_transaction_by_short_hash", {"hash": "a" * 8, "currency": "USD"}),
        ("check_bakong_account", {}),
        ("generate_deeplink_by_qr", {"qr": "hello"}),
        ("generate_deeplink_by_qr", {}),
        ("request_token", {"email": "a@b"}),
    ],
)
def test_bodies_that_lack_something_are_refused(path: str, body: object) -> None:
    status, answer = call(World(), f"/v1/{path}", body)

    assert (status, answer["errorCode"]) == (400, 5)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/renew_token"), ("POST", "/v2/x")])
def test_an_unknown_path_is_not_found(method: str, path: str) -> None:
    world = World()
    request = FakeRequest(method, path, {}, BEARER, b"")
    answer = FAKE.serve(request, world.account, world.shelf, now=NOW, sent_at=NOW).answer

    assert isinstance(answer, Answer)
    assert answer.status == 404


@BOTH_CURRENCIES
def test_a_receipt_is_found_by_its_hash(amount: int, currency: str) -> None:
    world = World()
    for number in range(2):
        attempt = show(
            make_attempt(amount=amount, currency=currency),
            world.account,
            NOW + timedelta(seconds=number),
        )
        world.pay(attempt)
        (paid,) = RAIL.check([attempt], world.account, world.http, NOW)
        wanted = paid.provider_reference

        by_hash = RAIL.find_by_hash(wanted, world.account, world.http)
        text = f"{amount / 100:.2f}" if currency == "USD" else str(amount)
        by_short = RAIL.find_by_hash(
            wanted[:8], world.account, world.http, amount=text, currency=currency
        )

        assert by_hash == by_short
        assert by_hash is not None
        assert by_hash.amount == amount
    status, listed = call(world, "/v1/check_transaction_by_hash_list", [wanted, "0" * 64])
    assert [item["status"] for item in listed["data"]] == ["SUCCESS", "NOT_FOUND"]
    assert status == 200
    other = RAIL.find_by_hash("0" * 8, world.account, world.http, amount="1", currency="USD")
    assert other is None


@pytest.mark.parametrize(("account", "error"), [("no@body", 11), ("nobody", 12)])
def test_only_its_own_account_exists(account: str, error: int) -> None:
    answer = call(World(), "/v1/check_bakong_account", {"accountId": account})[1]

    assert answer["errorCode"] == error


def test_the_bank_app_pays_the_code_that_it_was_opened_with() -> None:
    world = World()
    first = show(make_attempt(), world.account)
    second = show(first, world.account, NOW + timedelta(minutes=9))
    url = link_of(world, first)

    page = visit(world, url)
    assert isinstance(page, FakePage)
    assert (page.amount, page.currency, page.reference) == (1050, "USD", "HM7K2M9QX")
    after = visit(world, PAGES + page.action, "pay")

    assert isinstance(after, FakePage)
    assert after.choices == ()
    (notice,) = RAIL.check([first, second], world.account, world.http, NOW)
    assert notice.matches[0].value == first.provider_reference


@pytest.mark.parametrize(("choice", "found"), [("pay", 1), ("decline", 0), ("leave", 0), ("", 0)])
def test_the_bank_app_leads_back_to_the_page(choice: str, found: int) -> None:
    world = World(app_icon_url="https://shop.example/icon.png")
    attempt = show(make_attempt(), world.account)

    answer = visit(world, link_of(world, attempt), choice)

    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["Location"]) == (303, attempt.return_url)
    assert len(RAIL.check([attempt], world.account, world.http, NOW)) == found


def test_a_link_that_nobody_made_is_not_found() -> None:
    answer = visit(World(), f"{PAGES}/d/{'0' * 32}")

    assert isinstance(answer, Answer)
    assert answer.status == 404


def test_a_static_code_has_no_link() -> None:
    static = (
        "00020101021129170013sok_dara@abaa5204599953031165802KH5908Sok Dara6010Phnom Penh6304D303"
    )

    assert call(World(), "/v1/generate_deeplink_by_qr", {"qr": static})[1]["errorCode"] == 2


def test_the_demo_settings_are_complete() -> None:
    settings = FAKE.demo_settings(lambda: "secret")
    defaults = {setting.name: setting.default for setting in RAIL.settings}

    assert set(settings) <= set(defaults)
    assert all((defaults | settings)[setting.name] for setting in RAIL.settings if setting.required)
    assert not RAIL.check_settings(defaults | settings)
