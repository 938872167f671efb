"""Signatures: the Standard Webhooks headers, and a plain pair for those who have no library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError for a text that is no secret."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not a webhook secret") from error


def signed_headers(
    message_id: str, sent_at: datetime, body: bytes, secrets_: Sequence[str]
) -> dict[str, str]:
    """The headers for one try. Of several valid secrets the newest comes first."""
    keys = [secret_bytes(secret) for secret in secrets_]
    seconds = int(sent_at.timestamp())
    milliseconds = int(sent_at.timestamp() * 1000)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(
            standard_signature(key, message_id, seconds, body) for key in keys
        ),
        "X-Webhook-Id": message_id,
        "X-Webhook-Signature": ",".join(
            [f"t={milliseconds}", *(f"v1={_plain(key, milliseconds, body)}" for key in keys)]
        ),
    }


def standard_signature(key: bytes, message_id: str, timestamp_seconds: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 over `id.timestamp.body`."""
    signed = f"{message_id}.{timestamp_seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _plain(key: bytes, milliseconds: int, body: bytes) -> str:
    return hmac.digest(key, f"{milliseconds}.".encode() + body, hashlib.sha256).hex()
