"""The Stripe rail: cards on Stripe's hosted page, learned of by webhook and by asking.

Nothing here imports Stripe's SDK before an account is really used: web and worker are to
stay small where no store takes cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

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
from checkout.rails.stripe.amounts import CURRENCIES, MAXIMUM, MINIMUM
from checkout.rails.stripe.listing import list_event_notices
from checkout.rails.stripe.notices import read_event_notices, read_session_notices
from checkout.rails.stripe.refunds import create_refund, find_refund
from checkout.rails.stripe.session import origin_of, session_params

if TYPE_CHECKING:
    from checkout.rails.stripe.client import StripeApi

API_URL = "https://api.stripe.com"
PAGE_HOST = "checkout.stripe.com"
WHSEC_PATTERN = r"whsec_[!-~]{1,200}"

SETTINGS = (
    Setting(
        "secret_key",
        kind="secret",
        required=True,
        pattern=r"(sk|rk)_(test|live)_[0-9A-Za-z_-]{1,240}",
        help="The secret key (sk_…) or a restricted key (rk_…) of the Stripe account.",
    ),
    Setting(
        "webhook_secret",
        kind="secret",
        pattern=WHSEC_PATTERN,
        help="The signing secret of the webhook endpoint, with its whsec_; without it, money is"
        " only found by asking.",
    ),
    Setting(
        "webhook_secret_old",
        kind="secret",
        pattern=WHSEC_PATTERN,
        help="The secret before, while Stripe still signs with both.",
    ),
    Setting(
        "methods",
        kind="choice",
        choices=("card", "dashboard"),
        default="card",
        help="Cards and card wallets only, or whatever is switched on in Stripe's dashboard.",
    ),
    Setting(
        "page_host",
        pattern=r"[0-9a-z.-]{4,253}",
        default=PAGE_HOST,
        help="The host of Stripe's page, where the account has a domain of its own for it.",
    ),
    Setting(
        "attempt_minutes",
        kind="integer",
        default=30,
        minimum=5,
        maximum=1440,
        help="How long the payment page is offered.",
    ),
)


class Stripe(Rail):
    """Hosted Checkout Sessions, Stripe's events, refunds."""

    name = "stripe"
    label = "rail.stripe"
    currencies = CURRENCIES
    settings = SETTINGS
    calls_out = True
    closes = True
    lists = True
    ask_seconds = (30, 60, 120)
    ask_at_once = 6
    default_minutes = 30
    minimum: ClassVar[Mapping[str, int]] = MINIMUM
    maximum: ClassVar[Mapping[str, int]] = MAXIMUM

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return API_URL

    def provider_page_url(self, settings: Mapping[str, Any]) -> str:
        return f"https://{settings.get('page_host') or PAGE_HOST}"

    def page_origins(self, account: Account) -> tuple[str, ...]:
        return (origin_of(account.provider_page_url),)

    def can_ask(self, account: Account) -> bool:
        return bool(account.settings.get("secret_key"))

    def accounts_of(self, account: Account) -> frozenset[str]:
        # An endpoint's secret stands for its Stripe account; events name none of their own.
        return frozenset()

    def reference_of(self, attempt: Attempt, account: Account) -> str | None:
        return attempt.id

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        session = _create_session(session_params(attempt, account), attempt, _api(account, http))
        _check_mode(session, account)
        session_id, url = session["id"], session["url"]
        if origin_of(url) not in self.page_origins(account):
            # The browser would refuse to go there without a word to anybody.
            raise RailError(
                "provider_rejected", "Stripe's page is not at page_host", temporary=False
            )
        return Prompt(
            kind="redirect",
            redirect_url=url,
            provider_reference=session_id,
            details={"checkout_session": session_id},
        )

    def close(
        self, attempt: Attempt, account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        session_id = _session_id_of(attempt)
        if session_id is None:
            return ()
        api = _api(account, http)
        try:
            session = api.expire_session(session_id, f"{attempt.id}:expire")
        except RailError as error:
            if error.temporary:
                raise
            # No longer open: it may have been paid in this very moment.
            session = api.get_session(session_id)
        _check_mode(session, account)
        return read_session_notices(session)

    def read_return(
        self, query: Mapping[str, str], account: Account
    ) -> Literal["done", "cancelled", "unknown"]:
        states: dict[str | None, Literal["done", "cancelled"]]
        states = {"done": "done", "cancelled": "cancelled"}
        return states.get(query.get("state"), "unknown")

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        header = headers.get("stripe-signature", "")
        names = ("webhook_secret", "webhook_secret_old")
        secrets = [str(account.settings.get(name) or "") for name in names]
        if not header or not any(secrets):
            return Refusal("no_signature" if not header else "no_secret")
        from checkout.rails.stripe.webhook import read_event  # noqa: PLC0415 - loads the SDK

        event = read_event(body, header, secrets, now)
        if isinstance(event, Refusal):
            return event
        if event.get("livemode") is not account.livemode:
            return Refusal("wrong_livemode")
        return read_event_notices(event, account, source="hook", raw=body)

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        if not all(receipt.stored for receipt in receipts):
            return Answer(status=503, body=b'{"received": false}')
        return Answer(status=200, body=b'{"received": true}')

    def refuse(self, refusal: Refusal) -> Answer | None:
        return Answer(status=400, body=b'{"received": false}')

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        notices: list[Notice] = []
        for attempt in attempts:
            session_id = _session_id_of(attempt)
            # Where only ours is known the shopper never saw a page: nobody can have paid.
            if session_id is not None:
                notices += _read_session(session_id, account, http)
        return notices

    def backfill(
        self, account: Account, since: datetime, until: datetime, http: HttpClient
    ) -> Iterator[Notice]:
        return list_event_notices(_api(account, http), account, since, until)

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        balance = _api(account, http).get_balance()
        _check_mode(balance, account)
        mode = "live" if account.livemode else "test"
        return f"Stripe answers; the key is one of {mode} mode"

    def refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return create_refund(refund, _api(account, http), now)

    def check_refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        return find_refund(refund, _api(account, http), now)


def _api(account: Account, http: HttpClient) -> StripeApi:
    from checkout.rails.stripe.client import StripeApi  # noqa: PLC0415 - it loads the SDK

    return StripeApi(account, http)


def _create_session(params: dict[str, Any], attempt: Attempt, api: StripeApi) -> dict[str, Any]:
    try:
        return api.create_session(params, attempt.id)
    except RailError as error:
        if error.code != "email_invalid":
            raise
        # Stripe only fills in its form with it: an address that it does not like stops nobody.
        plain = {name: value for name, value in params.items() if name != "customer_email"}
        return api.create_session(plain, f"{attempt.id}:plain")


def _read_session(session_id: str, account: Account, http: HttpClient) -> list[Notice]:
    try:
        session = _api(account, http).get_session(session_id)
    except RailError as error:
        if error.code != "resource_missing":
            raise
        # Of another Stripe account, from before the key was changed: no news of this one.
        return []
    _check_mode(session, account)
    return read_session_notices(session)


def _session_id_of(attempt: Attempt) -> str | None:
    """Stripe's id of a session, where that is the reference in question and not ours.

    Both are references of one attempt; the session is asked about and closed under its own.
    """
    reference = attempt.provider_reference or ""
    return reference if reference.startswith("cs_") else None


def _check_mode(answer: Mapping[str, Any], account: Account) -> None:
    """A key of the other mode would take pretended money for real goods, or the reverse."""
    if answer["livemode"] is not account.livemode:
        raise RailError(
            "provider_rejected", "The secret key belongs to Stripe's other mode", temporary=False
        )


RAIL = Stripe()
