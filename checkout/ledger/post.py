"""Post journals: balanced entries and the accounts' new balances, all in one go.

Accounts are locked last and in one order, so that a busy account is held for as short a time
as can be and two postings never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout.core import ids
from checkout.core.db import execute, jsonb, later, pipeline, run
from checkout.core.facts import tell_fact

SUSPENSE = "suspense"
STORE_BALANCE = "store_balance"
FEES = "fees"
WALLET = "wallet"


def clearing(rail: str) -> str:
    """The account of what this rail's bank or provider holds for the store."""
    return f"clearing:{rail}"


@dataclass(frozen=True, slots=True)
class Line:
    """An amount (minor units, below zero when it leaves) on one account of the store."""

    kind: str
    amount: int
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """One journal to be: its lines sum to zero in one currency."""

    store_id: str
    livemode: bool
    currency: str
    kind: str
    lines: tuple[Line, ...]
    at: datetime
    transfer_id: str | None = None
    payment_id: str | None = None
    note: str | None = None


class LedgerError(Exception):
    """A posting that must never happen: unbalanced, or below zero where that is not allowed."""


class BelowZeroError(LedgerError):
    """An account of this kind has less than the posting takes from it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


AccountKey = tuple[str, bool, str, str, str | None]


Accounts = dict[AccountKey, "_Account"]


def begin_accounts(postings: Sequence[Posting]) -> Callable[[], Accounts]:
    """Lock the accounts of postings inside a `pipeline`; what was found is due after it."""
    keys = {key for posting in postings for key in _keys(posting)}
    if not keys:
        return dict
    rows = later(_SELECT_ACCOUNTS, **_wanted(keys))
    return lambda: _by_key(rows())


def post(postings: Sequence[Posting], locked: Callable[[], Accounts] | None = None) -> list[str]:
    """Write the journals in the current transaction and return their ids, in order.

    `locked` is what begin_accounts gave for the same postings. Raises LedgerError for an
    unbalanced posting, BelowZeroError for one that would bring an account below zero; the
    database refuses both as well.
    """
    if not postings:
        return []
    for posting in postings:
        if sum(line.amount for line in posting.lines) != 0:
            raise LedgerError(f"{posting.kind} does not balance")
    keys = {key for posting in postings for key in _keys(posting)}
    accounts = _lock_accounts(keys, locked() if locked is not None else _select_accounts(keys))
    journals, entries = _book(postings, accounts)
    with pipeline():
        _insert(journals, entries, accounts)
    ids_ = [journal["id"] for journal in journals]
    _tell_wallets(postings, ids_)
    return ids_


def _tell_wallets(postings: Sequence[Posting], journal_ids: Sequence[str]) -> None:
    """Whoever moved a customer's money, the customer's shop hears of it."""
    moved = [
        journal_id
        for journal_id, posting in zip(journal_ids, postings, strict=True)
        if any(line.kind == WALLET for line in posting.lines)
    ]
    if moved:
        tell_fact("wallets_moved", journal_ids=moved)


@dataclass(slots=True)
class _Account:
    id: int
    balance: int


def _keys(posting: Posting) -> Iterable[AccountKey]:
    for line in posting.lines:
        yield posting.store_id, posting.livemode, posting.currency, line.kind, line.customer_id


def _lock_accounts(keys: set[AccountKey], found: Accounts) -> Accounts:
    if len(found) < len(keys):
        _create_accounts(keys - found.keys())
        found = _select_accounts(keys)
    return found


_SELECT_ACCOUNTS = (
    "SELECT account.id, account.store_id, account.livemode, account.currency, account.kind,"
    " account.customer_id, account.balance FROM account"
    " JOIN jsonb_to_recordset(%(keys)s) AS wanted"
    " (store_id text, livemode boolean, currency text, kind text, customer_id text)"
    " ON account.store_id = wanted.store_id AND account.livemode = wanted.livemode"
    " AND account.currency = wanted.currency AND account.kind = wanted.kind"
    " AND coalesce(account.customer_id, '') = coalesce(wanted.customer_id, '')"
    " WHERE account.store_id = ANY(%(stores)s) ORDER BY account.id FOR UPDATE OF account"
)


def _select_accounts(keys: set[AccountKey]) -> Accounts:
    return _by_key(run(_SELECT_ACCOUNTS, **_wanted(keys)))


def _wanted(keys: set[AccountKey]) -> dict[str, Any]:
    return {"stores": list({key[0] for key in keys}), "keys": _as_json(keys)}


def _by_key(rows: Sequence[Any]) -> Accounts:
    return {
        (row.store_id, row.livemode, row.currency, row.kind, row.customer_id): _Account(
            row.id, row.balance
        )
        for row in rows
    }


def _create_accounts(keys: set[AccountKey]) -> None:
    run(
        "INSERT INTO account (store_id, livemode, currency, kind, customer_id)"
        " SELECT * FROM jsonb_to_recordset(%(keys)s) AS wanted"
        " (store_id text, livemode boolean, currency text, kind text, customer_id text)"
        " ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING",
        keys=_as_json(keys),
    )


def _as_json(keys: set[AccountKey]) -> Any:
    names = ("store_id", "livemode", "currency", "kind", "customer_id")
    return jsonb([dict(zip(names, key, strict=True)) for key in keys])


def _book(
    postings: Sequence[Posting], accounts: dict[AccountKey, _Account]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    journals, entries = [], []
    for posting in postings:
        journal_id = ids.new_id("jrn")
        journals.append(
            {
                "id": journal_id,
                "store_id": posting.store_id,
                "livemode": posting.livemode,
                "kind": posting.kind,
                "payment_id": posting.payment_id,
                "transfer_id": posting.transfer_id,
                "note": posting.note,
                "created_at": posting.at.isoformat(),
            }
        )
        for key, line in zip(_keys(posting), posting.lines, strict=True):
            account = accounts[key]
            account.balance += line.amount
            if account.balance < 0 and not line.kind.startswith("clearing:"):
                raise BelowZeroError(
                    line.kind, f"{line.kind} of {posting.store_id} would fall below zero"
                )
            entries.append(
                {
                    "journal_id": journal_id,
                    "account_id": account.id,
                    "amount": line.amount,
                    "balance_after": account.balance,
                    "created_at": posting.at.isoformat(),
                }
            )
    return journals, entries


def _insert(
    journals: list[dict[str, Any]],
    entries: list[dict[str, Any]],
    accounts: dict[AccountKey, _Account],
) -> None:
    execute(
        "INSERT INTO journal (id, store_id, livemode, kind, payment_id, transfer_id, note,"
        " created_at) SELECT * FROM jsonb_to_recordset(%(rows)s) AS row (id text, store_id text,"
        " livemode boolean, kind text, payment_id text, transfer_id text, note text,"
        " created_at timestamptz)",
        rows=jsonb(journals),
    )
    execute(
        "INSERT INTO entry (journal_id, account_id, amount, balance_after, created_at)"
        " SELECT * FROM jsonb_to_recordset(%(rows)s) AS row (journal_id text, account_id bigint,"
        " amount bigint, balance_after bigint, created_at timestamptz)",
        rows=jsonb(entries),
    )
    execute(
        "UPDATE account SET balance = row.balance FROM jsonb_to_recordset(%(rows)s) AS row"
        " (id bigint, balance bigint) WHERE account.id = row.id AND account.id = ANY(%(ids)s)",
        ids=[account.id for account in accounts.values()],
        rows=jsonb([{"id": a.id, "balance": a.balance} for a in accounts.values()]),
    )
