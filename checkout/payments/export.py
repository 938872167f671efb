"""Payments and transfers as tables for spreadsheets, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkout.core.batches import read_batches
from checkout.core.clock import rfc3339
from checkout.core.csv import Cell, decimal_amount
from checkout.customers.export import PERSON_COLUMNS, person_cells, read_people

PAYMENT_COLUMNS = (
    "id",
    "paid_at",
    "status",
    "amount",
    "fee",
    "net",
    "amount_refunded",
    "currency",
    "rail",
    "reference",
    "provider_reference",
    "customer",
    "session",
    "attempt",
    "late",
)
PAYMENT_COLUMNS_WITH_PEOPLE = (*PAYMENT_COLUMNS, *PERSON_COLUMNS)
TRANSFER_COLUMNS = (
    "id",
    "received_at",
    "occurred_at",
    "disposition",
    "amount",
    "amount_held",
    "currency",
    "rail",
    "memo",
    "payer_name",
    "payer_account",
    "provider_reference",
    "session",
    "attempt",
    "resolution",
    "note",
    "resolved_at",
)


def payment_rows(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The payments that `where` lets through, newest first, some at a time."""
    for rows in read_batches("payment", where, params):
        yield [_payment(row) for row in rows]


def payment_rows_with_people(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The same with the customers' names and addresses, for who may read them."""
    for rows in read_batches("payment", where, params):
        people = read_people(rows, params)
        yield [[*_payment(row), *person_cells(row.customer_id, people)] for row in rows]


def transfer_rows(where: str, params: Mapping[str, Any]) -> Iterator[list[list[Cell]]]:
    """The transfers that `where` lets through, newest first, some at a time."""
    for rows in read_batches("transfer", where, params):
        yield [_transfer(row) for row in rows]


def _payment(row: Any) -> list[Cell]:
    amounts = (row.amount, row.fee, row.amount - row.fee, row.amount_refunded)
    return [
        row.id,
        rfc3339(row.paid_at),
        row.status,
        *(decimal_amount(amount, row.currency) for amount in amounts),
        row.currency,
        row.rail,
        row.reference,
        row.provider_reference,
        row.customer_id,
        row.session_id,
        row.attempt_id,
        "true" if row.late else "false",
    ]


def _transfer(row: Any) -> list[Cell]:
    payer, resolution = row.payer or {}, row.resolution or {}
    amounts: list[Cell] = [None, None]
    if row.amount is not None:
        amounts = [decimal_amount(amount, row.currency) for amount in (row.amount, row.held)]
    return [
        row.id,
        rfc3339(row.received_at),
        rfc3339(row.occurred_at),
        row.disposition,
        *amounts,
        row.currency,
        row.rail,
        row.memo,
        _text(payer.get("name")),
        _text(payer.get("account")),
        row.provider_reference,
        row.session_id,
        row.attempt_id,
        _text(resolution.get("action")),
        _text(resolution.get("note")),
        rfc3339(row.resolved_at),
    ]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
