"""Stores and their accounts at payment providers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time


class Store(Created, Base):
    """A shop. `settings` holds what `merchants/settings.py` declares."""

    __tablename__ = "store"
    __table_args__ = (CheckConstraint("clock_offset_seconds >= 0", name="clock_goes_forward"),)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    clock_offset_seconds: Mapped[int] = mapped_column(BigInteger, server_default="0")


class RailAccount(Scoped, Created, Base):
    """A store's account on a rail in one mode; `sealed` is the JSON of its secret settings.

    Changing credentials supersedes the row, so that open attempts keep matching the old one.
    """

    __tablename__ = "rail_account"
    __table_args__ = (
        Index(
            "uq_rail_account_current",
            "store_id",
            "livemode",
            "rail",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"))
    rail: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    superseded_at: Mapped[datetime | None] = mapped_column(Time)
