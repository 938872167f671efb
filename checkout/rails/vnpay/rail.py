"""The VNPay rail: a payment page of VNPay's, its notice, its query and refund API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    HttpClient,
    Notice,
    Prompt,
    Rail,
    RailError,
    Receipt,
    Refund,
    RefundResult,
    Refusal,
    Setting,
)
from checkout.rails.vnpay.ipn import answer_for, make_answer, read_ipn, read_result
from checkout.rails.vnpay.query import check_payment, try_credentials
from checkout.rails.vnpay.refund import ask_refund, send_refund
from checkout.rails.vnpay.url import api_address, make_payment_url, origin_of, page_address
from checkout.rails.vnpay.wire import AMOUNT_LIMIT, CURRENCY, to_wire_time

HTTPS_ADDRESS = r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)+"

SETTINGS = (
    Setting(
        "tmn_code",
        required=True,
        pattern=r"[0-9A-Za-z]{8}",
        help="The terminal code (vnp_TmnCode) that VNPay gave.",
    ),
    Setting(
        "hash_secret",
        kind="secret",
        required=True,
        pattern=r"[!-~]{1,512}",
        help="The hash secret (vnp_HashSecret) that came with the terminal code.",
    ),
    Setting(
        "environment",
        kind="choice",
        choices=("production", "sandbox"),
        default="production",
        help="Whose credentials these are: VNPay's real environment or its sandbox.",
    ),
    Setting(
        "page_address",
        pattern=HTTPS_ADDRESS,
        help="The payment page's whole address, where VNPay gave another one.",
    ),
    Setting(
        "api_address",
        pattern=HTTPS_ADDRESS,
        help="The query and refund API's whole address, where VNPay gave another one.",
    ),
    Setting(
        "bank_code",
        pattern=r"[0-9A-Za-z_]{3,20}",
        help="VNPAYQR, VNBANK, INTCARD or a bank; without it the shopper chooses at VNPay.",
    ),
    Setting(
        "order_type",
        default="other",
        pattern=r"[0-9A-Za-z_-]{1,100}",
        help="VNPay's category of the goods.",
    ),
    Setting(
        "attempt_minutes",
        kind="integer",
        default=15,
        minimum=1,
        maximum=1440,
        help="How long VNPay's page takes the payment.",
    ),
)


class VNPay(Rail):
    """VNPay's hosted payment page; its notices and answers are believed, its return never."""

    name = "vnpay"
    label = "VNPay"
    currencies = (CURRENCY,)
    settings = SETTINGS
    hook_method = "GET"
    # The payer may try again on VNPay's page, under the same reference.
    ends_on_failure = False
    ask_seconds = (20, 60, 120)
    ask_at_once = 1
    default_minutes = 15
    maximum: ClassVar[Mapping[str, int]] = {CURRENCY: AMOUNT_LIMIT}

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return origin_of(api_address(settings))

    def provider_page_url(self, settings: Mapping[str, Any]) -> str:
        return origin_of(page_address(settings))

    def page_origins(self, account: Account) -> tuple[str, ...]:
        return (origin_of(account.provider_page_url),)

    def can_ask(self, account: Account) -> bool:
        return _is_configured(account)

    def accounts_of(self, account: Account) -> frozenset[str]:
        return frozenset(filter(None, [str(account.settings.get("tmn_code") or "")]))

    def reference_of(self, attempt: Attempt, account: Account) -> str:
        return attempt.memo

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        if not _is_configured(account):
            raise RailError(
                "rail_not_configured",
                "The terminal code or hash secret is missing",
                temporary=False,
            )
        return Prompt(
            kind="redirect",
            redirect_url=make_payment_url(attempt, account),
            provider_reference=self.reference_of(attempt, account),
            # VNPay finds a payment only by its reference and this very time together.
            details={"create_date": to_wire_time(attempt.created_at)},
        )

    def read_return(
        self, query: Mapping[str, str], account: Account
    ) -> Literal["done", "cancelled", "unknown"]:
        return read_result(query, account)

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        read = read_ipn(query, account)
        return read if isinstance(read, Refusal) else [read]

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        return answer_for(receipts)

    def refuse(self, refusal: Refusal) -> Answer:
        return make_answer("97")

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        found = (check_payment(attempt, account, http, now) for attempt in attempts)
        return [notice for notice in found if notice is not None]

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        return try_credentials(account, http, now)

    def refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return send_refund(refund, account, http, now)

    def check_refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return ask_refund(refund, account, http, now)


def _is_configured(account: Account) -> bool:
    return bool(account.settings.get("tmn_code") and account.settings.get("hash_secret"))


RAIL = VNPay()
