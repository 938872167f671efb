"""What the calls on customers take and give."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from checkout.core.body import Body
from checkout.core.fields import Email, Metadata
from checkout.core.lists import ListQuery
from checkout.customers.given import CustomerGiven, Name, Phone, Reference


class CreateCustomer(CustomerGiven):
    metadata: Metadata = Field(default_factory=dict)


class UpdateCustomer(Body):
    email: Email | None = None
    name: Name | None = None
    phone: Phone | None = None
    reference: Reference | None = None
    metadata: Metadata = Field(default_factory=dict)


class CustomerList(ListQuery):
    email: Email | None = None
    reference: Reference | None = None


class CustomerAnswer(BaseModel):
    id: str
    object: Literal["customer"]
    email: str | None
    name: str | None
    phone: str | None
    reference: str | None
    metadata: dict[str, str]
    created_at: str
    livemode: bool


class DeletedCustomer(BaseModel):
    id: str
    object: Literal["customer"]
    deleted: Literal[True]
