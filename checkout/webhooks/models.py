"""Merchants' endpoints and what is delivered to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time


class Endpoint(Scoped, Created, Base):
    """Where a merchant wants to hear of events; secrets are sealed, shown once."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("ix_endpoint_list", "store_id", "livemode", "id"),)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    enabled_events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str] = mapped_column(Text, server_default="")
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[datetime | None] = mapped_column(Time)
    failing_since: Mapped[datetime | None] = mapped_column(Time)
    deleted_at: Mapped[datetime | None] = mapped_column(Time)


class Delivery(Scoped, Created, Base):
    """One event for one endpoint."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        CheckConstraint(
            "status IN ('waiting', 'delivered', 'exhausted', 'cancelled')", name="status"
        ),
        Index(
            "ix_delivery_endpoint_due",
            "endpoint_id",
            "next_try_at",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_delivery_list", "endpoint_id", "id"),
        Index("ix_delivery_store", "store_id", "livemode", "id"),
        Index(
            "ix_delivery_undone",
            "store_id",
            "livemode",
            "status",
            "id",
            postgresql_where=text("status <> 'delivered'"),
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    event_id: Mapped[str] = mapped_column(Text)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoint.id"))
    status: Mapped[str] = mapped_column(Text, server_default="waiting")
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())
    lease_until: Mapped[datetime | None] = mapped_column(Time)
    manual: Mapped[bool] = mapped_column(server_default="false")
    response_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None] = mapped_column(Time)


class DeliveryAttempt(Base):
    """One try: when, what was sent where, what came back, how long it took."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_delivery", "delivery_id", "number"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("delivery.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(Time)
    duration_ms: Mapped[int]
    url: Mapped[str | None] = mapped_column(Text)
    request_headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    response_headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    response_status: Mapped[int | None]
    response_body: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    manual: Mapped[bool] = mapped_column(server_default="false")
