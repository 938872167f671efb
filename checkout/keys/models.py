"""API keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time


class ApiKey(Scoped, Created, Base):
    """A key of one store and one mode; only its hash is kept."""

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("kind IN ('secret', 'publishable')", name="kind"),)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"))
    kind: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, unique=True)
    last4: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, server_default="")
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """The actions that it is restricted to; None for all."""
    revoked_at: Mapped[datetime | None] = mapped_column(Time)
    last_used_at: Mapped[datetime | None] = mapped_column(Time)
