"""Stores, members and invitations as the API shows them, and what the calls on them take."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, create_model
from pydantic.fields import FieldInfo

from checkout.core.body import Body
from checkout.core.clock import rfc3339
from checkout.core.config import config
from checkout.core.fields import Email
from checkout.merchants.logos import MAX_BYTES, logo_path
from checkout.merchants.roles import Role
from checkout.merchants.settings import StoreSettings, read_settings
from checkout.merchants.stores import MAX_NAME_LENGTH, SLUG

OPERATORS_OWN = ("past_code_prefixes", "rate_limit_per_minute")
"""What a store's team sees and only whoever runs the installation sets, by command."""

MAX_BASE64 = MAX_BYTES // 3 * 4
BASE64 = "^[A-Za-z0-9+/]+={0,2}$"
"""Told in the document only: whatever is no picture is refused as one, `invalid_image`."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG.pattern}$")]


def _kind(field: FieldInfo) -> Any:
    """A setting's type with its bounds, for a model that takes or shows it."""
    kind = field.annotation
    for bound in field.metadata:
        kind = Annotated[kind, bound]  # type: ignore[assignment]  # types made at run time
    return kind


_SETTINGS: dict[str, Any] = {
    name: (_kind(field), field.default) for name, field in StoreSettings.model_fields.items()
}
# Made by factories, so that the document tells of no defaults: what is left out stays.
_SETTABLE: dict[str, Any] = {
    name: (kind, Field(default_factory=partial(copy, default)))
    for name, (kind, default) in _SETTINGS.items()
    if name not in OPERATORS_OWN
}
SettableFields = create_model("SettableFields", __base__=Body, **_SETTABLE)
SettingsShown = create_model("SettingsShown", **_SETTINGS)


class CreateStore(SettableFields):  # type: ignore[valid-type, misc]  # made at run time
    name: Name
    slug: Slug


class UpdateStore(SettableFields):  # type: ignore[valid-type, misc]  # made at run time
    name: Name = Field(default_factory=str)
    slug: Slug = Field(default_factory=str)


class StoreAnswer(SettingsShown):  # type: ignore[valid-type, misc]  # made at run time
    id: str
    object: Literal["store"]
    name: str
    slug: str
    role: Role = Field(description="The caller's own.")
    logo_url: str | None = Field(description="Another one whenever the logo changes.")
    created_at: str


class SetLogo(Body):
    image: Annotated[str, StringConstraints(min_length=4, max_length=MAX_BASE64)] = Field(
        description="A PNG, JPEG or WebP of at most 180 KB and 4,000 pixels a side, as base64.",
        json_schema_extra={"pattern": BASE64, "contentEncoding": "base64"},
    )


class StoresAnswer(BaseModel):
    object: Literal["list"]
    data: list[StoreAnswer]
    has_more: bool
    next_cursor: str | None


class MemberAnswer(BaseModel):
    id: str = Field(description="The user's id.")
    object: Literal["member"]
    email: str
    name: str
    role: Role
    created_at: str


class InvitationAnswer(BaseModel):
    id: str
    object: Literal["invitation"]
    email: str
    role: Role
    invited_by: str
    expires_at: str
    created_at: str


class TeamAnswer(BaseModel):
    object: Literal["list"]
    data: list[MemberAnswer]
    invitations: list[InvitationAnswer] = Field(description="Those that nobody has taken yet.")
    has_more: bool
    next_cursor: str | None


class Invite(Body):
    email: Email
    role: Role


class ChangeRole(Body):
    role: Role


class Accept(Body):
    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StoreDeleted(BaseModel):
    id: str
    object: Literal["store"]
    deleted: Literal[True]


class GoneAnswer(BaseModel):
    id: str
    object: Literal["member", "invitation"]
    deleted: Literal[True]


def store_object(row: Any) -> dict[str, Any]:
    """A store with every setting; the row has the caller's role."""
    return {
        "id": row.id,
        "object": "store",
        "name": row.name,
        "slug": row.slug,
        "role": row.role,
        "logo_url": f"{config().public_url}{logo_path(row.id, row.logo)}" if row.logo else None,
        **read_settings(row.settings).model_dump(),
        "created_at": rfc3339(row.created_at),
    }


def member_object(row: Any) -> dict[str, Any]:
    return {
        "id": row.user_id,
        "object": "member",
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "created_at": rfc3339(row.created_at),
    }


def invitation_object(row: Any) -> dict[str, Any]:
    """An invitation without its link, which only the mail has."""
    return {
        "id": row.id,
        "object": "invitation",
        "email": row.email,
        "role": row.role,
        "invited_by": row.invited_by,
        "expires_at": rfc3339(row.expires_at),
        "created_at": rfc3339(row.created_at),
    }


def whole_list(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A list that is short enough to be given at once."""
    return {"object": "list", "data": items, "has_more": False, "next_cursor": None}
