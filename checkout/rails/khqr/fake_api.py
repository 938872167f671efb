"""The pretend Bakong's Open API: checks, accounts, links."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from checkout.rails.base import Answer, FakeRequest, Shelf
from checkout.rails.emv import PayloadError
from checkout.rails.khqr.fake_book import CODE, PAID, TRANSACTION
from checkout.rails.khqr.fake_call import ApiCall, Fault, missing_field, read_text
from checkout.rails.khqr.fake_tokens import check_token, renew_token, request_token, verify
from checkout.rails.khqr.payload import md5_of
from checkout.rails.khqr.reading import read_payload

LIST_LIMIT = 50
MD5 = r"[0-9a-fA-F]{32}"
HASH = r"[0-9a-fA-F]{64}"
SOURCE_FIELDS = ("appIconUrl", "appName", "appDeepLinkCallback")
_NOT_FOUND = "Transaction could not be found. Please check and try again."
_FOUND = "Getting transaction successfully."


def answer_call(request: FakeRequest, call: ApiCall) -> Answer:
    """Answer one request in Bakong's envelope."""
    route = _ROUTES.get(request.path)
    if route is None or request.method != "POST":
        return json_answer(404, {"message": "Not found"})
    try:
        if route.needs_token:
            check_token(request.headers, call)
        message, data = route.answer(_read_body(request.body), call)
    except Fault as fault:
        return _envelope(fault.status, str(fault), fault.error, None)
    return _envelope(200, message, None, data)


def json_answer(status: int, body: object) -> Answer:
    """An answer in JSON."""
    return Answer(status=status, body=json.dumps(body, ensure_ascii=False).encode())


def _check_md5(body: Any, call: ApiCall) -> tuple[str, Any]:
    return _FOUND, _find_paid(read_text(body, "md5", MD5).lower(), call.shelf)


def _check_md5_list(body: Any, call: ApiCall) -> tuple[str, Any]:
    wanted = _list(body, MD5)
    return _FOUND, [_list_item("md5", md5, _find_paid, call.shelf) for md5 in wanted]


def _check_hash(body: Any, call: ApiCall) -> tuple[str, Any]:
    return _FOUND, _find_hash(read_text(body, "hash", HASH).lower(), call.shelf)


def _check_hash_list(body: Any, call: ApiCall) -> tuple[str, Any]:
    wanted = _list(body, HASH)
    return _FOUND, [_list_item("hash", one, _find_hash, call.shelf) for one in wanted]


def _check_short_hash(body: Any, call: ApiCall) -> tuple[str, Any]:
    short = read_text(body, "hash", r"[0-9a-fA-F]{8}").lower()
    currency = read_text(body, "currency", r"KHR|USD")
    amount = str(body.get("amount"))
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,4})?", amount):
        raise missing_field()
    for found in call.shelf.list(TRANSACTION):
        same = (found["hash"][:8], found["currency"]) == (short, currency)
        if same and Decimal(str(found["amount"])) == Decimal(amount):
            return _FOUND, found
    raise Fault(1, _NOT_FOUND)


def _check_account(body: Any, call: ApiCall) -> tuple[str, Any]:
    wanted = read_text(body, "accountId", r".{1,100}")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", wanted):
        raise Fault(12, "Account ID is invalid")
    if wanted.lower() != str(call.account.settings.get("bakong_account_id") or "").lower():
        raise Fault(11, "Account ID not found")
    return "Account ID exists", None


def _make_link(body: Any, call: ApiCall) -> tuple[str, Any]:
    payload = read_text(body, "qr", r".{1,999}")
    try:
        content = read_payload(payload)
    except PayloadError as problem:
        raise Fault(5, f"The QR is not a KHQR: {problem}", 400) from problem
    source = body.get("sourceInfo")
    if source is not None and not (
        isinstance(source, dict) and all(map(source.get, SOURCE_FIELDS))
    ):
        raise missing_field()
    if content.amount is None:
        raise Fault(2, "A static QR code is not supported.")
    md5 = md5_of(payload)
    callback = source["appDeepLinkCallback"] if source else None
    call.shelf.put(CODE, md5, {"qr": payload, "callback": callback})
    return "Successfully", {"shortLink": f"{call.account.provider_page_url}/d/{md5}"}


def _find_paid(md5: str, shelf: Shelf) -> dict[str, Any]:
    paid = shelf.get(PAID, md5)
    if paid is None:
        raise Fault(1, _NOT_FOUND)
    if paid["hash"] is None:
        raise Fault(3, "Transaction failed.")
    return _find_hash(paid["hash"], shelf)


def _find_hash(wanted: str, shelf: Shelf) -> dict[str, Any]:
    found = shelf.get(TRANSACTION, wanted)
    if found is None:
        raise Fault(1, _NOT_FOUND)
    return found


def _list_item(
    name: str, wanted: str, find: Callable[[str, Shelf], dict[str, Any]], shelf: Shelf
) -> dict[str, Any]:
    try:
        data = find(wanted.lower(), shelf)
    except Fault as fault:
        word = "FAILED" if fault.error == 3 else "NOT_FOUND"
        return {name: wanted, "status": word, "message": str(fault)}
    return {name: wanted, "status": "SUCCESS", "message": _FOUND, "data": data}


def _read_body(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _list(body: Any, pattern: str) -> list[str]:
    if not isinstance(body, list) or not 1 <= len(body) <= LIST_LIMIT:
        raise missing_field()
    if not all(isinstance(one, str) and re.fullmatch(pattern, one) for one in body):
        raise missing_field()
    return body


def _envelope(status: int, message: str, error: int | None, data: Any) -> Answer:
    return json_answer(
        status,
        {
            "responseCode": 0 if error is None else 1,
            "responseMessage": message,
            "errorCode": error,
            "data": data,
        },
    )


@dataclass(frozen=True, slots=True)
class _Route:
    answer: Callable[[Any, ApiCall], tuple[str, Any]]
    needs_token: bool = True


_ROUTES = {
    "/v1/check_transaction_by_md5": _Route(_check_md5),
    "/v1/check_transaction_by_md5_list": _Route(_check_md5_list),
    "/v1/check_transaction_by_hash": _Route(_check_hash),
    "/v1/check_transaction_by_hash_list": _Route(_check_hash_list),
    "/v1/check_transaction_by_short_hash": _Route(_check_short_hash),
    "/v1/check_bakong_account": _Route(_check_account),
    "/v1/generate_deeplink_by_qr": _Route(_make_link, needs_token=False),
    "/v1/request_token": _Route(request_token, needs_token=False),
    "/v1/verify": _Route(verify, needs_token=False),
    "/v1/renew_token": _Route(renew_token, needs_token=False),
}
