"""Writing attempts, transfers and payments, many at once, and a transfer's API form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.db import execute, jsonb


def transfer_object(transfer: Any) -> dict[str, Any]:
    """The contract's `transfer`."""
    return {
        "id": transfer.id,
        "object": "transfer",
        "rail": transfer.rail,
        "rail_account": transfer.rail_account_id,
        "provider_reference": transfer.provider_reference,
        "amount": transfer.amount,
        "amount_held": transfer.held,
        "currency": transfer.currency,
        "memo": transfer.memo,
        "payer": transfer.payer,
        "occurred_at": rfc3339(transfer.occurred_at),
        "received_at": rfc3339(transfer.received_at),
        "disposition": transfer.disposition,
        "attempt": transfer.attempt_id,
        "session": transfer.session_id,
        "resolution": transfer.resolution,
        "details": transfer.details,
        "created_at": rfc3339(transfer.received_at),
        "livemode": transfer.livemode,
    }


_TRANSFER_COLUMNS = {
    "id": "text",
    "store_id": "text",
    "livemode": "boolean",
    "rail": "text",
    "rail_account_id": "text",
    "provider_reference": "text",
    "fingerprint": "text",
    "source": "text",
    "inbox_id": "text",
    "amount": "bigint",
    "currency": "text",
    "memo": "text",
    "payer": "jsonb",
    "details": "jsonb",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "disposition": "text",
    "attempt_id": "text",
    "session_id": "text",
    "held": "bigint",
    "part_of": "text",
}
_PAYMENT_COLUMNS = {
    "id": "text",
    "store_id": "text",
    "livemode": "boolean",
    "session_id": "text",
    "attempt_id": "text",
    "transfer_id": "text",
    "customer_id": "text",
    "rail": "text",
    "amount": "bigint",
    "fee": "bigint",
    "currency": "text",
    "status": "text",
    "late": "boolean",
    "provider_reference": "text",
    "reference": "text",
    "paid_at": "timestamptz",
    "created_at": "timestamptz",
}


def write_transfers(rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert transfers; their constraint refuses a second one of the same reference."""
    _insert("transfer", _TRANSFER_COLUMNS, rows)


def write_payments(rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert payments; their constraint refuses a second one of a session."""
    _insert("payment", _PAYMENT_COLUMNS, rows)


def write_attempts(attempts: Sequence[Any]) -> None:
    """Bring attempts' rows to what was decided; their session is locked by the caller."""
    if not attempts:
        return
    execute(
        "UPDATE attempt SET status = row.status, amount = row.amount, prompt = row.prompt,"
        " provider_reference = row.provider_reference, failure = row.failure,"
        " ended_at = row.ended_at"
        " FROM jsonb_to_recordset(%(rows)s) AS row (id text, status text, amount bigint,"
        " prompt jsonb, provider_reference text, failure jsonb, ended_at timestamptz)"
        " WHERE attempt.id = row.id AND attempt.id = ANY(%(ids)s)",
        ids=[attempt.id for attempt in attempts],
        rows=jsonb(
            [
                {
                    "id": attempt.id,
                    "status": attempt.status,
                    "amount": attempt.amount,
                    "prompt": attempt.prompt,
                    "provider_reference": attempt.provider_reference,
                    "failure": attempt.failure,
                    "ended_at": _plain(attempt.ended_at),
                }
                for attempt in attempts
            ]
        ),
    )


def _insert(table: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    names = ", ".join(columns)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    execute(
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608
        f" FROM jsonb_to_recordset(%(rows)s) AS row ({typed})",
        rows=jsonb([{name: _plain(row[name]) for name in columns} for row in rows]),
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
