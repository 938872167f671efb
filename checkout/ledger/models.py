"""Double entry: accounts, journals and entries. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from checkout.core.db import Base
from checkout.core.models import Created, Scoped, Time


class Account(Scoped, Base):
    """Money of one kind and currency; `balance` is the balance after its newest entry.

    What a bank or provider holds for the store is below zero in `clearing:<rail>`: money
    flows out of it into the other accounts, none of which may be below zero.
    """

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "uq_account",
            "store_id",
            "livemode",
            "currency",
            "kind",
            text("coalesce(customer_id, '')"),
            unique=True,
        ),
        CheckConstraint("balance >= 0 OR left(kind, 9) = 'clearing:'", name="not_below_zero"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    balance: Mapped[int] = mapped_column(BigInteger, server_default="0")


class Journal(Scoped, Created, Base):
    """One balanced movement and what caused it."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_list", "store_id", "livemode", "id"),
        Index(
            "uq_journal_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("payment_id IS NOT NULL"),
        ),
        Index("ix_journal_transfer", "transfer_id"),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    payment_id: Mapped[str | None] = mapped_column(Text)
    transfer_id: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class Entry(Base):
    """One side of a journal; `balance_after` follows from the account's entry before it."""

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_entry_account", "account_id", "id"),
        Index("ix_entry_journal", "journal_id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    journal_id: Mapped[str] = mapped_column(ForeignKey("journal.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Time)
