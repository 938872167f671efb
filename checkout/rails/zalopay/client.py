"""Calls to ZaloPay, and which of its answers say anything at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkout.core.retry_after import read_wait
from checkout.rails.base import Account, HttpAnswer, HttpClient, RailError

SUCCEEDED, FAILED, PROCESSING = 1, 2, 3
BAD_DATA, BAD_MAC = -401, -402
RATE_LIMITED, SYSTEM_ERROR, MAINTENANCE = -429, -500, -999
MESSAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that says something: 1 success, 2 failure or 3 processing."""

    return_code: int
    sub_return_code: int
    message: str
    fields: Mapping[str, Any]
    raw: bytes


class GarbledAnswer(RailError):
    """An answer without what it must have: it says nothing, neither of this call nor of others."""

    def __init__(self, what: str) -> None:
        super().__init__("provider_unavailable", f"ZaloPay's answer has no {what}", temporary=True)


def app_id_of(account: Account) -> int:
    """The account's app id. Raises RailError where the settings have none."""
    app_id = account.settings.get("app_id")
    if not isinstance(app_id, int) or not account.settings.get("key1"):
        raise RailError(
            "rail_not_configured", "ZaloPay's app id or key1 is missing", temporary=False
        )
    return app_id


def key1_of(account: Account) -> str:
    """The key that signs requests; empty where it is not set."""
    return str(account.settings.get("key1") or "")


def call_zalopay(
    account: Account, path: str, fields: Mapping[str, object], http: HttpClient
) -> Reply:
    """One signed call. Raises RailError: temporary where the answer carries no information."""
    answer = http(
        "POST",
        account.provider_url.rstrip("/") + path,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"),
    )
    return _read_reply(answer)


def _read_reply(answer: HttpAnswer) -> Reply:
    if answer.status == 429 or answer.status >= 500:
        raise _unavailable(f"status {answer.status}", answer)
    try:
        # A transaction's id has fifteen digits: a number with a point is kept as text.
        fields = json.loads(answer.body, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise GarbledAnswer("JSON") from None
    code = fields.get("return_code") if isinstance(fields, dict) else None
    if type(code) is not int:
        raise GarbledAnswer("return code")
    if answer.status != 200 and code in (SUCCEEDED, FAILED):
        # ZaloPay says so under 200 alone: somebody in between has had a hand in this.
        raise _unavailable(f"status {answer.status}", answer)
    message = _message_of(fields)
    if code in (BAD_DATA, BAD_MAC):
        raise RailError(
            "provider_rejected", f"ZaloPay refuses the call ({code}): {message}", temporary=False
        )
    if code not in (SUCCEEDED, FAILED, PROCESSING):
        # Rate limit, system error, maintenance; a code that no document knows says no more.
        raise _unavailable(f"return code {code}", answer)
    sub_code = fields.get("sub_return_code")
    return Reply(
        return_code=code,
        sub_return_code=sub_code if type(sub_code) is int else 0,
        message=message,
        fields=fields,
        raw=answer.body,
    )


def _message_of(fields: Mapping[str, Any]) -> str:
    texts = (fields.get("sub_return_message"), fields.get("return_message"))
    found = next((text for text in texts if isinstance(text, str) and text), "no message")
    return "".join(letter for letter in found if letter.isprintable())[:MESSAGE_LIMIT]


def _unavailable(why: str, answer: HttpAnswer) -> RailError:
    return RailError(
        "provider_unavailable",
        f"ZaloPay answered with {why}",
        temporary=True,
        retry_after_seconds=read_wait(answer.headers),
    )
