"""What the webhook calls take and give, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from checkout.core.body import Body
from checkout.core.fields import WebUrl
from checkout.core.lists import ListQuery
from checkout.webhooks.states import DeliveryStatus
from checkout.webhooks.types import list_patterns

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]
KnownPattern = Annotated[Pattern, WithJsonSchema({"type": "string", "enum": list_patterns()})]
Patterns = Annotated[
    list[KnownPattern],
    Field(min_length=1, max_length=50, description="Event types, groups such as payment.*, or *."),
]
Description = Annotated[str, StringConstraints(max_length=500)]


class CreateEndpoint(Body):
    url: WebUrl
    enabled_events: Patterns = Field(default=["*"])
    description: Description = ""
    enabled: bool = True


class UpdateEndpoint(Body):
    url: WebUrl | None = None
    enabled_events: Patterns | None = None
    description: Description | None = None
    enabled: bool | None = None


class DeliveryList(ListQuery):
    status: DeliveryStatus | None = None
    event: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class EventList(ListQuery):
    type: Pattern | None = None


class EndpointAnswer(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    url: str
    enabled_events: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None = Field(description="gone, failing or merchant.")
    failing_since: str | None
    old_secret_expires_at: str | None = Field(description="Until then the old secret signs too.")
    created_at: str
    livemode: bool


class NewSecretAnswer(EndpointAnswer):
    secret: str = Field(description="Shown this once.")


class RemovedAnswer(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]


class AttemptLog(BaseModel):
    number: int
    at: str
    duration_ms: int
    response_status: int | None
    response_body: str | None = Field(
        description="At most the first 4096 bytes; null once they are older than 30 days."
    )
    error: str | None = Field(description="Why there was no answer.")
    manual: bool


class DeliveryAnswer(BaseModel):
    id: str
    object: Literal["webhook_delivery"]
    endpoint: str
    event: str
    event_type: str
    status: DeliveryStatus
    tries: int
    next_try_at: str | None
    response_status: int | None
    last_error: str | None
    delivered_at: str | None
    attempts: list[AttemptLog]
    created_at: str
    livemode: bool


class EventData(BaseModel):
    object: dict[str, Any]
    previous: dict[str, Any] | None


class EventAnswer(BaseModel):
    id: str
    object: Literal["event"]
    type: str
    created_at: str
    livemode: bool
    data: EventData
