"""What the session calls take and give, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.body import Body
from checkout.core.fields import Amount, Currency, Metadata, WebUrl
from checkout.core.lists import ListQuery
from checkout.core.money import MAXIMUM
from checkout.customers.given import CustomerGiven
from checkout.sessions.states import Status

Text200 = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text500 = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Locale = Literal["vi", "en", "km"]


class LineItem(Body):
    name: Text200
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_amount: Annotated[int, Field(ge=0, le=MAXIMUM)]
    description: Text500 | None = None
    image_url: WebUrl | None = None


class SessionFields(Body):
    """What a session may be made of, whatever it is for and whoever pays it."""

    amount: Amount | None = None
    currency: Currency
    line_items: list[LineItem] = Field(max_length=100, default_factory=list)
    reference: Text200 | None = None
    description: Text500 | None = None
    metadata: Metadata = Field(default_factory=dict)
    locale: Locale | None = None
    rails: Annotated[list[Text200], Field(min_length=1, max_length=20)] | None = None
    duration_minutes: Annotated[int, Field(ge=1, le=43_200)] | None = None
    max_attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    success_url: WebUrl | None = None
    cancel_url: WebUrl | None = None
    coupon: Text200 | None = None
    reuse_open: bool = False


class CreateSession(SessionFields):
    mode: Literal["payment", "topup", "subscription"] = "payment"
    plan: Text200 | None = None
    customer: CustomerGiven | None = None
    customer_id: Text200 | None = None


class UpdateSession(Body):
    amount: Amount | None = None
    line_items: Annotated[list[LineItem], Field(max_length=100)] | None = None
    metadata: Metadata | None = None
    locale: Locale | None = None
    customer: CustomerGiven | None = None
    customer_id: Text200 | None = None
    coupon: Text200 | None = None


Text2000 = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Fulfil(Body):
    status: Literal["confirmed", "failed"]
    reference: Text200 | None = None
    details: Text2000 | Annotated[dict[FactName, Text500], Field(max_length=50)] | None = Field(
        default=None,
        description="A text, or facts by name: `property_name`, `check_in`, `check_out` (as"
        " YYYY-MM-DD), `guests`, `host`, and any other, which the page shows as well.",
    )
    url: WebUrl | None = None


class SessionList(ListQuery):
    status: Status | None = None
    reference: Text200 | None = None
    customer: Text200 | None = None


class QrCode(BaseModel):
    payload: str = Field(description="The text in the QR code.")
    svg_url: str
    png_url: str
    expires_at: str | None = Field(
        description="Where the code runs out before its attempt; it is then renewed by itself."
    )


class Deeplink(BaseModel):
    app: str
    name: str
    url: str
    icon_url: str | None
    fills: bool = Field(description="Whether the app is known to fill in the transfer.")


class TransferDetails(BaseModel):
    bank_code: str
    bank_name: str
    bank_bin: str
    account_number: str
    account_name: str
    memo: str


class Failure(BaseModel):
    code: str
    message: str


class AttemptAnswer(BaseModel):
    id: str
    object: Literal["payment_attempt"]
    session: str
    number: int
    rail: str
    status: Literal[
        "pending", "requires_action", "succeeded", "failed", "expired", "superseded", "cancelled"
    ]
    amount: int
    currency: str
    code: str
    transfer_memo: str
    qr: QrCode | None
    transfer_details: TransferDetails | None
    deeplinks: list[Deeplink] = Field(description="Empty once the attempt is over.")
    redirect_url: str | None
    provider_reference: str | None
    failure: Failure | None
    expires_at: str
    created_at: str
    livemode: bool


class PaymentAnswer(BaseModel):
    id: str
    object: Literal["payment"]
    session: str
    attempt: str | None
    customer: str | None
    rail: str
    amount: int
    fee: int
    net: int
    amount_refunded: int
    currency: str
    status: Literal["succeeded", "partially_refunded", "refunded"]
    late: bool = Field(description="The money came after the deadline, within the grace.")
    provider_reference: str
    reference: str | None
    paid_at: str
    created_at: str
    livemode: bool


class SessionAnswer(BaseModel):
    id: str
    object: Literal["checkout.session"]
    status: Status
    mode: Literal["payment", "topup", "subscription"]
    url: str
    payment_status: Literal[
        "unpaid", "partially_paid", "paid", "overpaid", "partially_refunded", "refunded"
    ]
    seq: int = Field(description="Grows by one with every change.")
    expired_reason: Literal["timeout", "attempts_exhausted", "merchant"] | None
    amount: int
    amount_received: int
    amount_due: int
    currency: str
    line_items: list[dict[str, Any]]
    discount: dict[str, Any] | None
    description: str | None
    reference: str | None
    customer: str | None
    rails: list[str]
    attempts: int
    max_attempts: int
    can_retry: bool
    expires_at: str
    remaining_seconds: int
    current_attempt: AttemptAnswer | None
    payment: PaymentAnswer | None
    fulfilment: dict[str, Any]
    success_url: str | None
    cancel_url: str | None
    locale: Locale | None
    metadata: dict[str, str]
    created_at: str
    livemode: bool


class HistoryRow(BaseModel):
    # `from` is a word of Python's, hence the alias.
    from_: str | None = Field(alias="from")
    to: str
    event: str
    actor: str
    reason: str | None
    seq: int
    at: str


class HistoryAnswer(BaseModel):
    object: Literal["list"]
    data: list[HistoryRow]
    has_more: bool
    next_cursor: str | None
