"""Checkout sessions and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time

LIVE = "status IN ('open', 'processing', 'awaiting_action')"


class CheckoutSession(Scoped, Created, Base):
    """One purchase on its way. `status` moves only through sessions/move.py."""

    __tablename__ = "checkout_session"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 999999999999", name="amount"),
        CheckConstraint("amount_received >= 0", name="received"),
        CheckConstraint(
            "status IN ('open', 'processing', 'awaiting_action', 'completed', 'expired',"
            " 'abandoned', 'cancelled')",
            name="status",
        ),
        Index("ix_checkout_session_list", "store_id", "livemode", "id"),
        Index("ix_checkout_session_status", "store_id", "livemode", "status", "id"),
        Index("ix_checkout_session_due", "expires_at", postgresql_where=text(LIVE)),
        Index(
            "ix_checkout_session_due_test",
            "store_id",
            "expires_at",
            postgresql_where=text(f"{LIVE} AND NOT livemode"),
        ),
        Index(
            "ix_checkout_session_remind",
            "expires_at",
            postgresql_where=text(f"{LIVE} AND reminds AND reminded_at IS NULL"),
        ),
        Index(
            "ix_checkout_session_reference",
            "store_id",
            "livemode",
            "reference",
            "id",
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index(
            "ix_checkout_session_customer",
            "store_id",
            "livemode",
            "customer_id",
            "id",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        # For core/search.py: what has few values, and what leads to it.
        Index(
            "ix_checkout_session_facets",
            "store_id",
            "livemode",
            "status",
            "payment_status",
            "currency",
            "id",
        ),
        Index(
            "ix_checkout_session_amount",
            "store_id",
            "livemode",
            "amount",
            "status",
            "payment_status",
            "currency",
            "id",
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    mode: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    payment_status: Mapped[str] = mapped_column(Text)
    seq: Mapped[int]
    expired_reason: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    amount_received: Mapped[int] = mapped_column(BigInteger, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    line_items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    discount: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    description: Mapped[str | None] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    customer_id: Mapped[str | None] = mapped_column(Text)
    customer_proven: Mapped[bool] = mapped_column(server_default="false")
    """Named by the merchant's own secret key, or signed in: never by an address typed in."""
    rails: Mapped[list[str]] = mapped_column(ARRAY(Text))
    attempts: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(Time)
    ended_at: Mapped[datetime | None] = mapped_column(Time)
    reminds: Mapped[bool]
    reminded_at: Mapped[datetime | None] = mapped_column(Time)
    success_url: Mapped[str | None] = mapped_column(Text)
    cancel_url: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    fulfilment: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default='{"status": "none"}')


class SessionHistory(Scoped, Base):
    """One change of a session; rows are never changed (trigger)."""

    __tablename__ = "session_history"
    __table_args__ = (Index("ix_session_history_session", "session_id", "seq"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("checkout_session.id"))
    seq: Mapped[int]
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Time)
