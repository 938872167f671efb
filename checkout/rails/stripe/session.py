"""What the rail asks of a Checkout Session when it opens one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from checkout.rails.base import Account, Attempt, RailError
from checkout.rails.stripe.amounts import to_stripe

LEAST_LIFE = timedelta(minutes=31)
"""Stripe wants at least 30 minutes from its own now; shorter attempts are closed by hand."""
LONGEST_LIFE = timedelta(hours=23, minutes=55)
NAME_LENGTH = 250
LOCALES = {"vi": "vi", "en": "en"}
"""Stripe's page does not speak Khmer; there the browser's own language decides."""


def session_params(attempt: Attempt, account: Account) -> dict[str, Any]:
    """The fields of a hosted Checkout Session for one attempt.

    They follow from the attempt alone, so that a repeated call under the same idempotency
    key is the same call. Raises RailError where the attempt has no address to return to.
    """
    if not attempt.return_url:
        raise RailError(
            "return_url_missing", "Stripe needs an address to return to", temporary=False
        )
    noted = {"attempt": attempt.id, "session": attempt.session, "code": attempt.code}
    if account.store:
        noted["store"] = account.store
    name = attempt.description or attempt.reference or attempt.code
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": attempt.currency.lower(),
                    "unit_amount": to_stripe(attempt.amount, attempt.currency),
                    "product_data": {"name": name[:NAME_LENGTH]},
                },
                "quantity": 1,
            }
        ],
        "client_reference_id": attempt.id,
        "metadata": noted,
        "payment_intent_data": {"metadata": noted, "description": attempt.code},
        # Stripe puts its id in place of the braces, which therefore stay as they are.
        "success_url": _with_query(attempt.return_url, "state=done&id={CHECKOUT_SESSION_ID}"),
        "cancel_url": _with_query(attempt.return_url, "state=cancelled"),
        "expires_at": _expires_at(attempt),
        "locale": LOCALES.get(attempt.locale, "auto"),
    }
    if account.settings.get("methods") != "dashboard":
        params["payment_method_types"] = ["card"]
    if attempt.customer_email:
        params["customer_email"] = attempt.customer_email
    return params


def origin_of(url: str) -> str:
    """The scheme and host of an address, as browsers compare them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _expires_at(attempt: Attempt) -> int:
    least, most = attempt.created_at + LEAST_LIFE, attempt.created_at + LONGEST_LIFE
    return int(min(max(attempt.expires_at, least), most).timestamp())


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"
