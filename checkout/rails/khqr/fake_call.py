"""What every route of the pretend Open API is given, and how it refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.rails.base import Account, Shelf


@dataclass(frozen=True, slots=True)
class ApiCall:
    """Where and when a call is answered; tokens go by the real time, money by the bank's."""

    account: Account
    shelf: Shelf
    now: datetime
    sent_at: datetime


class Fault(Exception):
    """An answer with an error's number."""

    def __init__(self, error: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.error = error
        self.status = status


def read_text(body: Any, name: str, pattern: str) -> str:
    """A text field that must fit the pattern. Raises Fault."""
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise missing_field()
    return value


def missing_field() -> Fault:
    """The refusal of a body that lacks something, or has it in another form."""
    return Fault(5, "Missing required fields", 400)
