"""The VietQR rail: a transfer to the merchant's own bank account, watched by SePay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

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
    Refusal,
    Setting,
)
from checkout.rails.vietqr.auth import find_fault
from checkout.rails.vietqr.banks import find_bank
from checkout.rails.vietqr.body import read_fields
from checkout.rails.vietqr.listing import ListQuery, list_rows
from checkout.rails.vietqr.movement import (
    AMOUNT_LIMIT,
    UnreadableMovement,
    known_accounts,
    make_notice,
    make_unreadable,
    read_hook_fields,
    read_list_row,
)
from checkout.rails.vietqr.prompt import make_prompt

ACCOUNT_PATTERN = r"[0-9A-Za-z]{1,19}"
VISIBLE_ASCII = r"[!-~]{1,512}"
CLOCK_MARGIN = timedelta(minutes=5)
"""How far a bank's clock may be behind ours."""
NOT_A_NOTICE = "not_a_notice"

SETTINGS = (
    Setting("bank", required=True, help="BIN or code of the bank, such as 970436 or VCB."),
    Setting(
        "account_number",
        required=True,
        pattern=ACCOUNT_PATTERN,
        help="The account that SePay watches.",
    ),
    Setting("account_name", pattern=r".{0,70}", help="The holder's name, shown to the shopper."),
    Setting(
        "virtual_account",
        pattern=ACCOUNT_PATTERN,
        help="Where payers should transfer to instead of the account number.",
    ),
    Setting(
        "memo_prefix",
        # Six characters, a blank and the longest payment code together fill a memo.
        pattern=r"[0-9A-Za-z]{0,6}",
        help="A word that the memo must begin with, such as SEVQR for VietinBank.",
    ),
    Setting(
        "auth",
        kind="choice",
        choices=("apikey", "hmac"),
        default="apikey",
        help="How SePay proves its notices.",
    ),
    Setting("api_key", kind="secret", pattern=VISIBLE_ASCII, help="The webhook's API key."),
    Setting("webhook_secret", kind="secret", help="The webhook's secret, for signed notices."),
    Setting(
        "api_token",
        kind="secret",
        pattern=VISIBLE_ASCII,
        help="Token of SePay's API; without it, missed notices are not looked for.",
    ),
    Setting(
        "attempt_minutes",
        kind="integer",
        default=15,
        minimum=1,
        maximum=1440,
        help="How long a QR code is offered.",
    ),
)


class VietQR(Rail):
    """VietQR strings to pay with, SePay's webhook and list to learn of the money."""

    name = "vietqr"
    label = "VietQR"
    currencies = ("VND",)
    settings = SETTINGS
    takes_parts = True
    opens_app = True
    lists = True
    ask_seconds = (60,)
    ask_at_once = 1000
    default_minutes = 15
    maximum: ClassVar[Mapping[str, int]] = {"VND": AMOUNT_LIMIT}

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        return "https://userapi.sepay.vn"

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        problems = []
        if find_bank(str(settings.get("bank") or "")) is None:
            problems.append(("bank", "This is no BIN or code of a bank in the VietQR network."))
        needed = "webhook_secret" if settings.get("auth") == "hmac" else "api_key"
        if not settings.get(needed):
            problems.append((needed, "The chosen way to prove notices needs this secret."))
        return problems

    def can_ask(self, account: Account) -> bool:
        return bool(account.settings.get("api_token"))

    def accounts_of(self, account: Account) -> frozenset[str]:
        settings = account.settings
        return known_accounts(
            [str(settings.get(name) or "") for name in ("account_number", "virtual_account")]
        )

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        return make_prompt(attempt, account.settings)

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        fault = find_fault(headers, body, account.settings, now)
        if fault is not None:
            return Refusal(fault)
        fields = read_fields(body, headers.get("content-type", ""))
        if fields is None:
            return [make_unreadable(source="hook", raw=body, why=NOT_A_NOTICE)]
        try:
            movement = read_hook_fields(fields)
        except UnreadableMovement as problem:
            return [make_unreadable(source="hook", raw=body, why=str(problem))]
        own = self.accounts_of(account)
        return [make_notice(movement, source="hook", raw=body, account=account, own=own)]

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        if not all(receipt.stored for receipt in receipts):
            return Answer(status=503, body=b'{"success": false}')
        if any(receipt.details.get("unreadable") == NOT_A_NOTICE for receipt in receipts):
            return Answer(status=400, body=b'{"success": false}')
        # Anything else than success comes back seven times, wanted or not.
        return Answer(status=200, body=b'{"success": true}')

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        if not attempts:
            return []
        since = min(attempt.created_at for attempt in attempts) - CLOCK_MARGIN
        return list(self._list_notices(account, since, None, http))

    def backfill(
        self, account: Account, since: datetime, until: datetime, http: HttpClient
    ) -> Iterator[Notice]:
        return self._list_notices(account, since - CLOCK_MARGIN, until + CLOCK_MARGIN, http)

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        found = sum(1 for _ in self._list_notices(account, now - timedelta(hours=1), None, http))
        return f"SePay's list answers; movements of the last hour: {found}"

    def _list_notices(
        self, account: Account, since: datetime, until: datetime | None, http: HttpClient
    ) -> Iterator[Notice]:
        token = str(account.settings.get("api_token") or "")
        if not token:
            raise RailError("rail_not_configured", "No SePay API token is set", temporary=False)
        query = ListQuery(
            base_url=account.provider_url.rstrip("/"),
            token=token,
            account_number=str(account.settings.get("account_number") or ""),
            since=since,
            until=until,
        )
        own = self.accounts_of(account)
        for row in list_rows(query, http):
            yield _notice_of_row(row, account, own)


def _notice_of_row(row: object, account: Account, own: frozenset[str]) -> Notice:
    raw = json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
    if not isinstance(row, dict):
        return make_unreadable(source="list", raw=raw, why="the row is not an object")
    try:
        movement = read_list_row(row)
    except UnreadableMovement as problem:
        # The other fields of a row change (whether its webhook succeeded), its id does not.
        identity = json.dumps(row["id"]).encode() if row.get("id") else None
        return make_unreadable(source="list", raw=raw, why=str(problem), identity=identity)
    return make_notice(movement, source="list", raw=raw, account=account, own=own)


RAIL = VietQR()
