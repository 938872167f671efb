"""Proving that an event comes from Stripe, with the SDK's own check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import stripe

from checkout.rails.base import Refusal

TOLERANCE_SECONDS = 300


def read_event(
    body: bytes,
    header: str,
    secrets: Sequence[str],
    now: datetime,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> dict[str, Any] | Refusal:
    """The event, if any of the secrets signed exactly these bytes not too long ago.

    The key is the whole secret with its `whsec_`. A time in the future passes, as in Stripe's
    own packages; a tolerance of 0 switches the check of age off.
    """
    if not any(_is_signed(body, header, secret) for secret in secrets if secret):
        return Refusal("invalid_signature")
    if tolerance_seconds and _signed_at(header) < now.timestamp() - tolerance_seconds:
        return Refusal("signature_too_old")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal("not_json")
    return event if isinstance(event, dict) else Refusal("not_an_event")


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        # The SDK measures age by its own clock, so that is done here.
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        # Signatures beyond ASCII raise TypeError, bodies that are not UTF-8 ValueError.
        return False
    return True


def _signed_at(header: str) -> int:
    """The time of a header that has been proven: its first one, as the SDK reads it.

    Read in any other way, a second time in the header could pass for the signed one.
    """
    items = [item.split("=", 2) for item in header.split(",")]
    return int(next(item[1] for item in items if item[0] == "t"))
