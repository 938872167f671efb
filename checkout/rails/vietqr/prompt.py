"""What the shopper sees of a VietQR attempt: QR string, transfer details, bank-app buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from checkout.rails.base import Attempt, Deeplink, Prompt, RailError
from checkout.rails.vietqr.banks import Bank, find_app, find_bank
from checkout.rails.vietqr.memo import MEMO_LIMIT, to_bank_text
from checkout.rails.vietqr.payload import build_payload

DEEPLINK_URL = "https://dl.vietqr.io/pay"
OFFERED_APPS = (
    *("mb", "bidv", "icb", "acb", "ocb"),
    *("vcb", "tcb", "tpb", "vba", "vpb", "vib-2", "shb"),
)
"""The most used banks; the apps that fill in the transfer stand first."""


def make_prompt(attempt: Attempt, settings: Mapping[str, Any]) -> Prompt:
    """The prompt for an attempt. Raises RailError where the settings cannot serve it."""
    bank = find_bank(str(settings.get("bank") or ""))
    number = receiving_account(settings)
    if bank is None or not number:
        raise RailError("rail_not_configured", "Bank or account number is missing", temporary=False)
    details = {
        "bank_code": bank.code,
        "bank_name": bank.short_name,
        "bank_bin": bank.bin,
        "account_number": number,
        "account_name": str(settings.get("account_name") or ""),
        "memo": make_memo(attempt, settings),
    }
    return Prompt(
        kind="transfer",
        qr_payload=build_payload(
            bank_bin=bank.bin, account=number, amount=attempt.amount, memo=details["memo"]
        ),
        transfer_details=details,
        deeplinks=make_deeplinks(attempt, bank, details),
    )


def receiving_account(settings: Mapping[str, Any]) -> str:
    """The number that payers transfer to: the virtual account where there is one."""
    return str(settings.get("virtual_account") or settings.get("account_number") or "")


def make_memo(attempt: Attempt, settings: Mapping[str, Any]) -> str:
    """The memo: the account's own prefix where its bank wants one, then the payment code."""
    prefix = str(settings.get("memo_prefix") or "").strip()
    memo = f"{prefix} {attempt.memo}".lstrip()
    if len(memo) > MEMO_LIMIT:
        raise RailError(
            "memo_too_long", f"The memo is longer than {MEMO_LIMIT} characters", temporary=False
        )
    return memo


def make_deeplinks(
    attempt: Attempt, bank: Bank, details: Mapping[str, str]
) -> tuple[Deeplink, ...]:
    """One button per offered app; every one carries the transfer, a few apps use it."""
    parameters = {
        "ba": f"{details['account_number']}@{bank.code.lower()}",
        "am": str(attempt.amount),
        "tn": details["memo"],
    }
    if details["account_name"]:
        parameters["bn"] = to_bank_text(details["account_name"])
    if attempt.return_url:
        parameters["url"] = attempt.return_url
    links = (_make_deeplink(app_id, parameters) for app_id in OFFERED_APPS)
    return tuple(sorted(links, key=lambda link: not link.fills))


def _make_deeplink(app_id: str, parameters: Mapping[str, str]) -> Deeplink:
    bank, app = find_app(app_id)
    # The service documents %20 for blanks and an at sign that stands for itself.
    query = urlencode({"app": app_id, **parameters}, quote_via=quote, safe="@")
    return Deeplink(
        app=app_id,
        name=bank.short_name,
        url=f"{DEEPLINK_URL}?{query}",
        fills=app.auto_fill_since is not None,
    )
