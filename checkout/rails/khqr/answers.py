"""Reading what the Bakong Open API answers. Only what it says plainly counts.

Anything else (another status, HTML, half a JSON, a success without data) is no information:
it raises a temporary RailError and moves no payment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeGuard

from checkout.core.retry_after import read_wait
from checkout.rails.base import HttpAnswer, RailError

Verdict = Literal["paid", "not_found", "failed", "untracked"]

NOT_FOUND = 1
STATIC_CODE = 2
FAILED = 3
UNAUTHORISED = 6
_VERDICTS: dict[int, Verdict] = {
    NOT_FOUND: "not_found",
    STATIC_CODE: "untracked",
    FAILED: "failed",
}
_LISTED: dict[str, Verdict] = {
    "SUCCESS": "paid",
    "NOT_FOUND": "not_found",
    "FAILED": "failed",
    "STATIC_QR": "untracked",
}
_OUR_MISTAKES = {
    5: ("provider_rejected", "Bakong misses a field in what we sent"),
    8: ("already_registered", "This e-mail address is registered already"),
    10: ("not_registered", "This e-mail address is not registered with Bakong's Open API"),
    11: ("account_unknown", "Bakong knows no such account"),
    12: ("account_unknown", "Bakong takes this for no account id"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """What Bakong says of one MD5 or hash; `data` is the transaction of a paid one.

    `failed` is not final: the payer may scan the same code again.
    """

    verdict: Verdict
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer that is one: a success with its data, or an error's number."""

    error: int | None
    data: Any


def read_status(answer: HttpAnswer) -> Status:
    """The answer to a check of one MD5 or hash. Raises RailError."""
    envelope = read_envelope(answer)
    if envelope.error is None:
        if not _is_transaction(envelope.data):
            raise no_information("Bakong told of a success without its transaction")
        return Status("paid", envelope.data)
    if envelope.error in _VERDICTS:
        return Status(_VERDICTS[envelope.error])
    raise error_of(envelope)


def read_list(answer: HttpAnswer) -> dict[str, Status]:
    """The answer to a check of many: status by MD5 in lower case. Raises RailError.

    What is missing or said in unknown words is left out; it says nothing.
    """
    envelope = read_envelope(answer)
    if envelope.error == NOT_FOUND:
        return {}
    if envelope.error is not None:
        raise error_of(envelope)
    if not isinstance(envelope.data, list):
        raise no_information("Bakong's list is none")
    found = dict(read for item in envelope.data if (read := _read_item(item)) is not None)
    if envelope.data and not found:
        raise no_information("Bakong's list says nothing that is understood")
    return found


def read_data(answer: HttpAnswer) -> Any:
    """The data of an answer that must be a success. Raises RailError."""
    envelope = read_envelope(answer)
    if envelope.error is not None:
        raise error_of(envelope)
    return envelope.data


def read_envelope(answer: HttpAnswer) -> Envelope:
    """The envelope of any answer. Raises RailError where there is none."""
    body = _read_json(answer.body)
    error = _read_number(body.get("errorCode")) if body is not None else None
    if answer.status == 401 or error == UNAUTHORISED:
        raise RailError("token_expired", "Bakong refuses the token", temporary=False)
    _check_status(answer)
    code = _read_number(body.get("responseCode")) if body is not None else None
    if body is None or code not in (0, 1):
        raise no_information("Bakong's answer is not in a known form")
    if code == 0:
        if answer.status != 200:
            raise no_information(f"Bakong told of a success with status {answer.status}")
        return Envelope(None, body.get("data"))
    if error is None:
        raise no_information("Bakong told of an error without its number")
    return Envelope(error, body.get("data"))


def error_of(envelope: Envelope) -> RailError:
    """The RailError of an envelope that is an error."""
    if envelope.error in _OUR_MISTAKES:
        code, message = _OUR_MISTAKES[envelope.error]
        return RailError(code, message, temporary=False)
    if envelope.error == STATIC_CODE:
        return RailError("provider_rejected", "Bakong tracks no static codes", temporary=False)
    return no_information(f"Bakong answered with its error {envelope.error}")


def no_information(message: str, retry_after_seconds: int | None = None) -> RailError:
    """Bakong could not be asked, which says nothing about any payment."""
    return RailError(
        "provider_unavailable",
        message,
        temporary=True,
        retry_after_seconds=retry_after_seconds,
    )


def _check_status(answer: HttpAnswer) -> None:
    if answer.status == 429:
        raise RailError(
            "provider_rate_limited",
            "Bakong asks to wait",
            temporary=True,
            retry_after_seconds=read_wait(answer.headers),
        )
    if answer.status == 403:
        raise RailError(
            "provider_forbidden",
            "Bakong refuses this server's address; it is said to answer only within Cambodia",
            temporary=True,
        )
    if answer.status >= 500:
        raise no_information(
            f"Bakong answered with status {answer.status}", read_wait(answer.headers)
        )


def _read_item(item: object) -> tuple[str, Status] | None:
    if not isinstance(item, dict):
        return None
    md5, word, data = item.get("md5"), item.get("status"), item.get("data")
    verdict = _LISTED.get(word.upper()) if isinstance(word, str) else None
    if not isinstance(md5, str) or verdict is None:
        return None
    if verdict != "paid":
        return md5.lower(), Status(verdict)
    return (md5.lower(), Status("paid", data)) if _is_transaction(data) else None


def _is_transaction(data: object) -> TypeGuard[dict[str, Any]]:
    """Whether this tells of a transaction that can be told from all others, by its hash."""
    found = data.get("hash") if isinstance(data, dict) else None
    return isinstance(found, str) and re.fullmatch(r"[0-9A-Fa-f]{64}", found) is not None


def _read_json(body: bytes) -> dict[str, Any] | None:
    try:
        # Decimals, since amounts never become binary floats.
        value = json.loads(body, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return value if isinstance(value, dict) else None


def _read_number(value: object) -> int | None:
    """A small number, whether Bakong writes it as a number or as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return int(value) if re.fullmatch(r"[0-9]{1,4}", str(value)) else None
