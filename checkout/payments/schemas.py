"""What the calls on attempts, transfers and payments take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.body import Body
from checkout.core.fields import Amount, QueryFlag, WebUrl
from checkout.core.lists import CreatedQuery, ListQuery
from checkout.core.sheets import Format
from checkout.payments.decide import Disposition
from checkout.payments.faults import Fault
from checkout.sessions.schemas import Text200, Text500


class StartAttempt(Body):
    rail: Text200
    return_url: WebUrl | None = None


class RetryAttempt(Body):
    rail: Text200 | None = None


class Resolve(Body):
    action: Literal["accept", "assign", "credit_wallet", "refund", "write_off"]
    session: Text200 | None = None
    customer: Text200 | None = None
    note: Text500


class TransferList(ListQuery):
    disposition: Disposition | None = None
    resolved: QueryFlag | None = None
    session: Text200 | None = None


class PaymentFilters(CreatedQuery):
    status: Literal["succeeded", "partially_refunded", "refunded"] | None = None
    session: Text200 | None = None
    customer: Text200 | None = None
    rail: Text200 | None = None
    reference: Text200 | None = None


class PaymentList(PaymentFilters, ListQuery):
    pass


class PaymentExport(PaymentFilters):
    format: Format = "csv"


class Simulate(Body):
    amount: Amount | None = None
    memo: Annotated[str, StringConstraints(max_length=500)] | None = None
    times: Annotated[int, Field(ge=1, le=10)] = 1
    delay_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    outcome: Literal["success", "failure"] = "success"


class AdvanceClock(Body):
    seconds: Annotated[int, Field(ge=1, le=31_536_000)]


class PlanFaults(Body):
    next: Annotated[list[Fault], Field(max_length=100)] = Field(
        default=[], description="One for each of the coming calls to the pretend provider."
    )
    always: Fault | None = Field(default=None, description="For every call after those.")
    drop_hooks: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="How many of the coming notices never arrive."
    )


class TransferAnswer(BaseModel):
    id: str
    object: Literal["transfer"]
    rail: str
    rail_account: str
    provider_reference: str
    amount: int | None
    amount_held: int = Field(description="What of it still waits for a home.")
    currency: str | None
    memo: str
    payer: dict[str, Any] | None
    occurred_at: str = Field(description="The bank's own time.")
    received_at: str
    disposition: Disposition
    attempt: str | None
    session: str | None
    resolution: dict[str, Any] | None
    details: dict[str, Any]
    created_at: str
    livemode: bool


class CheckAnswer(BaseModel):
    object: Literal["check"]
    found: int = Field(description="How many movements the provider told of that were new.")
    attempt: dict[str, Any]


Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{32}$")]


class BulkCheck(Body):
    md5s: Annotated[list[Md5], Field(min_length=1, max_length=50)]


class BulkCheckItem(BaseModel):
    md5: str
    status: Literal["succeeded", "failed", "pending", "unknown"] = Field(
        description="`unknown`: no attempt of this store and mode showed it."
    )
    attempt: str | None


class BulkCheckAnswer(BaseModel):
    object: Literal["list"]
    data: list[BulkCheckItem]


class SimulationAnswer(BaseModel):
    object: Literal["simulation"]
    attempt: str
    notices: int = Field(description="How many notices the pretend provider sends.")


class ClockAnswer(BaseModel):
    object: Literal["test_clock"]
    now: str
    offset_seconds: int


class FaultPlanAnswer(BaseModel):
    object: Literal["fault_plan"]
    rail: str
    rail_account: str
    next: list[Fault]
    always: Fault | None
    drop_hooks: int
