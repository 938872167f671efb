"""Ask about many references of a store at once: those it has itself, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from checkout.core.db import run
from checkout.core.scope import Scope
from checkout.payments.ask import ask_in_turns
from checkout.payments.lease import ASKED

UNKNOWN, PENDING = "unknown", "pending"


def check_references(
    scope: Scope, rail: str, references: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Reference → its status and attempt, for each that was given.

    `succeeded` and `failed` are the provider's own last word, `pending` means that nothing is
    known yet, `unknown` that no attempt of this store and mode has it: then nobody is asked.
    Raises RailError.
    """
    rows = run(
        f"SELECT {ASKED} FROM attempt_reference AS known"  # noqa: S608 - a constant
        " JOIN attempt ON attempt.id = known.attempt_id"
        " JOIN checkout_session AS session ON session.id = attempt.session_id"
        " WHERE known.store_id = %(store_id)s AND known.livemode = %(livemode)s"
        " AND known.rail = %(rail)s AND known.reference = ANY(%(references)s)"
        " ORDER BY known.rail_account_id, known.id",
        store_id=scope.store_id,
        livemode=scope.livemode,
        rail=rail,
        references=list(references),
    )
    told: dict[str, str] = {}
    for account_id, group in groupby(rows, key=lambda row: row.rail_account_id):
        for answered in ask_in_turns(account_id, list(group)):
            told |= answered.told
    attempts = {row.known_reference: row.id for row in rows}
    return {
        reference: {
            "status": _status(reference, told) if reference in attempts else UNKNOWN,
            "attempt": attempts.get(reference),
        }
        for reference in references
    }


def _status(reference: str, told: dict[str, str]) -> str:
    outcome = told.get(reference, PENDING)
    # Money that a person must look at has moved all the same.
    return {"unreadable": "succeeded", "ignored": PENDING}.get(outcome, outcome)
