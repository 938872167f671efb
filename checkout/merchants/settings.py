"""What a store may set, with defaults and limits. Kept as JSON in `store.settings`."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from checkout.core.body import validate
from checkout.core.fields import Email
from checkout.core.money import MAXIMUM, known_currencies

PREFIX = r"^[A-Z]{2,5}$"
HOST = re.compile(
    r"(?=.{1,253}(:|$))([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)"
    r"(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:[0-9]{1,5})?"
)
MAX_GRACE_MINUTES = 43_200
AmountBound = Annotated[int, Field(ge=1, le=MAXIMUM)]


@cache
def known_zones() -> frozenset[str]:
    """Names of places; an abbreviation such as EST says nothing of summer time."""
    return frozenset(name for name in available_timezones() if "/" in name) | {"UTC"}


class Bounds(BaseModel):
    """The least and the most that may be asked in one currency, in its minor unit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    min: AmountBound = 1
    max: AmountBound = MAXIMUM

    @model_validator(mode="after")
    def _in_order(self) -> Bounds:
        if self.min > self.max:
            raise PydanticCustomError("invalid_value", "min is larger than max")
        return self


class StoreSettings(BaseModel):
    """A store's settings."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    code_prefix: Annotated[str, Field(pattern=PREFIX)] = "HM"
    past_code_prefixes: list[Annotated[str, Field(pattern=PREFIX)]] = []
    """Prefixes that were used before: their codes are still on shoppers' screens."""
    duration_minutes: Annotated[int, Field(ge=1, le=43_200)] = 15
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    underpayment: Literal["wait", "fail"] = "wait"
    late_grace_minutes: Annotated[int, Field(ge=0, le=MAX_GRACE_MINUTES)] = 15
    fee_bps: Annotated[int, Field(ge=0, le=10_000)] = 0
    rate_limit_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    allowed_hosts: Annotated[list[str], Field(max_length=100)] = []
    browser_amounts: bool = False
    """Whether pages with the publishable key may say, in live mode, what a session costs."""
    currencies: Annotated[list[str], Field(max_length=200)] = []
    """What sessions may be in; empty for everything that a rail carries."""
    bounds: dict[str, Bounds] = {}
    topup_bounds: dict[str, Bounds] = {"VND": Bounds(min=100_000, max=50_000_000)}
    time_zone: str = "Asia/Ho_Chi_Minh"
    """Whose days the store's figures are told in."""
    locale: Literal["vi", "en", "km"] | None = None
    contact_email: Email | None = None
    """Where the owner is told what needs a person, such as a disabled webhook endpoint, and where
    shoppers may ask about an order that failed after they had paid."""
    notify_by_email: bool = True
    """Whether mails tell of what needs a person; accounts' own mails are not for a store to say."""
    brand_color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] | None = None

    @field_validator("bounds", "topup_bounds")
    @classmethod
    def _known_currencies(cls, value: dict[str, Bounds]) -> dict[str, Bounds]:
        for currency in value:
            if currency not in known_currencies():
                raise PydanticCustomError("invalid_currency", "This is not an ISO 4217 code")
        return value

    @field_validator("currencies")
    @classmethod
    def _currency_codes(cls, value: list[str]) -> list[str]:
        for currency in value:
            if currency not in known_currencies():
                raise PydanticCustomError("invalid_currency", "This is not an ISO 4217 code")
        return list(dict.fromkeys(value))

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in known_zones():
            raise PydanticCustomError("invalid_value", "A time zone is a name such as Asia/Bangkok")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, value: list[str]) -> list[str]:
        for host in value:
            if not HOST.fullmatch(host):
                raise PydanticCustomError(
                    "invalid_value", "A host is a name such as shop.example or shop.example:8443"
                )
        return value

    @property
    def code_prefixes(self) -> tuple[str, ...]:
        """Every prefix that this store's codes may have, the current one first."""
        return (self.code_prefix, *self.past_code_prefixes)


def read_settings(stored: dict[str, Any]) -> StoreSettings:
    """The settings of a store's row."""
    return StoreSettings.model_validate(stored)


def changed_settings(current: StoreSettings, changes: dict[str, Any]) -> StoreSettings:
    """The settings with some changed; raises a Problem that names the field.

    An abandoned code prefix is remembered, so that its codes are still read in memos.
    """
    fields = current.model_dump() | changes
    new = validate(StoreSettings, fields)
    if new.code_prefix == current.code_prefix or "past_code_prefixes" in changes:
        return new
    past = [current.code_prefix, *current.past_code_prefixes]
    kept = [prefix for prefix in dict.fromkeys(past) if prefix != new.code_prefix]
    return new.model_copy(update={"past_code_prefixes": kept})
