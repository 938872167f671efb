"""The KHQR rail: a transfer to a Bakong account, found by asking the Bakong Open API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Deeplink,
    HttpClient,
    Notice,
    Prompt,
    Rail,
    RailError,
    Receipt,
    Refusal,
)
from checkout.rails.emv import PayloadError
from checkout.rails.khqr.answers import no_information
from checkout.rails.khqr.bakong import LIST_LIMIT, Bakong
from checkout.rails.khqr.movement import AMOUNT_LIMIT, clean_account, make_notice
from checkout.rails.khqr.payload import CURRENCY_CODES, build_payload
from checkout.rails.khqr.prompt import (
    PAYLOAD_DETAIL,
    SETTING_NAMES,
    describe,
    make_prompt,
    make_source,
)
from checkout.rails.khqr.settings import SETTINGS
from checkout.rails.khqr.token import runs_out, token_end


class KHQR(Rail):
    """KHQR strings to pay with; Bakong is asked by the MD5 of each, since it sends no notices."""

    name = "khqr"
    label = "KHQR"
    currencies = tuple(CURRENCY_CODES)
    settings = SETTINGS
    takes_parts = True
    opens_app = True
    renews = True
    hooks = False
    finds_links = True
    ask_seconds = (2, 4, 8, 16, 30)
    ask_at_once = LIST_LIMIT
    asks_per_minute = 120
    default_minutes = 60
    maximum: ClassVar[Mapping[str, int]] = AMOUNT_LIMIT

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return str(settings["base_url"]).rstrip("/")

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        try:
            build_payload(describe(settings, "KHR"))
        except PayloadError as problem:
            # What names no field is an account template that is too long altogether.
            field = SETTING_NAMES.get(problem.field, "acquiring_bank")
            return [(field, f"No KHQR can be made: {problem}.")]
        return ()

    def can_ask(self, account: Account) -> bool:
        return bool(account.settings.get("token"))

    def accounts_of(self, account: Account) -> frozenset[str]:
        own = clean_account(account.settings.get("bakong_account_id"))
        return frozenset((own,) if own else ())

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return make_prompt(attempt, account.settings, now)

    def find_links(
        self, attempt: Attempt, account: Account, http: HttpClient
    ) -> tuple[Deeplink, ...]:
        payload = attempt.details.get(PAYLOAD_DETAIL)
        if not isinstance(payload, str):
            return ()
        link = _bakong(account, http).make_link(payload, make_source(attempt, account))
        if not _may_be_opened(link, account):
            raise no_information("Bakong gave a link that is none")
        return (Deeplink(app="bakong", name="Bakong", url=link, fills=True),)

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        return Refusal("Bakong sends no notices")

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        if all(receipt.stored for receipt in receipts):
            return Answer(status=200, body=b'{"success": true}')
        return Answer(status=503, body=b'{"success": false}')

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        shown = {
            attempt.provider_reference.lower(): attempt
            for attempt in attempts
            if attempt.provider_reference
        }
        notices: list[Notice] = []
        try:
            for md5, status in _bakong(account, http).check_md5s(list(shown)):
                if status.data is not None and md5 in shown:
                    notices.append(make_notice(status.data, md5, shown[md5]))
        except RailError:
            # Money that was found before the answers broke off does not wait for another round.
            if not notices:
                raise
        return notices

    def find_by_hash(
        self,
        transaction_hash: str,
        account: Account,
        http: HttpClient,
        *,
        amount: str = "",
        currency: str = "",
    ) -> Notice | None:
        """The transaction on a payer's receipt; None where Bakong knows none.

        The hash has 64 characters, or is its first 8 together with amount (in riel or dollars)
        and currency. Raises RailError.
        """
        bakong = _bakong(account, http)
        if len(transaction_hash) == 8:
            status = bakong.check_short_hash(transaction_hash, amount, currency)
        else:
            status = bakong.check_hash(transaction_hash)
        return make_notice(status.data, "", None) if status.data is not None else None

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        account_id = str(account.settings.get("bakong_account_id") or "")
        _bakong(account, http).find_account(account_id)
        ends_at = token_end(str(account.settings.get("token") or ""))
        until = f"; the token runs out on {ends_at:%Y-%m-%d}" if ends_at else ""
        return f"Bakong answers: the account {account_id} exists{until}"

    def renew_settings(
        self, account: Account, http: HttpClient, now: datetime
    ) -> Mapping[str, Any]:
        token = str(account.settings.get("token") or "")
        if not runs_out(token, now) and not _is_refused(account, http):
            return {}
        email = str(account.settings.get("email") or "")
        if not email:
            raise RailError(
                "token_expired",
                "The Bakong token runs out or is refused, and no e-mail is set to renew it with",
                temporary=False,
            )
        return {"token": _bakong(account, http).renew_token(email)}


def _bakong(account: Account, http: HttpClient) -> Bakong:
    return Bakong(account.provider_url, str(account.settings.get("token") or ""), http)


def _may_be_opened(link: str, account: Account) -> bool:
    pages = account.provider_page_url
    pretended = not account.livemode and bool(pages) and link.startswith(f"{pages}/")
    return pretended or re.fullmatch(r"https://[^\s/]+(/[!-~]*)?", link) is not None


def _is_refused(account: Account, http: HttpClient) -> bool:
    """Whether Bakong takes the token for no good one, whatever the token says of itself."""
    try:
        _bakong(account, http).find_account(str(account.settings.get("bakong_account_id") or ""))
    except RailError as error:
        if error.temporary:
            raise
        return error.code == "token_expired"
    return False


RAIL = KHQR()
