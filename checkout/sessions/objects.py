"""Sessions, attempts and payments as the API, events and pushes show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.config import config
from checkout.sessions.states import LIVE

LIVE_ATTEMPT = ("pending", "requires_action")


def session_object(
    session: Any,
    *,
    now: datetime,
    attempt: dict[str, Any] | None = None,
    payment: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The contract's `checkout.session`; `now` is the store's time.

    `attempt` is the newest attempt and `payment` the payment, as their own objects.
    """
    live = session.status in LIVE
    remaining_seconds = int((session.expires_at - now).total_seconds()) if live else 0
    return {
        "id": session.id,
        "object": "checkout.session",
        "status": session.status,
        "mode": session.mode,
        "url": f"{config().public_url}/pay/{session.id}",
        "payment_status": session.payment_status,
        "seq": session.seq,
        "expired_reason": session.expired_reason,
        "amount": session.amount,
        "amount_received": session.amount_received,
        "amount_due": amount_due(session),
        "currency": session.currency,
        "line_items": session.line_items,
        "discount": session.discount,
        "description": session.description,
        "reference": session.reference,
        "customer": session.customer_id,
        "rails": session.rails,
        "attempts": session.attempts,
        "max_attempts": session.max_attempts,
        "can_retry": live and remaining_seconds > 0 and session.attempts < session.max_attempts,
        "expires_at": rfc3339(session.expires_at),
        "remaining_seconds": max(0, remaining_seconds),
        "current_attempt": attempt,
        "payment": payment,
        "fulfilment": session.fulfilment,
        "success_url": session.success_url,
        "cancel_url": session.cancel_url,
        "locale": session.locale,
        "metadata": session.metadata,
        "created_at": rfc3339(session.created_at),
        "livemode": session.livemode,
    }


def amount_due(session: Any) -> int:
    """What is left to pay; nothing once the session is completed."""
    if session.status == "completed":
        return 0
    return max(0, int(session.amount) - int(session.amount_received))


def attempt_object(attempt: Any) -> dict[str, Any]:
    """The contract's `payment_attempt`."""
    prompt = attempt.prompt or {}
    qr = None
    if prompt.get("qr_payload"):
        page = f"{config().public_url}/pay/{attempt.session_id}"
        qr = {
            "payload": prompt["qr_payload"],
            "svg_url": f"{page}/qr.svg?attempt={attempt.id}",
            "png_url": f"{page}/qr.png?attempt={attempt.id}",
            "expires_at": _own_end(prompt),
        }
    return {
        "id": attempt.id,
        "object": "payment_attempt",
        "session": attempt.session_id,
        "number": attempt.number,
        "rail": attempt.rail,
        "status": attempt.status,
        "amount": attempt.amount,
        "currency": attempt.currency,
        "code": attempt.code,
        "transfer_memo": (prompt.get("transfer_details") or {}).get("memo")
        or bare_code(attempt.code),
        "qr": qr,
        "transfer_details": prompt.get("transfer_details"),
        "deeplinks": [
            {
                "app": link["app"],
                "name": link["name"],
                "url": link["url"],
                "icon_url": None,
                "fills": link["fills"],
            }
            # Nothing is to be opened for an attempt that is over, and every event carries it.
            for link in (prompt.get("deeplinks") or () if attempt.status in LIVE_ATTEMPT else ())
        ],
        "redirect_url": prompt.get("redirect_url"),
        "provider_reference": attempt.provider_reference,
        "failure": attempt.failure,
        "expires_at": rfc3339(attempt.expires_at),
        "created_at": rfc3339(attempt.created_at),
        "livemode": attempt.livemode,
    }


def _own_end(prompt: dict[str, Any]) -> str | None:
    own = prompt.get("expires_at")
    return rfc3339(datetime.fromisoformat(own)) if own else None


def bare_code(code: str) -> str:
    """A payment code as banks carry it: without its hyphen."""
    return code.replace("-", "")


def payment_object(payment: Any) -> dict[str, Any]:
    """The contract's `payment`."""
    return {
        "id": payment.id,
        "object": "payment",
        "session": payment.session_id,
        "attempt": payment.attempt_id,
        "customer": payment.customer_id,
        "rail": payment.rail,
        "amount": payment.amount,
        "fee": payment.fee,
        "net": payment.amount - payment.fee,
        "amount_refunded": payment.amount_refunded,
        "currency": payment.currency,
        "status": payment.status,
        "late": payment.late,
        "provider_reference": payment.provider_reference,
        "reference": payment.reference,
        "paid_at": rfc3339(payment.paid_at),
        "created_at": rfc3339(payment.created_at),
        "livemode": payment.livemode,
    }
