"""VNPay's query and refund API: signed messages out, verified answers in.

An answer that is not VNPay's for certain is no information: a temporary RailError.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from checkout.core.retry_after import read_wait
from checkout.rails.base import Account, HttpAnswer, HttpClient, RailError
from checkout.rails.vnpay.signing import (
    HASH,
    QUERY_ANSWER_NAMES,
    QUERY_NAMES,
    REFUND_ANSWER_NAMES,
    REFUND_NAMES,
    is_genuine_message,
    sign_message,
)
from checkout.rails.vnpay.url import NO_ADDRESS, api_address, path_of
from checkout.rails.vnpay.wire import VERSION, to_plain_text, to_wire_time

FOUND = "00"
NOT_FOUND = "91"
TOO_SOON = "94"
NOT_SUCCESSFUL = "95"
OUR_MISTAKES: Mapping[str, str] = {
    "02": "the terminal code is not known",
    "03": "the message is malformed",
    "97": "the signature is wrong, so the hash secret may be",
}
TOO_SOON_SECONDS = 30
ECHOED = ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef")
REQUEST_NAMES: Mapping[str, Sequence[str]] = {"querydr": QUERY_NAMES, "refund": REFUND_NAMES}
ANSWER_NAMES: Mapping[str, Sequence[str]] = {
    "querydr": QUERY_ANSWER_NAMES,
    "refund": REFUND_ANSWER_NAMES,
}


def query_fields(reference: str, create_date: str, now: datetime) -> dict[str, str]:
    """The fields of a question about one payment; `create_date` as its URL said.

    Its id is new each time, because VNPay answers a repeated one without looking.
    """
    return {
        "vnp_RequestId": secrets.token_hex(16),
        "vnp_Command": "querydr",
        "vnp_TxnRef": reference,
        "vnp_OrderInfo": to_plain_text(f"Truy van {reference}"),
        "vnp_TransactionDate": create_date,
        "vnp_CreateDate": to_wire_time(now),
        "vnp_IpAddr": NO_ADDRESS,
    }


def make_message(fields: Mapping[str, str], account: Account) -> dict[str, str]:
    """The whole signed message. Raises RailError where the settings are incomplete."""
    terminal, secret = _credentials(account)
    message = {**fields, "vnp_Version": VERSION, "vnp_TmnCode": terminal}
    names = REQUEST_NAMES[fields["vnp_Command"]]
    return {**message, HASH: sign_message(message, names, secret)}


def call_api(fields: Mapping[str, str], account: Account, http: HttpClient) -> dict[str, str]:
    """Send a message and give the fields of its genuine answer.

    Raises RailError: temporary where there was no answer that proves anything, permanent where
    VNPay rejects the message itself.
    """
    answer = send_message(fields, account, http)
    if not is_genuine(answer, fields, account):
        raise no_information("VNPay's answer is not signed with this account's hash secret")
    code = answer.get("vnp_ResponseCode", "")
    if code in OUR_MISTAKES:
        raise rejected(code)
    return answer


def send_message(fields: Mapping[str, str], account: Account, http: HttpClient) -> dict[str, str]:
    """Send a message and give the fields of whatever answers, not verified. Raises RailError."""
    body = json.dumps(make_message(fields, account)).encode()
    url = account.provider_url.rstrip("/") + path_of(api_address(account.settings))
    return read_answer(http("POST", url, headers={"Content-Type": "application/json"}, body=body))


def is_genuine(answer: Mapping[str, str], asked: Mapping[str, str], account: Account) -> bool:
    """Whether an answer is VNPay's own, to this command, terminal and payment.

    One that only says no may leave out what it was asked about: nothing moves by it.
    """
    _, secret = _credentials(account)
    if not is_genuine_message(answer, ANSWER_NAMES[asked["vnp_Command"]], secret):
        return False
    says_no = answer.get("vnp_ResponseCode", "") not in (FOUND, "")
    echoed = {**asked, "vnp_TmnCode": account.settings["tmn_code"]}
    return all(
        answer.get(name) == echoed[name] or (says_no and not answer.get(name)) for name in ECHOED
    )


def read_answer(answer: HttpAnswer) -> dict[str, str]:
    """The text fields of an answer. Raises a temporary RailError for anything else than JSON."""
    if answer.status != 200:
        raise no_information(
            f"VNPay answered with status {answer.status}", read_wait(answer.headers)
        )
    try:
        # Numbers stay the text that was signed.
        found = json.loads(answer.body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise no_information("VNPay's answer is not a JSON object")
    fields = {name: "" if value is None else value for name, value in found.items()}
    if not all(isinstance(value, str) for value in fields.values()):
        raise no_information("VNPay's answer has fields of another type")
    return fields


def no_information(message: str, retry_after_seconds: int | None = None) -> RailError:
    """Nothing is known: ask again later."""
    return RailError(
        "provider_unavailable",
        message,
        temporary=True,
        retry_after_seconds=retry_after_seconds,
    )


def rejected(code: str) -> RailError:
    """VNPay rejects the message itself, and would again."""
    return RailError(
        "provider_rejected",
        f"VNPay answers {code}: {OUR_MISTAKES[code]}",
        temporary=False,
    )


def _credentials(account: Account) -> tuple[str, str]:
    terminal = str(account.settings.get("tmn_code") or "")
    secret = str(account.settings.get("hash_secret") or "")
    if not terminal or not secret:
        raise RailError(
            "rail_not_configured", "The terminal code or hash secret is missing", temporary=False
        )
    return terminal, secret
