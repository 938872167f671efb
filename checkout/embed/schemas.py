"""What the calls for a shop's own pages take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from checkout.core.body import Body
from checkout.core.fields import Amount, Currency, Email, Metadata, WebUrl
from checkout.customers.given import Name, Phone
from checkout.sessions.schemas import LineItem, Locale, Text200, Text500
from checkout.sessions.states import Status


class MakeToken(Body):
    customer: Text200


class TokenAnswer(BaseModel):
    object: Literal["realtime_token"]
    token: str = Field(description="For SUBSCRIBE on /ws/payment-notifications.")
    customer: str
    expires_at: str
    livemode: bool


class Visitor(Body):
    """Who says to pay. Nobody has proven it, so the shop's own reference is not taken."""

    email: Email
    name: Name | None = None
    phone: Phone | None = None


class CheckoutInBrowser(Body):
    amount: Amount | None = None
    currency: Currency
    line_items: list[LineItem] = Field(max_length=100, default_factory=list)
    reference: Text200 | None = None
    description: Text500 | None = None
    metadata: Metadata = Field(default_factory=dict)
    locale: Locale | None = None
    customer: Visitor | None = None
    rails: Annotated[list[Text200], Field(min_length=1, max_length=20)] | None = None
    success_url: WebUrl | None = None
    cancel_url: WebUrl | None = None
    coupon: Text200 | None = None


class WidgetSession(BaseModel):
    """What a page may know of a session: how it stands, and where to pay it."""

    id: str
    object: Literal["checkout.session"]
    status: Status
    payment_status: str
    seq: int
    expired_reason: Literal["timeout", "attempts_exhausted", "merchant"] | None
    url: str
    amount: int
    amount_received: int
    amount_due: int
    currency: str
    attempts: int
    max_attempts: int
    can_retry: bool
    expires_at: str
    remaining_seconds: int
    fulfilment: dict[str, Any]
    livemode: bool


SHOWN = tuple(WidgetSession.model_fields)
