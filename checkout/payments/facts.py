"""What a rail is told of an attempt, and what is kept of the prompt that it gives."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from checkout.core.config import config
from checkout.rails.base import Attempt, Prompt
from checkout.sessions.objects import bare_code


def attempt_facts(
    attempt: Any,
    session: Any,
    *,
    payer_address: str | None = None,
    customer_email: str | None = None,
) -> Attempt:
    """An attempt's row as the plain data of the rail contract."""
    return Attempt(
        id=attempt.id,
        session=attempt.session_id,
        code=attempt.code,
        memo=bare_code(attempt.code),
        amount=attempt.amount,
        currency=attempt.currency,
        created_at=attempt.created_at,
        expires_at=attempt.expires_at,
        provider_reference=attempt.provider_reference,
        description=session.description or "",
        reference=session.reference,
        locale=session.locale or "vi",
        return_url=f"{config().public_url}/return/{attempt.rail}/{attempt.id}",
        payer_address=payer_address,
        customer_email=customer_email,
        details=(attempt.prompt or {}).get("details") or {},
    )


def prompt_record(prompt: Prompt) -> dict[str, Any]:
    """A prompt as JSON; the page and the API draw from it."""
    record = asdict(prompt)
    if prompt.expires_at is not None:
        record["expires_at"] = prompt.expires_at.isoformat()
    return record
