"""Attempts to pay, transfers of money, and payments; and what pretend providers remember."""

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time

LIVE = "status IN ('pending', 'requires_action')"
OPEN_TRANSFER = "resolved_at IS NULL AND (held > 0 OR amount IS NULL)"


class Attempt(Scoped, Created, Base):
    """One try to pay a session on one rail. Its code names it for ever."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("code"),
        UniqueConstraint("session_id", "number"),
        CheckConstraint("amount > 0", name="amount"),
        Index("uq_attempt_live", "session_id", unique=True, postgresql_where=text(LIVE)),
        Index("ix_attempt_due", "expires_at", postgresql_where=text(LIVE)),
        Index(
            "ix_attempt_due_test",
            "store_id",
            "expires_at",
            postgresql_where=text(f"{LIVE} AND NOT livemode"),
        ),
        Index(
            "ix_attempt_provider_reference",
            "provider_reference",
            postgresql_where=text("provider_reference IS NOT NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("checkout_session.id"))
    number: Mapped[int]
    rail: Mapped[str] = mapped_column(Text)
    rail_account_id: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    prompt: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    provider_reference: Mapped[str | None] = mapped_column(Text)
    return_url: Mapped[str | None] = mapped_column(Text)
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    expires_at: Mapped[datetime] = mapped_column(Time)
    ended_at: Mapped[datetime | None] = mapped_column(Time)


class AttemptShopper(Scoped, Base):
    """Where the shopper was who started an attempt on the hosted page, until it is forgotten.

    In a table of its own, so that forgetting changes no attempt. Its key is in order of time.
    """

    __tablename__ = "attempt_shopper"
    attempt_id: Mapped[str] = mapped_column(Text, primary_key=True)
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)


class AttemptReference(Scoped, Base):
    """A reference under which a provider knows an attempt: every one ever shown stays watched.

    `created_at` and `expires_at` are the store's time, as on the attempt; all others are real
    time, because providers live in it.
    """

    __tablename__ = "attempt_reference"
    __table_args__ = (
        UniqueConstraint("store_id", "livemode", "rail", "reference"),
        Index("ix_attempt_reference_attempt", "attempt_id"),
        Index(
            "ix_attempt_reference_due",
            "rail_account_id",
            "next_ask_at",
            postgresql_where=text("done_at IS NULL AND next_ask_at IS NOT NULL"),
        ),
        Index(
            "ix_attempt_reference_unclosed",
            "rail",
            "ask_until",
            postgresql_where=text("done_at IS NULL AND closed_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id"))
    rail: Mapped[str] = mapped_column(Text)
    rail_account_id: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Time)
    expires_at: Mapped[datetime] = mapped_column(Time)
    asks: Mapped[int] = mapped_column(server_default="0")
    next_ask_at: Mapped[datetime | None] = mapped_column(Time)
    """None once it has been asked about after `ask_until`: from then on only by hand."""
    ask_until: Mapped[datetime] = mapped_column(Time)
    leased_until: Mapped[datetime | None] = mapped_column(Time)
    """Somebody talks to the provider about it."""
    done_at: Mapped[datetime | None] = mapped_column(Time)
    """The provider has said all that it will ever say: paid, or finally failed."""
    closed_at: Mapped[datetime | None] = mapped_column(Time)
    """The provider knows that nobody shall pay it any more."""


class RailHealth(Base):
    """How one rail account's provider has answered lately, and how far it has been listed."""

    __tablename__ = "rail_health"
    rail_account_id: Mapped[str] = mapped_column(ForeignKey("rail_account.id"), primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")
    """In a row; 0 since the last answer."""
    resting_until: Mapped[datetime | None] = mapped_column(Time)
    """Nobody asks or opens before; then one call may try."""
    next_call_at: Mapped[datetime | None] = mapped_column(Time)
    """When the monitor may ask next, by the rail's rate."""
    backfilled_until: Mapped[datetime | None] = mapped_column(Time)
    next_backfill_at: Mapped[datetime | None] = mapped_column(Time)
    notes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class Transfer(Scoped, Created, Base):
    """One movement of money that a provider told us of, whatever became of it.

    `held` is how much of it waits in suspense for a home or a person. `part_of` names the
    session that counts a short transfer among what it has received.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("rail_account_id", "provider_reference"),
        CheckConstraint("held >= 0", name="held"),
        Index("ix_transfer_list", "store_id", "livemode", "id"),
        Index("ix_transfer_fingerprint", "rail_account_id", "fingerprint"),
        Index("ix_transfer_session", "session_id"),
        Index("ix_transfer_part", "part_of", postgresql_where=text("part_of IS NOT NULL")),
        Index(
            "ix_transfer_open",
            "store_id",
            "livemode",
            "disposition",
            "id",
            postgresql_where=text(OPEN_TRANSFER),
        ),
        # For the transfers inbox. What matched at once is only in the one by rail.
        Index(
            "ix_transfer_inbox",
            "store_id",
            "livemode",
            "id",
            postgresql_where=text(OPEN_TRANSFER),
        ),
        Index("ix_transfer_rail", "store_id", "livemode", "rail", "id"),
        Index(
            "ix_transfer_resolved",
            "store_id",
            "livemode",
            "id",
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
        Index(
            "ix_transfer_disposition",
            "store_id",
            "livemode",
            "disposition",
            "id",
            postgresql_where=text("disposition <> 'matched'"),
        ),
        Index(
            "ix_transfer_amount",
            "store_id",
            "livemode",
            "amount",
            "id",
            postgresql_where=text("disposition <> 'matched'"),
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    rail: Mapped[str] = mapped_column(Text)
    rail_account_id: Mapped[str] = mapped_column(Text)
    provider_reference: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    """hook, list, or wallet where no provider outside told of it."""
    twin_reference: Mapped[str | None] = mapped_column(Text)
    inbox_id: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Text)
    memo: Mapped[str] = mapped_column(Text)
    payer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    occurred_at: Mapped[datetime] = mapped_column(Time)
    received_at: Mapped[datetime] = mapped_column(Time)
    disposition: Mapped[str] = mapped_column(Text)
    attempt_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    held: Mapped[int] = mapped_column(BigInteger, server_default="0")
    part_of: Mapped[str | None] = mapped_column(Text)
    resolution: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    resolved_at: Mapped[datetime | None] = mapped_column(Time)


class Payment(Scoped, Created, Base):
    """The money that a session asked for, arrived. One a session."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("session_id"),
        CheckConstraint("amount > 0 AND fee >= 0 AND fee <= amount", name="amounts"),
        CheckConstraint("amount_refunded BETWEEN 0 AND amount", name="refunded"),
        Index("ix_payment_list", "store_id", "livemode", "id"),
        Index(
            "ix_payment_reference",
            "store_id",
            "livemode",
            "reference",
            "id",
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index(
            "ix_payment_customer",
            "store_id",
            "livemode",
            "customer_id",
            "id",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        # For core/search.py: what has few values, and what leads to it.
        Index(
            "ix_payment_facets",
            "store_id",
            "livemode",
            "rail",
            "currency",
            "status",
            "late",
            "id",
        ),
        Index(
            "ix_payment_amount",
            "store_id",
            "livemode",
            "amount",
            "rail",
            "currency",
            "status",
            "late",
            "id",
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("checkout_session.id"))
    attempt_id: Mapped[str | None] = mapped_column(Text)
    transfer_id: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[str | None] = mapped_column(Text)
    rail: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)
    amount_refunded: Mapped[int] = mapped_column(BigInteger, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    late: Mapped[bool]
    provider_reference: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    paid_at: Mapped[datetime] = mapped_column(Time)


class FakeRecord(Created, Base):
    """What a pretend provider remembers of one rail account."""

    __tablename__ = "fake_record"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    __table_args__ = (UniqueConstraint("rail_account_id", "kind", "key"),)
    rail_account_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class FakeDelivery(Scoped, Created, Base):
    """A notice that a pretend provider still has to deliver, with the provider's own retries."""

    __tablename__ = "fake_delivery"
    __table_args__ = (
        Index("ix_fake_delivery_pending", "due_at", postgresql_where=text("done_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    rail: Mapped[str] = mapped_column(Text)
    rail_account_id: Mapped[str] = mapped_column(Text)
    call: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())
    done_at: Mapped[datetime | None] = mapped_column(Time)
    last_status: Mapped[int | None]
