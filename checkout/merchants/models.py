"""Stores, their accounts at payment providers, and the people who run them."""

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


class StoreLogo(Created, Base):
    """What a store's pages show beside its name: one small picture, drawn by merchants/logos.py."""

    __tablename__ = "store_logo"
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)


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


class User(Created, Base):
    """A merchant: somebody who signs in. A deleted one keeps its row, without a person in it."""

    __tablename__ = "app_user"
    __table_args__ = (
        Index(
            "uq_app_user_email", "email", unique=True, postgresql_where=text("deleted_at IS NULL")
        ),
        CheckConstraint("email = lower(email)", name="email_is_lower_case"),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(Time)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code taken: none up to it is taken again."""
    deleted_at: Mapped[datetime | None] = mapped_column(Time)


class Membership(Created, Base):
    """A user's role in a store."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'support', 'viewer')", name="role"),
        Index("ix_membership_user_id", "user_id"),
    )
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)


class Invitation(Created, Base):
    """A place in a store's team that waits for somebody; of its link only the hash is kept."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'support', 'viewer')", name="role"),
        Index(
            "uq_invitation_open",
            "store_id",
            "email",
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id"))
    email: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    invited_by: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(Time)
    accepted_at: Mapped[datetime | None] = mapped_column(Time)
    revoked_at: Mapped[datetime | None] = mapped_column(Time)


class SignIn(Created, Base):
    """One browser or program in which a merchant is signed in: the family of its tokens."""

    __tablename__ = "sign_in"
    __table_args__ = (
        CheckConstraint("kind IN ('browser', 'api')", name="kind"),
        Index("ix_sign_in_user_id", "user_id"),
        Index("ix_sign_in_expires_at", "expires_at"),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("app_user.id"))
    kind: Mapped[str] = mapped_column(Text)
    cookie_hash: Mapped[str | None] = mapped_column(Text, unique=True)
    user_agent: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    password_at: Mapped[datetime] = mapped_column(Time)
    """When the password was typed last."""
    last_used_at: Mapped[datetime] = mapped_column(Time)
    expires_at: Mapped[datetime] = mapped_column(Time)
    revoked_at: Mapped[datetime | None] = mapped_column(Time)


class AccessToken(Base):
    """A short-lived key of a sign-in; only its hash is kept."""

    __tablename__ = "access_token"
    __table_args__ = (Index("ix_access_token_expires_at", "expires_at"),)
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    sign_in_id: Mapped[str] = mapped_column(ForeignKey("sign_in.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(Time)


class RefreshToken(Created, Base):
    """What a program gets new tokens for, once; used a second time it ends the sign-in."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index("ix_refresh_token_expires_at", "expires_at"),)
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    sign_in_id: Mapped[str] = mapped_column(ForeignKey("sign_in.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(Time)
    used_at: Mapped[datetime | None] = mapped_column(Time)


class RecoveryCode(Base):
    """Stands in for a code of the authenticator app, once."""

    __tablename__ = "recovery_code"
    user_id: Mapped[str] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(Time)


class UserToken(Created, Base):
    """A link that was mailed: to confirm a sign-up, or to set a new password."""

    __tablename__ = "user_token"
    __table_args__ = (
        Index("ix_user_token_email", "email", "purpose"),
        Index("ix_user_token_expires_at", "expires_at"),
    )
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("app_user.id"))
    email: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    expires_at: Mapped[datetime] = mapped_column(Time)
    used_at: Mapped[datetime | None] = mapped_column(Time)


class Letter(Created, Base):
    """A mail that somebody asked for: who looks the address up is not the one who answers."""

    __tablename__ = "letter"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class SignInFailure(Base):
    """Wrong passwords in a row for an address, whether somebody has it or not."""

    __tablename__ = "sign_in_failure"
    email_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    failed_count: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(Time)
    locked_until: Mapped[datetime | None] = mapped_column(Time)
