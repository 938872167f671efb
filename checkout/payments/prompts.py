"""An attempt's prompt: written with its reference, so that money on it is known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout.core.db import jsonb, one
from checkout.payments.facts import prompt_record
from checkout.payments.references import Reference, write_reference
from checkout.rails.base import Prompt
from checkout.sessions.queries import Locked


def prompt_end(attempt: Any) -> datetime | None:
    """When the prompt itself runs out; None where it lives as its attempt."""
    own = (attempt.prompt or {}).get("expires_at")
    return datetime.fromisoformat(own) if own else None


def put_prompt(locked: Locked, attempt: Any, prompt: Prompt) -> Any:
    """Write an attempt's prompt and its reference; the row as it then stands."""
    if prompt.provider_reference:
        write_reference(
            Reference(
                attempt,
                prompt.provider_reference,
                locked.now,
                prompt.expires_at or attempt.expires_at,
            )
        )
    return one(
        "UPDATE attempt SET prompt = %(prompt)s,"
        " provider_reference = coalesce(%(reference)s, provider_reference)"
        " WHERE id = %(id)s RETURNING *",
        id=attempt.id,
        # The page's countdown starts where this prompt does, not where its attempt did.
        prompt=jsonb(prompt_record(prompt) | {"opened_at": locked.now.isoformat()}),
        reference=prompt.provider_reference,
    )
