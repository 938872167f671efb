"""The ZaloPay rail: an order at ZaloPay's gateway, its callback, and questions about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Deeplink,
    HttpClient,
    Notice,
    Prompt,
    Rail,
    Receipt,
    Refund,
    RefundResult,
    Refusal,
    Setting,
)
from checkout.rails.zalopay.callback import (
    NOT_GENUINE,
    answer_callback,
    make_answer,
    read_callback,
    read_redirect,
)
from checkout.rails.zalopay.ids import trans_id_of
from checkout.rails.zalopay.links import find_bank_links
from checkout.rails.zalopay.orders import create_order
from checkout.rails.zalopay.query import check_orders, probe_account
from checkout.rails.zalopay.refunds import query_refund, send_refund

API = {
    "sandbox": "https://sb-openapi.zalopay.vn",
    "production": "https://openapi.zalopay.vn",
}
GATEWAYS = {
    "sandbox": ("https://sbgateway.zalopay.vn", "https://qcgateway.zalopay.vn"),
    "production": ("https://gateway.zalopay.vn",),
}
VISIBLE_ASCII = r"[!-~]{1,512}"
METHOD = r"(domestic_card|account|zalopay_wallet|vietqr|international_card|applepay|bnpl)"

SETTINGS = (
    Setting(
        "app_id",
        kind="integer",
        required=True,
        minimum=1,
        maximum=999_999_999,
        help="The number of your application at ZaloPay.",
    ),
    Setting(
        "key1",
        kind="secret",
        required=True,
        pattern=VISIBLE_ASCII,
        help="Signs what we ask of ZaloPay.",
    ),
    Setting(
        "key2",
        kind="secret",
        required=True,
        pattern=VISIBLE_ASCII,
        help="Proves ZaloPay's callbacks and what browsers bring back.",
    ),
    Setting(
        "environment",
        kind="choice",
        choices=("production", "sandbox"),
        default="production",
        help="Which of ZaloPay's systems the keys belong to.",
    ),
    Setting(
        "base_url",
        pattern=r"https://[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?(/[A-Za-z0-9._/-]{0,200})?",
        help="Another address of ZaloPay's API than that of the environment.",
    ),
    Setting(
        "payment_methods",
        pattern=rf"{METHOD}(\s*,\s*{METHOD}){{0,6}}",
        help="What the gateway offers first, such as vietqr,zalopay_wallet.",
    ),
    Setting(
        "bank_code",
        pattern=r"[0-9A-Za-z]{0,20}",
        help="One way to pay alone, such as zalopayapp for the wallet; all of them without it.",
    ),
    Setting(
        "bank_links",
        kind="boolean",
        default=False,
        help="Whether to ask ZaloPay for bank-app buttons; not every account may.",
    ),
    Setting(
        "attempt_minutes",
        kind="integer",
        default=15,
        minimum=5,
        maximum=1440,
        help="How long an order is offered.",
    ),
)


class ZaloPay(Rail):
    """Orders that are paid in ZaloPay's app, on its gateway or by scanning its QR code."""

    name = "zalopay"
    label = "ZaloPay"
    currencies = ("VND",)
    settings = SETTINGS
    calls_out = True
    opens_app = True
    finds_links = True
    # An order may be paid for as long as it is open, whatever became of one try.
    ends_on_failure = False
    ask_seconds = (15, 30, 60)
    ask_at_once = 5
    default_minutes = 15

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return str(settings.get("base_url") or API[_environment(settings)]).rstrip("/")

    def provider_page_url(self, settings: Mapping[str, Any]) -> str:
        return GATEWAYS[_environment(settings)][0]

    def page_origins(self, account: Account) -> tuple[str, ...]:
        if account.livemode:
            return GATEWAYS[_environment(account.settings)]
        pretend = urlsplit(account.provider_page_url)
        return (f"{pretend.scheme}://{pretend.netloc}",)

    def can_ask(self, account: Account) -> bool:
        return bool(account.settings.get("app_id") and account.settings.get("key1"))

    def accounts_of(self, account: Account) -> frozenset[str]:
        app_id = account.settings.get("app_id")
        return frozenset((str(app_id),)) if app_id else frozenset()

    def reference_of(self, attempt: Attempt, account: Account) -> str | None:
        return trans_id_of(attempt)

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return create_order(attempt, account, http, now)

    def find_links(
        self, attempt: Attempt, account: Account, http: HttpClient
    ) -> tuple[Deeplink, ...]:
        return find_bank_links(attempt, account, http)

    def read_return(
        self, query: Mapping[str, str], account: Account
    ) -> Literal["done", "cancelled", "unknown"]:
        return read_redirect(query, account)

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        return read_callback(body, account)

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        return answer_callback(receipts)

    def refuse(self, refusal: Refusal) -> Answer | None:
        return make_answer(NOT_GENUINE, "mac not equal")

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        return check_orders(attempts, account, http, now)

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        return probe_account(account, http, now)

    def refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return send_refund(refund, account, http, now)

    def check_refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return query_refund(refund, account, http, now)


def _environment(settings: Mapping[str, Any]) -> str:
    chosen = settings.get("environment")
    return "sandbox" if chosen == "sandbox" else "production"


RAIL = ZaloPay()
