"""What the wallet calls take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import WithJsonSchema

from checkout.core.body import Query
from checkout.core.fields import Currency, QueryInteger
from checkout.core.lists import ListQuery
from checkout.core.money import MAXIMUM
from checkout.sessions.schemas import SessionFields

TransactionType = Literal["topup", "wallet_spend", "refund", "adjustment"]


class TopUp(SessionFields):
    mode: Literal["topup"] = "topup"


class CanPay(Query):
    amount: Annotated[
        QueryInteger,
        Field(ge=1, le=MAXIMUM),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAXIMUM}),
    ]
    currency: Currency


class TransactionList(ListQuery):
    type: TransactionType | None = None


class WalletAnswer(BaseModel):
    currency: str
    balance: int
    pending_topups: int = Field(description="Top-ups that may still be paid.")


class WalletsAnswer(BaseModel):
    object: Literal["list"]
    data: list[WalletAnswer]
    has_more: bool
    next_cursor: str | None


class CanPayAnswer(BaseModel):
    can_pay: bool
    balance: int


class TransactionAnswer(BaseModel):
    id: str
    object: Literal["balance_transaction"]
    type: TransactionType
    customer: str
    amount: int = Field(description="Below zero where money left the wallet.")
    balance_after: int
    currency: str
    source: str | None = Field(description="What moved it: a payment or a transfer.")
    payment: str | None
    transfer: str | None
    session: str | None
    reference: str | None
    rail: str | None
    code: str | None
    created_at: str
    livemode: bool
