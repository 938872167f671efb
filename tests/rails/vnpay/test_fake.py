from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.core.i18n import LOCALES, catalogue
from checkout.rails.base import Answer, FakeCall, FakePage, FakeRequest, Match, Notice
from checkout.rails.vnpay.api import ANSWER_NAMES, make_message, query_fields
from checkout.rails.vnpay.fake import FAKE
from checkout.rails.vnpay.rail import RAIL
from checkout.rails.vnpay.signing import is_genuine_message, sign_form
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf
from tests.rails.vnpay.kit import (
    RETURN_URL,
    SECRET,
    Browser,
    deliver,
    make_account,
    make_attempt,
    open_page,
    query_of,
)

API = "/merchant_webapi/api/transaction"


def pay(shelf: MemoryShelf, **changes: Any) -> Notice:
    arguments = {
        "amount": 150_000,
        "memo": None,
        "outcome": "success",
        "now": NOW,
        "sent_at": NOW,
    }
    (call,) = FAKE.pay(make_attempt(), make_account(), shelf, **(arguments | changes))
    return deliver(call)


def check(shelf: MemoryShelf, **changes: Any) -> list[Notice]:
    account = make_account()
    http = HttpIntoFake(FAKE, account, shelf)
    return list(RAIL.check([make_attempt(**changes)], account, http, NOW))


def location(answer: Answer | FakePage) -> str:
    assert isinstance(answer, Answer)
    assert answer.status == 303
    return answer.headers["Location"]


def result_at(answer: Answer | FakePage) -> str:
    url = location(answer)
    assert url.partition("?")[0] == RETURN_URL
    return RAIL.read_return(dict(parse_qsl(urlsplit(url).query)), make_account())


def call_api(shelf: MemoryShelf, body: bytes) -> dict[str, str]:
    request = FakeRequest("POST", API, {}, {}, body)
    answer = FAKE.serve(request, make_account(), shelf, now=NOW, sent_at=NOW).answer
    assert isinstance(answer, Answer)
    fields = dict(json.loads(answer.body))
    assert is_genuine_message(fields, ANSWER_NAMES[fields["vnp_Command"]], SECRET)
    return fields


def test_the_page_shows_what_is_to_be_paid() -> None:
    page = open_page(MemoryShelf()).look()

    assert isinstance(page, FakePage)
    assert (page.brand, page.amount, page.currency) == ("VNPay", 150_000, "VND")
    assert page.reference == "HM7K2M9QX"
    assert page.action.startswith("/vpcpay.html?")
    for locale in LOCALES:
        assert {f"pretend.{choice.name}" for choice in page.choices} <= set(catalogue(locale))


def test_the_pages_form_leads_to_the_same_page() -> None:
    browser = open_page(MemoryShelf())
    page = browser.look()
    assert isinstance(page, FakePage)

    browser.query = dict(parse_qsl(urlsplit(page.action).query))

    assert location(browser.choose("pay").answer)


@pytest.mark.parametrize(
    ("choice", "outcome", "told", "returned"),
    [
        ("pay", "succeeded", 1, "done"),
        ("twice", "succeeded", 2, "done"),
        ("decline", "failed", 1, "unknown"),
        ("cancel", "failed", 1, "cancelled"),
        ("hold", "unreadable", 1, "unknown"),
    ],
)
def test_every_choice_is_told_and_the_shopper_sent_back(
    choice: str, outcome: str, told: int, returned: str
) -> None:
    reply = open_page(MemoryShelf()).choose(choice)

    notices = [deliver(call) for call in reply.calls]
    assert [notice.outcome for notice in notices] == [outcome] * told
    assert len({notice.provider_reference for notice in notices}) == 1
    assert notices[0].matches == (Match("reference", "HM7K2M9QX"),)
    assert reply.calls[0].method == RAIL.hook_method
    assert reply.calls[0].path.startswith("/hooks/vnpay/ra_1?vnp_Amount=15000000&")
    assert result_at(reply.answer) == returned


def test_leaving_tells_nobody() -> None:
    shelf = MemoryShelf()
    reply = open_page(shelf).choose("leave")

    assert reply.calls == ()
    assert location(reply.answer) == RETURN_URL
    assert check(shelf) == []


@pytest.mark.parametrize("choice", ["pay", "decline", "cancel", "hold"])
def test_the_query_knows_what_the_ipn_told(choice: str) -> None:
    shelf = MemoryShelf()
    (call,) = open_page(shelf).choose(choice).calls

    (asked,) = check(shelf)

    told = deliver(call)
    assert (asked.outcome, asked.amount, asked.matches) == (told.outcome, told.amount, told.matches)
    if choice in ("pay", "hold"):
        assert asked.provider_reference == told.provider_reference


def test_after_a_failure_the_same_order_can_be_paid() -> None:
    shelf = MemoryShelf()
    browser = open_page(shelf)

    (failed,) = (deliver(call) for call in browser.choose("decline").calls)
    (paid,) = (deliver(call) for call in browser.choose("pay").calls)

    assert (failed.outcome, paid.outcome) == ("failed", "succeeded")
    assert failed.matches == paid.matches
    assert failed.provider_reference != paid.provider_reference
    assert [notice.provider_reference for notice in check(shelf)] == [paid.provider_reference]


def test_a_paid_order_sends_the_shopper_back_and_takes_no_more() -> None:
    browser = open_page(MemoryShelf())
    browser.choose("pay")

    assert result_at(browser.look()) == "done"
    assert browser.choose("pay").calls == ()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_page_refuses_from_the_expiry_on(method: str) -> None:
    browser = open_page(MemoryShelf())
    ends_at = make_attempt().expires_at

    before = browser.send(method, b"choice=leave", now=ends_at - timedelta(seconds=1))
    after = browser.send(method, b"choice=pay", now=ends_at)

    assert not isinstance(before.answer, Answer) or before.answer.status == 303
    assert isinstance(after.answer, Answer)
    assert (after.answer.status, after.calls) == (400, ())


def test_every_field_of_the_url_is_checked() -> None:
    browser = open_page(MemoryShelf())
    genuine = browser.query

    for name in genuine:
        for changed in ({**genuine, name: "1"}, {n: v for n, v in genuine.items() if n != name}):
            browser.query = changed
            answer = browser.look()
            assert isinstance(answer, Answer)
            assert answer.status == 400


@pytest.mark.parametrize(
    "name",
    [
        *("vnp_Amount", "vnp_ReturnUrl", "vnp_ExpireDate", "vnp_OrderInfo", "vnp_TmnCode"),
        *("vnp_Version", "vnp_CurrCode", "vnp_IpAddr", "vnp_OrderType", "vnp_CreateDate"),
    ],
)
def test_a_signed_url_without_a_needed_field_is_refused(name: str) -> None:
    browser = open_page(MemoryShelf())
    del browser.query[name]
    browser.query["vnp_SecureHash"] = sign_form(browser.query, SECRET)

    answer = browser.look()

    assert isinstance(answer, Answer)
    assert name.encode() in answer.body


def test_a_reference_belongs_to_one_order() -> None:
    shelf = MemoryShelf()
    open_page(shelf)

    answer = open_page(shelf, make_attempt(amount=1)).look()

    assert isinstance(answer, Answer)
    assert answer.status == 400


def test_an_unknown_choice_is_refused() -> None:
    answer = open_page(MemoryShelf()).choose("steal").answer

    assert isinstance(answer, Answer)
    assert answer.status == 400


def test_the_simulator_moves_any_amount_any_number_of_times() -> None:
    shelf = MemoryShelf()

    first, second = pay(shelf), pay(shelf, amount=1_000)

    assert (first.amount, second.amount) == (150_000, 1_000)
    assert first.provider_reference != second.provider_reference
    assert first.matches == second.matches == (Match("reference", "HM7K2M9QX"),)
    assert first.occurred_at == NOW


def test_the_simulator_pays_another_order_for_a_memo_and_fails_on_demand() -> None:
    shelf = MemoryShelf()

    assert pay(shelf, memo="hm 7k2m & co").matches == (Match("reference", "hm 7k2m & co"),)
    failed = pay(shelf, outcome="failure")
    assert (failed.outcome, failed.details["failure_code"]) == ("failed", "insufficient_funds")


def test_what_the_simulator_paid_is_known_to_the_query() -> None:
    shelf = MemoryShelf()
    told = pay(shelf)

    assert [one.fingerprint for one in check(shelf)] == [told.fingerprint]


@pytest.mark.parametrize(
    "changes",
    [{"provider_reference": "NOBODY"}, {"details": {"create_date": "20261120140001"}}],
)
def test_the_query_finds_by_reference_and_time_together(changes: dict[str, Any]) -> None:
    shelf = MemoryShelf()
    pay(shelf)

    assert check(shelf)
    assert check(shelf, **changes) == []


def test_a_repeated_request_is_answered_94() -> None:
    shelf = MemoryShelf()
    pay(shelf)
    fields = query_fields("HM7K2M9QX", "20261120140000", NOW)
    body = json.dumps(make_message(fields, make_account())).encode()

    codes = [call_api(shelf, body)["vnp_ResponseCode"] for _ in range(2)]

    assert codes == ["00", "94"]


def test_a_message_of_a_wrong_secret_is_answered_97() -> None:
    fields = query_fields("HM7K2M9QX", "20261120140000", NOW)
    message = make_message(fields, make_account(hash_secret="another"))

    assert call_api(MemoryShelf(), json.dumps(message).encode())["vnp_ResponseCode"] == "97"


@given(body=st.binary(max_size=200) | st.sampled_from([b"[]", b'{"vnp_Command": 1}', b"{}"]))
def test_junk_is_answered_03(body: bytes) -> None:
    assert call_api(MemoryShelf(), body)["vnp_ResponseCode"] == "03"


@given(
    query=st.dictionaries(st.text(st.characters(), max_size=12), st.text(st.characters())),
    body=st.binary(max_size=60),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=st.sampled_from(["/vpcpay.html", API, "/", "/paymentv2/vpcpay.html"]),
)
def test_junk_is_refused_without_an_exception(
    query: dict[str, str], body: bytes, method: str, path: str
) -> None:
    request = FakeRequest(method, path, query, {}, body)

    reply = FAKE.serve(request, make_account(), MemoryShelf(), now=NOW, sent_at=NOW)

    assert isinstance(reply.answer, Answer)
    assert reply.calls == ()


def test_an_account_of_the_sandbox_has_the_sandboxs_path() -> None:
    account = make_account(environment="sandbox")

    browser = open_page(MemoryShelf(), account=account)

    assert browser.path == "/paymentv2/vpcpay.html"
    assert isinstance(browser.look(), FakePage)


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"RspCode":"00","Message":"x"}', True),
        (200, b'{"RspCode":"02"}', True),
        (200, b'{"RspCode":"01"}', False),
        (200, b'{"RspCode":"04"}', False),
        (200, b'{"RspCode":"97"}', False),
        (200, b'{"RspCode":"99"}', False),
        (200, b'{"RspCode":0}', False),
        (200, b"ok", False),
        (200, b"[]", False),
        (503, b'{"RspCode":"00"}', False),
        (0, b"", False),
    ],
)
def test_vnpay_stops_at_two_codes(status: int, body: bytes, accepted: bool) -> None:
    assert FAKE.accepted(status, body) == accepted


def test_a_retry_is_the_same_to_the_byte() -> None:
    shelf = MemoryShelf()
    (call,) = open_page(shelf).choose("pay").calls

    assert FAKE.renew(call, make_account(), shelf, NOW + timedelta(minutes=45)) == call
    assert len(FAKE.retry_minutes) == 9
    assert isinstance(call, FakeCall)
    assert query_of(call)["vnp_TransactionStatus"] == "00"


def test_the_demos_account_is_whole() -> None:
    settings = FAKE.demo_settings(lambda: "made-up")

    assert not RAIL.check_settings(settings)
    assert RAIL.can_ask(make_account(**settings))
    for setting in RAIL.settings:
        value = settings.get(setting.name)
        assert value is None or setting.pattern is None or re.fullmatch(setting.pattern, value)
        assert value is not None or not setting.required


def test_a_browser_with_another_accounts_url_is_refused() -> None:
    browser = open_page(MemoryShelf())
    other = Browser(
        f"http://127.0.0.1:8000/fake/vnpay/ra_1{browser.path}?x=1",
        browser.shelf,
        make_account(hash_secret="another"),
    )
    other.query = browser.query

    answer = other.look()

    assert isinstance(answer, Answer)
    assert answer.status == 400
