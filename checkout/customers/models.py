"""The people who pay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time


class Customer(Scoped, Created, Base):
    """A shop's customer, matched by the shop's own reference, then by e-mail."""

    __tablename__ = "customer"
    __table_args__ = (
        Index(
            "uq_customer_reference",
            "store_id",
            "livemode",
            "reference",
            unique=True,
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index(
            "uq_customer_email",
            "store_id",
            "livemode",
            "email",
            unique=True,
            postgresql_where=text("email IS NOT NULL AND reference IS NULL"),
        ),
        Index(
            "ix_customer_email",
            "store_id",
            "livemode",
            "email",
            "id",
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index("ix_customer_list", "store_id", "livemode", "id"),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    deleted_at: Mapped[datetime | None] = mapped_column(Time)
    """Since then the row says nothing of a person; what was paid still points to it."""
