"""SePay's two ways to prove that a notice is its own: an API key or a signature with a time."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

TOLERANCE_SECONDS = 300


def find_fault(
    headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any], now: datetime
) -> str | None:
    """Why the notice is not genuine, or None when it is. Header names are in lower case.

    `now` is the real time: signatures carry it. A secret that is not set refuses everything.
    """
    if settings.get("auth") == "hmac":
        return _find_signature_fault(headers, body, _text(settings, "webhook_secret"), now)
    return _find_key_fault(headers, _text(settings, "api_key"))


def auth_headers(body: bytes, settings: Mapping[str, Any], sent_at: datetime) -> dict[str, str]:
    """The headers by which SePay proves a notice with that body."""
    if settings.get("auth") != "hmac":
        return {"Authorization": f"Apikey {_text(settings, 'api_key')}"}
    timestamp = str(int(sent_at.timestamp()))
    digest = _sign(_text(settings, "webhook_secret"), timestamp, body)
    return {"X-SePay-Timestamp": timestamp, "X-SePay-Signature": f"sha256={digest}"}


def _find_key_fault(headers: Mapping[str, str], key: str) -> str | None:
    if not key:
        return "no API key is configured"
    scheme, _, given = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "apikey":
        return "the Authorization header is not an Apikey"
    return None if _same(given.strip(), key) else "the API key is wrong"


def _find_signature_fault(
    headers: Mapping[str, str], body: bytes, secret: str, now: datetime
) -> str | None:
    if not secret:
        return "no webhook secret is configured"
    timestamp = headers.get("x-sepay-timestamp", "")
    # The pattern is spelled out because \d and int() also take other scripts' digits.
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return "the timestamp is missing or malformed"
    signature = re.fullmatch(
        r"sha256=([0-9a-fA-F]{64})", headers.get("x-sepay-signature", "").strip()
    )
    if signature is None:
        return "the signature is missing or malformed"
    if not _same(signature[1].lower(), _sign(secret, timestamp, body)):
        return "the signature is wrong"
    if abs(int(now.timestamp()) - int(timestamp)) > TOLERANCE_SECONDS:
        return "the timestamp is too far from now"
    return None


def _sign(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    # compare_digest refuses text beyond ASCII, and a header may hold anything.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _text(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or "")
