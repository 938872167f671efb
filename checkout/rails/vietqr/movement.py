"""One movement on the watched account, whichever way SePay told it, and the notice of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from checkout.rails.base import Account, Notice, Source
from checkout.rails.vietqr.memo import read_codes

VIETNAM = timezone(timedelta(hours=7))
CURRENCY = "VND"
TEXT_LIMIT = 2_000
AMOUNT_LIMIT = 9_999_999_999_999

Direction = Literal["in", "out"]


class UnreadableMovement(ValueError):
    """A genuine message without the fields that make it a movement of money."""


@dataclass(frozen=True, slots=True)
class Movement:
    """What the webhook and the list both say of a movement; empty text where they are silent."""

    id: str
    account_number: str
    sub_account: str
    direction: Direction
    amount: int
    happened_at: datetime | None
    code: str
    content: str
    description: str
    reference_code: str
    gateway: str


def read_hook_fields(fields: Mapping[str, object]) -> Movement:
    """A movement from the webhook's fields. Raises UnreadableMovement."""
    direction = clean_text(fields.get("transferType")).lower()
    if direction not in ("in", "out"):
        raise UnreadableMovement("transferType is neither in nor out")
    return Movement(
        id=_read_id(fields.get("id")),
        account_number=_read_account(fields.get("accountNumber")),
        sub_account=clean_account(fields.get("subAccount")),
        direction="in" if direction == "in" else "out",
        amount=read_amount(fields.get("transferAmount")),
        happened_at=read_time(fields.get("transactionDate")),
        code=clean_text(fields.get("code")),
        content=clean_text(fields.get("content")),
        description=clean_text(fields.get("description")),
        reference_code=clean_text(fields.get("referenceCode")),
        gateway=clean_text(fields.get("gateway")),
    )


def read_list_row(row: Mapping[str, object]) -> Movement:
    """A movement from a row of the list of transactions. Raises UnreadableMovement."""
    direction = _row_direction(row)
    return Movement(
        id=_read_id(row.get("id")),
        account_number=_read_account(row.get("account_number")),
        sub_account=clean_account(row.get("va") or row.get("sub_account")),
        direction=direction,
        amount=read_amount(row.get("amount_in" if direction == "in" else "amount_out")),
        happened_at=read_time(row.get("transaction_date")),
        code=clean_text(row.get("code")),
        content=clean_text(row.get("transaction_content")),
        description="",
        reference_code=clean_text(row.get("reference_number")),
        gateway=clean_text(row.get("bank_brand_name")),
    )


def make_notice(
    movement: Movement, *, source: Source, raw: bytes, account: Account, own: frozenset[str]
) -> Notice:
    """The notice of a movement; `own` are the account numbers of this rail account."""
    incoming = movement.direction == "in"
    matches = read_codes(
        code=movement.code,
        content=movement.content,
        description=movement.description,
        prefixes=account.code_prefixes,
    )
    return Notice(
        provider_reference=movement.id,
        source=source,
        outcome="succeeded" if incoming else "ignored",
        raw=raw,
        amount=movement.amount,
        currency=CURRENCY,
        account=_credited_account(movement, own),
        matches=matches if incoming else (),
        memo=movement.content,
        occurred_at=movement.happened_at,
        fingerprint=make_fingerprint(movement),
        details=_details(movement),
    )


def make_unreadable(
    *, source: Source, raw: bytes, why: str, identity: bytes | None = None
) -> Notice:
    """The notice of a genuine message that is not understood.

    Its bytes are its identity, unless the caller knows a part of them that does not change.
    """
    return Notice(
        provider_reference=f"raw:{hashlib.sha256(identity or raw).hexdigest()}",
        source=source,
        outcome="unreadable",
        raw=raw,
        details={"unreadable": why},
    )


def make_fingerprint(movement: Movement) -> str | None:
    """The same for one movement whether the webhook or the list tells it.

    The webhook's whole numbers and the list's UUIDs are two key spaces, so what the bank itself
    says of the movement has to recognise it. None where the bank says too little for that.
    """
    parts = [movement.account_number, movement.direction, str(movement.amount)]
    if movement.reference_code:
        parts.append(movement.reference_code.upper())
    elif movement.happened_at is not None:
        content = " ".join(movement.content.upper().split())
        parts += ["", movement.happened_at.isoformat(), content]
    else:
        return None
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def clean_text(value: object) -> str:
    """Text that a database can hold: numbers become text, anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = value[:TEXT_LIMIT] if isinstance(value, str) else _digits(value)
    # JSON escapes can spell lone surrogates and NUL, which PostgreSQL refuses.
    return text.encode("utf-8", "replace").decode().replace("\x00", "").strip()


def clean_account(value: object) -> str:
    """An account number as it is compared: upper case, without blanks, text for ever."""
    return "".join(clean_text(value).upper().split())


def known_accounts(numbers: Sequence[str]) -> frozenset[str]:
    """Account numbers in the form in which notices carry them."""
    return frozenset(filter(None, (clean_account(number) for number in numbers)))


def read_amount(value: object) -> int:
    """Whole dong above zero, from a number or a text such as 150000.00.

    Raises UnreadableMovement.
    """
    found = re.fullmatch(r"([0-9]{1,15})(?:\.0{1,6})?", clean_text(value))
    amount = int(found[1]) if found else 0
    if not 1 <= amount <= AMOUNT_LIMIT:
        raise UnreadableMovement("the amount is not a whole number of dong above zero")
    return amount


def read_time(value: object) -> datetime | None:
    """UTC from the bank's Vietnam time; None where there is none to be relied on."""
    text = clean_text(value)
    # A date alone would put the movement at midnight, before the attempt that it pays.
    if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}.{0,20}", text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=VIETNAM)
    return moment.astimezone(UTC)


def _row_direction(row: Mapping[str, object]) -> Direction:
    direction = clean_text(row.get("transfer_type")).lower()
    if direction == "out":
        return "out"
    if direction in ("in", ""):
        # Older rows have no direction: then the amount of the other side is zero.
        has_out = re.search(r"[1-9]", clean_text(row.get("amount_out"))) is not None
        has_in = re.search(r"[1-9]", clean_text(row.get("amount_in"))) is not None
        return "out" if not direction and has_out and not has_in else "in"
    raise UnreadableMovement("transfer_type is neither in nor out")


def _read_id(value: object) -> str:
    text = clean_text(value)
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,64}", text):
        raise UnreadableMovement("the id is missing or malformed")
    return text


def _read_account(value: object) -> str:
    text = clean_account(value)
    if not 1 <= len(text) <= 64:
        raise UnreadableMovement("the account number is missing or malformed")
    return text


def _credited_account(movement: Movement, own: frozenset[str]) -> str:
    return movement.sub_account if movement.sub_account in own else movement.account_number


def _details(movement: Movement) -> dict[str, str]:
    details = {
        "gateway": movement.gateway,
        "reference_code": movement.reference_code,
        "sub_account": movement.sub_account,
        "code": movement.code,
        "description": movement.description,
        "direction": movement.direction,
    }
    return {name: value for name, value in details.items() if value}


def _digits(value: int) -> str:
    # Python refuses to print integers of thousands of digits; none of ours has twenty.
    return str(value) if abs(value) < 10**20 else ""
