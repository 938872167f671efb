"""Records without business words: what came in, what goes out, keys of repeats, who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base

Time = DateTime(timezone=True)


class Scoped:
    """Every row of a shop's data says whose it is and in which mode."""

    store_id: Mapped[str] = mapped_column(Text)
    livemode: Mapped[bool]


class Created:
    created_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())


class Inbox(Scoped, Base):
    """A provider's verified notice, stored before it is judged."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("rail_account_id", "provider_reference"),
        Index("ix_inbox_pending", "next_try_at", postgresql_where=text("judged_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    rail: Mapped[str] = mapped_column(Text)
    rail_account_id: Mapped[str] = mapped_column(Text)
    provider_reference: Mapped[str] = mapped_column(Text)
    notice: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())
    judged_at: Mapped[datetime | None] = mapped_column(Time)
    result: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())
    last_error: Mapped[str | None] = mapped_column(Text)


class Outbox(Scoped, Created, Base):
    """An event; `body` is the very text that is signed and sent."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_list", "store_id", "livemode", "id"),
        Index("ix_outbox_subject", "subject", "id"),
        Index("ix_outbox_type", "store_id", "livemode", "type", "id"),
        Index("ix_outbox_pending", "id", postgresql_where=text("dispatched_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    dispatched_at: Mapped[datetime | None] = mapped_column(Time)
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())


class IdempotencyKey(Scoped, Created, Base):
    """The first answer to a key, committed together with its effect."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_age", "created_at"),)
    store_id: Mapped[str] = mapped_column(Text, primary_key=True)
    livemode: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[str] = mapped_column(Text)
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)


class AuditEntry(Created, Base):
    """Who changed what about a store.

    A trigger numbers a store's entries and chains each to the one before it; another one
    refuses every change. `audit_hash` in the database says what is chained.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        UniqueConstraint("store_id", "seq"),
        Index("ix_audit_entry_list", "store_id", "id"),
        Index("ix_audit_entry_target", "store_id", "target", "id"),
        Index("ix_audit_entry_action", "store_id", "action", "id"),
        Index("ix_audit_entry_actor", "store_id", "actor", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    store_id: Mapped[str] = mapped_column(Text)
    livemode: Mapped[bool | None]
    """None for what concerns both modes, such as the team."""
    actor: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    """Where the request came from; None for commands and background work."""
    action: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    seq: Mapped[int] = mapped_column(BigInteger)
    previous_hash: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text)


class SecurityEvent(Created, Base):
    """Something that was refused: a wrong key, a forged notice, an address that is blocked.

    And what was done to a merchant's account, which is of no store.
    """

    __tablename__ = "security_event"
    __table_args__ = (
        Index("ix_security_event_list", "store_id", "id"),
        Index("ix_security_event_age", "created_at"),
        Index(
            "ix_security_event_person",
            "actor",
            "id",
            postgresql_where=text("store_id IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    store_id: Mapped[str | None] = mapped_column(Text)
    """None where nobody knows whose door was tried."""
    livemode: Mapped[bool | None]
    kind: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class Heartbeat(Base):
    """A time by kind and name.

    When a process last gave a sign of life, when a task is due next; of which store there is
    news and when it was told last (merchants/news.py); up to when a table has been emptied
    (core/retention.py).
    """

    __tablename__ = "heartbeat"
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(Time)


class Mail(Scoped, Created, Base):
    """A mail on its way; sent by a sweep, so that a dead mail server loses none."""

    __tablename__ = "mail"
    __table_args__ = (
        UniqueConstraint("purpose", "subject_id"),
        Index("ix_mail_pending", "next_try_at", postgresql_where=text("status = 'waiting'")),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text_body: Mapped[str] = mapped_column(Text)
    html_body: Mapped[str] = mapped_column(Text)
    secret: Mapped[bool] = mapped_column(server_default="false")
    """Whether its text opens something, and so is not kept once it is sent or given up."""
    locale: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="waiting")
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(Time, server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(Time)
    last_error: Mapped[str | None] = mapped_column(Text)
