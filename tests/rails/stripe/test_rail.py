from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from checkout.rails.base import Match, RailError, Receipt, Refusal
from checkout.rails.stripe.fake import FAKE
from checkout.rails.stripe.fake_events import hook_headers
from checkout.rails.stripe.notices import COMPLETED
from checkout.rails.stripe.rail import RAIL
from tests.rails.kit import NOW, HttpIntoFake, MemoryShelf
from tests.rails.stripe.samples import (
    PAGE_URL,
    Answers,
    Stage,
    answer_of,
    card_attempt,
    event_object,
    make_account,
    send_event,
    session_object,
)

OPENED = session_object(status="open", payment_status="unpaid", url=f"{PAGE_URL}/pay/cs_test_1")


def _sent(stage: Stage) -> dict[str, str]:
    return dict(parse_qsl(stage.http.calls[0].body.decode()))


def test_an_attempt_becomes_a_hosted_session() -> None:
    account = replace(make_account(), store="sto_1")
    stage = Stage(account, description="Áo thun đỏ", customer_email="a@example.com")

    sent = _sent(stage)
    assert stage.prompt.kind == "redirect"
    assert stage.prompt.redirect_url == f"{PAGE_URL}/pay/{stage.session_id}"
    assert stage.prompt.details == {"checkout_session": stage.session_id}
    assert sent["line_items[0][price_data][unit_amount]"] == "150000"
    assert sent["line_items[0][price_data][currency]"] == "vnd"
    assert sent["line_items[0][price_data][product_data][name]"] == "Áo thun đỏ"
    assert sent["client_reference_id"] == sent["metadata[attempt]"] == "att_1"
    assert sent["payment_intent_data[metadata][code]"] == "HM-7K2M9QX"
    assert sent["metadata[store]"] == "sto_1"
    assert sent["payment_method_types[0]"] == "card"
    assert sent["customer_email"] == "a@example.com"
    assert sent["success_url"].endswith("/att_1?state=done&id={CHECKOUT_SESSION_ID}")
    assert sent["cancel_url"].endswith("/att_1?state=cancelled")
    assert stage.http.calls[0].headers["Idempotency-Key"] == "att_1"


@pytest.mark.parametrize(
    ("currency", "amount", "unit_amount"),
    [("KHR", 4_000, "400000"), ("USD", 1_050, "1050"), ("VND", 20_000, "20000")],
)
def test_stripe_hears_of_amounts_by_its_own_table(
    currency: str, amount: int, unit_amount: str
) -> None:
    stage = Stage(currency=currency, amount=amount)

    assert _sent(stage)["line_items[0][price_data][unit_amount]"] == unit_amount
    assert stage.hear(stage.pay())[0].amount == amount


@pytest.mark.parametrize(("locale", "sent"), [("vi", "vi"), ("en", "en"), ("km", "auto")])
def test_the_page_speaks_the_shoppers_language_where_stripe_does(locale: str, sent: str) -> None:
    assert _sent(Stage(locale=locale))["locale"] == sent


def test_without_words_of_the_shop_the_code_names_the_item() -> None:
    name = "line_items[0][price_data][product_data][name]"

    assert _sent(Stage())[name] == "HM-7K2M9QX"
    assert _sent(Stage(reference="order 5"))[name] == "order 5"
    assert _sent(Stage(description="x" * 400))[name] == "x" * 250


def test_the_dashboard_may_choose_the_methods() -> None:
    stage = Stage(make_account(methods="dashboard"))

    assert not any(name.startswith("payment_method_types") for name in _sent(stage))


@pytest.mark.parametrize(("minutes", "lasts"), [(5, 31), (30, 31), (60, 60), (2_000, 1_435)])
def test_a_session_lives_as_long_as_stripe_allows(minutes: int, lasts: int) -> None:
    attempt = replace(card_attempt(), expires_at=NOW + timedelta(minutes=minutes))
    http = HttpIntoFake(FAKE, make_account(), MemoryShelf())

    RAIL.open(attempt, make_account(), http, NOW)

    sent = dict(parse_qsl(http.calls[0].body.decode()))
    assert int(sent["expires_at"]) == int((NOW + timedelta(minutes=lasts)).timestamp())


def test_opening_again_after_a_lost_answer_finds_the_same_session() -> None:
    stage = Stage()

    again = RAIL.open(card_attempt(), stage.account, stage.http, NOW + timedelta(seconds=30))

    assert again == stage.prompt
    assert len(stage.shelf.list("session")) == 1


def test_an_address_that_stripe_does_not_like_stops_nobody() -> None:
    stage = Stage(customer_email="khách@vídụ.vn")

    (session,) = stage.shelf.list("session")
    assert (session["id"], session["customer_email"]) == (stage.session_id, None)


def test_the_reference_is_known_before_stripe_is() -> None:
    assert RAIL.reference_of(card_attempt(), make_account()) == "att_1"

    session = session_object(id="cs_test_unknown")
    notices = send_event(event_object(COMPLETED, session))
    assert not isinstance(notices, Refusal)
    assert Match("reference", "att_1") in notices[0].matches


@pytest.mark.parametrize(
    ("opened", "temporary"),
    [
        (OPENED | {"url": "https://elsewhere.example/pay"}, False),
        (OPENED | {"url": "https://pay.example.evil.example/pay"}, False),
        (OPENED | {"livemode": True}, False),
        (OPENED | {"url": None}, True),
        (OPENED | {"id": None}, True),
    ],
)
def test_a_session_that_does_not_fit_is_not_shown(opened: Any, temporary: bool) -> None:
    with pytest.raises(RailError) as raised:
        RAIL.open(card_attempt(), make_account(), Answers(answer_of(200, opened)), NOW)

    assert raised.value.temporary is temporary


def test_an_attempt_without_an_address_to_return_to_is_not_opened() -> None:
    http = Answers(answer_of(200, OPENED))

    with pytest.raises(RailError) as raised:
        RAIL.open(card_attempt(return_url=None), make_account(), http, NOW)

    assert not raised.value.temporary
    assert http.calls == []


def test_browsers_may_go_to_stripes_page_and_nowhere_else() -> None:
    live = make_account(livemode=True)
    url = RAIL.provider_page_url({"page_host": "checkout.stripe.com"})

    assert RAIL.page_origins(make_account()) == ("https://pay.example",)
    assert RAIL.page_origins(replace(live, provider_page_url=url)) == (
        "https://checkout.stripe.com",
    )
    assert RAIL.provider_page_url({"page_host": "pay.shop.example"}) == "https://pay.shop.example"


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ({"state": "done", "id": "cs_test_1"}, "done"),
        ({"state": "cancelled"}, "cancelled"),
        ({"state": "paid"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_return_says_what_the_page_said(query: dict[str, str], state: str) -> None:
    assert RAIL.read_return(query, make_account()) == state


def test_a_notice_is_proven_before_it_is_read() -> None:
    notices = send_event(event_object(COMPLETED, session_object()))
    assert not isinstance(notices, Refusal)
    assert [one.outcome for one in notices] == ["succeeded"]

    body = json.dumps(event_object(COMPLETED, session_object())).encode()
    for headers in ({}, {"stripe-signature": ""}, {"stripe-signature": "t=1,v1=00"}):
        assert isinstance(RAIL.read_hook(headers, {}, body, make_account(), NOW), Refusal)


def test_an_event_may_be_signed_with_the_secret_before() -> None:
    event = event_object(COMPLETED, session_object())
    before = make_account(webhook_secret="whsec_before")
    rolled = make_account(webhook_secret="whsec_new", webhook_secret_old="whsec_before")
    stage = Stage(before)

    assert isinstance(send_event(event, rolled), list)
    assert len(RAIL.read_hook(*_parts(stage), rolled, NOW)) == 1  # type: ignore[arg-type]
    assert isinstance(RAIL.read_hook(*_parts(stage), make_account(), NOW), Refusal)


def _parts(stage: Stage) -> tuple[dict[str, str], dict[str, str], bytes]:
    call = stage.pay()
    return {name.lower(): text for name, text in call.headers.items()}, {}, call.body


@pytest.mark.parametrize("field", sorted(session_object()))
def test_no_field_of_a_signed_event_can_be_changed(field: str) -> None:
    signed = json.dumps(event_object(COMPLETED, session_object())).encode()
    forged = json.dumps(event_object(COMPLETED, session_object(**{field: "changed"}))).encode()
    account = make_account()
    headers = {name.lower(): text for name, text in hook_headers(signed, account, NOW).items()}

    assert isinstance(RAIL.read_hook(headers, {}, signed, account, NOW), list)
    assert RAIL.read_hook(headers, {}, forged, account, NOW) == Refusal("invalid_signature")


def test_a_live_account_hears_live_events() -> None:
    session = session_object(livemode=True)
    event = event_object(COMPLETED, session, livemode=True)

    (notice,) = send_event(event, make_account(livemode=True))  # type: ignore[misc]

    assert notice.outcome == "succeeded"


@pytest.mark.parametrize("livemode", [True, None, "false", 0])
def test_an_event_of_the_other_mode_is_refused(livemode: Any) -> None:
    event = event_object(COMPLETED, session_object(), livemode=livemode)

    assert send_event(event) == Refusal("wrong_livemode")


def test_an_old_delivery_is_refused() -> None:
    event = event_object(COMPLETED, session_object())

    late = send_event(event, now=NOW + timedelta(seconds=301))

    assert late == Refusal("signature_too_old")


def test_stripe_hears_what_became_of_its_event() -> None:
    assert RAIL.acknowledge([Receipt(stored=True)]).status == 200
    assert RAIL.acknowledge([]).status == 200
    assert RAIL.acknowledge([Receipt(stored=True), Receipt(stored=False)]).status == 503
    refused = RAIL.refuse(Refusal("invalid_signature"))
    assert refused is not None
    assert refused.status == 400


def test_asking_tells_what_the_webhook_would_have_told() -> None:
    stage = Stage()
    assert stage.check() == []

    told = stage.hear(stage.pay())
    asked = stage.check()

    assert [one.provider_reference for one in asked] == [one.provider_reference for one in told]
    assert [one.occurred_at for one in asked] == [one.occurred_at for one in told]
    assert asked[0].details == told[0].details
    assert stage.http.calls[-1].query == {"expand[0]": "payment_intent.latest_charge"}


def test_an_attempt_that_never_got_its_page_is_not_asked_about() -> None:
    http = Answers(answer_of(200, {}))

    assert RAIL.check([card_attempt()], make_account(), http, NOW) == []
    assert RAIL.close(card_attempt(), make_account(), http, NOW) == ()
    assert http.calls == []


def test_an_attempt_is_asked_about_and_closed_under_one_of_its_references() -> None:
    stage = Stage()
    ours = replace(stage.attempt, provider_reference="att_1")
    before = len(stage.http.calls)

    assert RAIL.check([ours], stage.account, stage.http, NOW) == []
    assert RAIL.close(ours, stage.account, stage.http, NOW) == ()
    assert len(stage.http.calls) == before


def test_a_session_of_another_stripe_account_is_no_news() -> None:
    stage, other = Stage(), Stage(memo="HM0000000")
    stage.pay()
    gone = replace(stage.attempt, provider_reference="cs_test_gone")

    notices = RAIL.check([gone, stage.attempt, other.attempt], stage.account, stage.http, NOW)

    assert [one.outcome for one in notices] == ["succeeded", "succeeded"]


def test_asking_with_a_key_of_the_other_mode_is_an_error() -> None:
    http = Answers(answer_of(200, session_object(livemode=True)))
    attempt = replace(card_attempt(), provider_reference="cs_test_1")

    with pytest.raises(RailError) as raised:
        RAIL.check([attempt], make_account(), http, NOW)

    assert not raised.value.temporary


def test_closing_ends_the_page() -> None:
    stage = Stage()

    closed = list(RAIL.close(stage.attempt, stage.account, stage.http, NOW))

    assert stage.http.calls[-1].headers["Idempotency-Key"] == "att_1:expire"
    (notice,) = stage.hear(stage.http.notices[0])
    assert (notice.outcome, notice.details["failure_code"]) == ("failed", "expired")
    assert [one.provider_reference for one in closed] == [notice.provider_reference]
    assert [one.outcome for one in stage.check()] == ["failed"]
    assert RAIL.close(stage.attempt, stage.account, stage.http, NOW) == closed


def test_closing_what_was_paid_in_the_same_moment_brings_the_money() -> None:
    stage = Stage()
    told = stage.hear(stage.pay())

    closed = RAIL.close(stage.attempt, stage.account, stage.http, NOW)

    assert [one.provider_reference for one in closed] == [told[0].provider_reference]
    assert closed[0].outcome == "succeeded"


@pytest.mark.parametrize("status", [429, 500])
def test_closing_without_an_answer_says_so(status: int) -> None:
    stage = Stage()

    with pytest.raises(RailError) as raised:
        RAIL.close(stage.attempt, stage.account, Answers(answer_of(status, b"")), NOW)

    assert raised.value.temporary


def test_the_list_of_events_brings_what_the_webhook_did_not() -> None:
    stage = Stage()
    stage.visit("decline")
    for _ in range(3):
        stage.pay()
    known = {row["payment_intent"] for row in stage.shelf.list("session")}

    found = list(RAIL.backfill(stage.account, NOW - timedelta(hours=1), NOW, stage.http))

    assert {one.provider_reference for one in found} == known
    assert {(one.outcome, one.source, one.amount) for one in found} == {
        ("succeeded", "list", 150_000)
    }
    query = stage.http.calls[-1].query
    assert query["types[0]"] == COMPLETED
    assert int(query["created[gte]"]) < int((NOW - timedelta(hours=1)).timestamp())


def test_a_long_list_is_turned_page_by_page() -> None:
    stage = Stage()
    for _ in range(205):
        stage.pay()
    before = len(stage.http.calls)

    found = list(RAIL.backfill(stage.account, NOW, NOW, stage.http))

    assert len({one.provider_reference for one in found}) == 205
    assert len(stage.http.calls) - before == 3
    assert list(RAIL.backfill(stage.account, NOW + timedelta(days=1), NOW, stage.http)) == []


@pytest.mark.parametrize("events", [5, ["x"], [{"id": "evt_1"}]])
def test_a_garbled_list_is_no_information(events: Any) -> None:
    http = Answers(answer_of(200, {"object": "list", "data": events, "has_more": False}))

    with pytest.raises(RailError) as raised:
        list(RAIL.backfill(make_account(), NOW, NOW, http))

    assert raised.value.temporary


def test_the_probe_asks_for_the_balance() -> None:
    stage = Stage()

    assert "test mode" in RAIL.probe(stage.account, stage.http, NOW)
    assert (stage.http.calls[-1].method, stage.http.calls[-1].path) == ("GET", "/v1/balance")

    with pytest.raises(RailError):
        RAIL.probe(make_account(secret_key="sk_test_other"), stage.http, NOW)
    live = Answers(answer_of(200, {"object": "balance", "livemode": True}))
    with pytest.raises(RailError):
        RAIL.probe(make_account(), live, NOW)


def test_settings_accept_stripes_own_forms() -> None:
    patterns = {one.name: one.pattern for one in RAIL.settings if one.pattern}

    for key in ("sk_test_51Abc", "sk_live_51Abc", "rk_live_51Abc"):
        assert re.fullmatch(patterns["secret_key"], key)
    for key in ("pk_live_51Abc", "51Abc", "sk_live_", "sk_live_a b"):
        assert not re.fullmatch(patterns["secret_key"], key)
    assert re.fullmatch(patterns["webhook_secret"], "whsec_dev")
    assert not re.fullmatch(patterns["webhook_secret"], "whsec_")
    assert RAIL.can_ask(make_account())
    assert RAIL.accounts_of(make_account()) == frozenset()


def test_the_sdk_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from checkout.rails import registry;"
        " registry.get_rail('stripe'), registry.get_fake('stripe');"
        " print('stripe' in sys.modules, 'requests' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
