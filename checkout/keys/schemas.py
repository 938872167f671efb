"""What the calls on keys take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.body import Body
from checkout.core.fields import QueryFlag
from checkout.core.lists import ListQuery
from checkout.core.scope import KeyKind


class CreateKey(Body):
    kind: KeyKind = "secret"
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="The actions that the key is restricted to; all when left out."
    )


class KeyList(ListQuery):
    revoked: QueryFlag | None = None


class KeyAnswer(BaseModel):
    id: str
    object: Literal["api_key"]
    kind: KeyKind
    name: str
    last4: str
    scopes: list[str] | None
    last_used_at: str | None = Field(description="To the minute.")
    revoked_at: str | None
    created_at: str
    livemode: bool


class NewKeyAnswer(KeyAnswer):
    key: str = Field(description="Shown this once.")
