"""Secrets: sealed with AES-256-GCM where they must be read again, hashed where not."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from checkout.core.config import config

NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value does not open: another key, another row, or damaged."""


def seal(plain: bytes, *, row: str, column: str) -> bytes:
    """`key id . nonce ciphertext`, bound to its row and column.

    A sealed value that is copied to another row or column does not open there.
    """
    name, key = config().encryption_keys[0]
    nonce = os.urandom(NONCE_BYTES)
    return name.encode() + b"." + nonce + AESGCM(key).encrypt(nonce, plain, _bound(row, column))


def unseal(token: bytes, *, row: str, column: str) -> bytes:
    """The plain bytes; raises SealBroken."""
    name, _, rest = bytes(token).partition(b".")
    key = dict(config().encryption_keys).get(name.decode("ascii", "replace"))
    if key is None:
        raise SealBroken(f"no encryption key named {name!r}")
    try:
        return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(row, column))
    except (InvalidTag, ValueError) as error:
        raise SealBroken(f"{column} of {row} does not open") from error


def sealed_with_current_key(token: bytes) -> bool:
    """Whether a value is sealed with the first key, for the rotation command."""
    return bytes(token).startswith(config().encryption_keys[0][0].encode() + b".")


def hash_secret(text: str) -> str:
    """What is stored of a key or token that has at least 128 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def tag(purpose: str, text: str) -> str:
    """What only this installation can say of a text: an HMAC under the secret key."""
    message = f"{purpose}\x1f{text}".encode()
    return hmac.new(config().secret_key.encode(), message, "sha256").hexdigest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare in constant time; any text is allowed."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _bound(row: str, column: str) -> bytes:
    return f"{column}\x1f{row}".encode()
